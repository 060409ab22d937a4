from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from drivesim.scene.camera import NEAR, Camera, clip_near

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


@given(cameras, st.floats(2, 100), st.floats(-10, 10), st.floats(0, 4))
def test_a_projected_point_lies_on_the_ray_of_its_pixel(camera: Camera, x: float, y: float, z: float) -> None:
    point = np.array([x, y, z])
    (u, v), depth = camera.project(point)
    assume(0 < u < 1 and 0 < v < 1)
    rays = camera.rays(256, 512)
    ray = rays[int(v * 256), int(u * 512)]
    back, _ = camera.project(np.array([0, 0, camera.height]) + depth * ray)
    assert np.abs(back - [u, v]).max() <= 1 / 256
    assert np.allclose(camera.axes()[2] @ ray, 1.0)


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
