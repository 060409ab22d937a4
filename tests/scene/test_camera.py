from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from drivesim.scenario.first_frame_boxes import ground_distance
from drivesim.scene.camera import NEAR, Camera, clip_near
from drivesim.scene.geometry import pixel_centres

cameras = st.builds(Camera, st.floats(1.0, 2.5), st.floats(-6, 6), st.floats(40, 90))


def test_axes_are_orthonormal_and_right_handed() -> None:
    axes = Camera(pitch=5).axes()
    assert np.allclose(axes @ axes.T, np.eye(3))
    assert np.allclose(np.cross(axes[0], axes[1]), axes[2])


def test_the_point_straight_ahead_is_the_middle_of_the_frame() -> None:
    points, depth = Camera(height=1.4).project(np.array([20.0, 0.0, 1.4]))
    assert np.allclose(points, [0.5, 0.5])
    assert depth == pytest.approx(20)


def test_field_of_view_is_from_edge_to_edge() -> None:
    camera = Camera(field_of_view=90)
    points, _ = camera.project(np.array([[10.0, 10.0, 1.4], [10.0, -10.0, 1.4]]))
    assert np.allclose(points[:, 0], [0.0, 1.0])  # left of the ego is left in the picture


@given(cameras, st.integers(0, 15), st.integers(0, 31), st.floats(NEAR, 500))
def test_back_projection_of_a_pixel_projects_onto_it(camera: Camera, row: int, column: int, depth: float) -> None:
    u, v = pixel_centres(16, 32, like=camera.pinhole.height)
    ray = np.array(camera.pinhole.rays(u[column], v[row, 0]))
    back, along = camera.project(np.array([0, 0, camera.height]) + depth * ray)
    assert along == pytest.approx(depth)
    assert np.allclose(back * [32, 16], [column + 0.5, row + 0.5], atol=1e-6)


@given(cameras, st.floats(2.5, 100), st.floats(-10, 10))
def test_ground_in_view_is_found_again_from_its_pixel(camera: Camera, x: float, y: float) -> None:
    (u, v), _ = camera.project(np.array([x, y, 0.0]))
    assume(v <= 1)
    assert v > camera.horizon
    assert ground_distance(camera, np.array([u, 0, u, v])) == pytest.approx(np.hypot(x, y), rel=1e-6)


@given(cameras, st.floats(0, 1), st.floats(0, 1))
def test_there_is_no_ground_above_the_horizon(camera: Camera, u: float, v: float) -> None:
    assume(abs(v - camera.horizon) > 1e-9)
    assert np.isfinite(ground_distance(camera, np.array([u, 0, u, v]))) == (v > camera.horizon)


@given(st.lists(st.tuples(*[st.floats(-9, 9)] * 3), min_size=3, max_size=3))
def test_clipping_keeps_what_is_before_the_plane(triangle: list[tuple[float, float, float]]) -> None:
    view = np.array(triangle)
    clipped = clip_near(view)
    assert len(clipped) <= 4
    assert (clipped[:, 2] >= NEAR - 1e-9).all()
    kept = view[view[:, 2] >= NEAR]
    assert all((np.abs(clipped - point).sum(1) == 0).any() for point in kept)
    assert bool(len(clipped)) == bool(len(kept))


@given(cameras)
def test_the_horizon_is_where_far_ground_is_seen(camera: Camera) -> None:
    points, _ = camera.project(np.array([1e7, 0.0, 0.0]))
    assert points[1] == pytest.approx(camera.horizon, abs=1e-5)


def test_looking_up_lowers_the_horizon_and_a_higher_camera_sees_the_ground_lower() -> None:
    assert Camera(pitch=3).horizon > 0.5 > Camera(pitch=-3).horizon
    ground = np.array([15.0, 0.0, 0.0])
    assert Camera(height=2.4).project(ground)[0][1] > Camera(height=1.2).project(ground)[0][1]


def test_clip_near_cuts_at_the_plane() -> None:
    square = np.array([[-1.0, 0, 1], [1, 0, 1], [1, 0, -1], [-1, 0, -1]])
    clipped = clip_near(square)
    assert clipped[:, 2].min() == pytest.approx(NEAR)
    assert len(clipped) == 4
    away = np.array([0.0, 0.0, 5.0])
    assert np.array_equal(clip_near(square + away), square + away)
    assert len(clip_near(square - away)) == 0
