from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivesim.scene.road import LANE_WIDTH, SETTINGS, Road

curvatures = st.floats(-0.02, 0.02)


def test_lanes_are_counted_from_the_left() -> None:
    road = Road("highway", lanes=3, ego_lane=2)
    assert [road.lane_center(lane) for lane in (1, 2, 3)] == [3.7, 0.0, -3.7]


def test_every_setting_has_a_lane_width() -> None:
    assert set(LANE_WIDTH) == set(SETTINGS)


def test_a_straight_road_is_the_plane_itself() -> None:
    assert np.allclose(Road().to_plane([10.0, 50.0], [2.0, -3.0]), [[10, 2], [50, -3]])


@given(curvatures.filter(lambda k: abs(k) > 1e-6), st.floats(0, 150), st.floats(-10, 10))
def test_points_keep_their_distance_to_the_centre_of_the_bend(curvature: float, ahead: float, left: float) -> None:
    radius = 1 / curvature
    point = Road(curvature=curvature).to_plane(ahead, left)
    assert np.hypot(point[0], point[1] - radius) == pytest.approx(abs(radius - left), rel=1e-6)


@given(curvatures, st.floats(0, 100))
def test_heading_is_the_direction_of_the_curve(curvature: float, ahead: float) -> None:
    road = Road(curvature=curvature)
    step = road.to_plane(ahead + 1e-3, 0.0) - road.to_plane(ahead - 1e-3, 0.0)
    assert np.arctan2(step[1], step[0]) == pytest.approx(float(road.heading(ahead)), abs=1e-6)
    assert np.hypot(*step) == pytest.approx(2e-3, rel=1e-5)


def test_positive_curvature_bends_to_the_left() -> None:
    assert Road(curvature=0.01).to_plane(50.0, 0.0)[1] > 0


@settings(deadline=None)
@given(curvatures, st.floats(-20, 70), st.floats(-10, 10))
def test_a_point_of_the_plane_has_its_road_coordinates_back(curvature: float, ahead: float, left: float) -> None:
    road = Road(curvature=curvature)
    assert road.from_plane(road.to_plane(ahead, left)) == pytest.approx((ahead, left), abs=1e-4)
