from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scenario_editor.document.placement import as_box, as_placed, box_of, drawn, fitted, ground_at, placed

from drivesim.config import InputError
from drivesim.scenario.sections import BoxedVehicle, PlacedVehicle
from drivesim.scene.camera import Camera
from drivesim.scene.road import Road

BEND = Road("rural", 2, 1, 0.008)


@given(st.floats(4, 120), st.floats(-12, 12), st.floats(-0.01, 0.01), st.floats(-4, 4))
@settings(max_examples=50, deadline=None)
def test_a_pixel_of_the_ground_is_the_place_that_is_seen_there(ahead: float, left: float, curvature: float, pitch: float) -> None:
    road, camera = Road(curvature=curvature), Camera(pitch=pitch)
    point, depth = camera.project(np.array([*road.to_plane(ahead, left), 0.0]))
    if depth < 1:
        return
    assert ground_at(point * [1024, 512], road, camera) == pytest.approx((ahead, left), abs=1e-5)


def test_there_is_no_ground_above_the_horizon() -> None:
    assert ground_at((500, 256), Road(), Camera()) is None
    assert ground_at((500, 250), Road(), Camera(pitch=-2)) is not None


@pytest.mark.parametrize("kind", ["sedan", "van", "truck"])
@pytest.mark.parametrize("ahead, left, heading", [(14, 0, 0), (24, 3.7, 0), (45, -3.7, 0), (30, 7.4, 180), (18, -2, 35)])
def test_a_vehicle_is_found_again_from_its_box(kind: str, ahead: float, left: float, heading: float) -> None:
    for road in (Road(), BEND):
        vehicle = PlacedVehicle(ahead=ahead, left=left, heading=heading, kind=kind)
        box = box_of(vehicle, road, Camera())
        assert box is not None
        found, share = fitted(box.tolist(), vehicle.kind, heading, road, Camera())
        assert share > 0.93
        if box[0] > 0 and box[2] < 1024:  # what leaves the frame cannot be told as well
            assert found.ahead == pytest.approx(ahead, rel=0.03) and found.left == pytest.approx(left, abs=0.3)


def test_a_drawn_box_is_a_vehicle_on_the_road_or_stays_a_box() -> None:
    road, camera = Road(lanes=3, ego_lane=2), Camera()
    near = box_of(PlacedVehicle(ahead=20, left=-3.7, kind="suv"), road, camera)
    assert near is not None
    loose = (near + np.array([-8, -6, 10, 5])).round().tolist()
    found = drawn(loose, "suv", road, camera)
    assert isinstance(found, PlacedVehicle) and found.ahead == pytest.approx(20, abs=2) and found.heading == 0
    flying = [480.0, 40.0, 580.0, 120.0]
    assert drawn(flying, "sedan", road, camera) == BoxedVehicle(box=tuple(flying), heading=0, kind="sedan")
    assert isinstance(drawn([400, 250, 700, 290], "sedan", road, camera), BoxedVehicle)  # far too flat


def test_traffic_left_of_the_carriageway_is_oncoming() -> None:
    road = Road("city", lanes=2, ego_lane=1)
    assert placed("sedan", 20, 3.3, road).heading == 180 and placed("sedan", 20, -3.3, road).heading == 0


def test_both_forms_of_a_vehicle_are_the_same_vehicle() -> None:
    vehicle = PlacedVehicle(ahead=26, left=3.4, heading=20, kind="van")
    box = as_box(vehicle, BEND, Camera())
    assert box.heading == round(20 + np.degrees(0.008 * 26))
    back = as_placed(box, BEND, Camera())
    assert back.ahead == pytest.approx(26, abs=0.8) and back.left == pytest.approx(3.4, abs=0.3)
    assert back.heading == pytest.approx(20, abs=1.5)
    with pytest.raises(InputError, match="out of view"):
        as_box(PlacedVehicle(ahead=-20, left=0, kind="van"), BEND, Camera())
    with pytest.raises(InputError, match="no sedan on this road"):
        as_placed(BoxedVehicle(box=(100, 0, 900, 30), kind="sedan"), BEND, Camera())
