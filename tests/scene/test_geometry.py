"""The one geometry: the same in numpy and torch, back and forth, and motion in the picture worked out by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from drivesim.scene.camera import Camera
from drivesim.scene.geometry import (
    Pinhole,
    Pose,
    actor_motion,
    arc,
    image_motion,
    lens,
    pixel_centres,
    plane_to_road,
    reproject,
    road_to_plane,
    static_motion,
)

LEVEL = Camera(height=1.5, pitch=0.0, field_of_view=90.0)  # focal length: half the frame's width
TILTED = Camera(height=1.8, pitch=-3.0, field_of_view=70.0)
STILL = (0.0, 0.0, 0.0)


def pose(x: float, y: float, degrees: float) -> Pose[np.ndarray]:
    return Pose(np.asarray(x), np.asarray(y), np.asarray(math.radians(degrees)))


def motion(u: float, v: float, nearness: float, way: Pose[np.ndarray], camera: Camera = LEVEL) -> list[float]:
    values = (np.asarray(value) for value in (u, v, nearness))
    return [float(value) for value in image_motion(camera.pinhole, *values, way)]


def in_both_libraries() -> tuple[dict[str, list[np.ndarray]], dict[str, list[torch.Tensor]]]:
    rng = np.random.default_rng(0)
    height, pitch, field = rng.uniform([1, -5, 45], [2.5, 5, 90], (6, 3)).T[..., None, None]
    curvature, x, y = rng.uniform([-0.02, -20, -60], [0.02, 90, 60], (6, 3)).T[..., None, None]

    def results(library: object, height, pitch, field, curvature, x, y):  # type: ignore[no-untyped-def]
        camera = Pinhole(height, *lens(pitch, field, library))
        u, v = pixel_centres(8, 16, like=height)
        depth = camera.ground(u, v)[2]
        return {
            "rays": camera.rays(u, v),
            "ground": camera.ground(u, v),
            "projection": camera.project(*camera.turned(x + 40, y, -height)),
            "plane": road_to_plane(x, y, curvature),
            "road": plane_to_road(x, y, curvature),
            "motion": image_motion(camera, u, v, 1 / depth, arc(x / 10, curvature)),
        }

    values = (height, pitch, field, curvature, x, y)
    return results(np, *values), results(torch, *map(torch.from_numpy, values))


def test_numpy_and_torch_agree() -> None:
    with_numpy, with_torch = in_both_libraries()
    for name, arrays in with_numpy.items():
        for array, tensor in zip(arrays, with_torch[name], strict=True):
            np.testing.assert_allclose(tensor.numpy(), array, rtol=1e-5, atol=1e-6, err_msg=name)  # pixel centres are float32


@pytest.mark.parametrize("camera", [LEVEL, TILTED])
def test_the_ground_is_seen_where_it_projects_to(camera: Camera) -> None:
    pinhole = camera.pinhole
    u, v = pixel_centres(16, 32, like=pinhole.height)
    x, y, depth = (np.broadcast_to(value, (16, 32)) for value in pinhole.ground(u, v))
    seen = np.isfinite(depth)
    assert seen.any() and not seen[0].any() and not x[~seen].any() and not y[~seen].any()
    points = np.stack([x, y, np.zeros_like(x)], axis=-1)[seen]
    projected, distance = camera.project(points)
    expected = np.stack(np.broadcast_arrays(u, v), axis=-1)[seen]
    np.testing.assert_allclose(projected, expected, atol=1e-9)
    np.testing.assert_allclose(distance, depth[seen])


@pytest.mark.parametrize("curvature", [0.0, 1e-9, 1e-6, 0.004, -0.02])
def test_road_and_plane_are_inverse_within_half_a_turn(curvature: float) -> None:
    reach = min(150.0, 3.0 / max(abs(curvature), 1e-9))  # m: 3 rad
    ahead, left = (grid.ravel() for grid in np.meshgrid(np.linspace(-20, reach, 40), np.linspace(-12, 12, 9)))
    bend = np.asarray(curvature)
    back = plane_to_road(*road_to_plane(ahead, left, bend), bend)
    np.testing.assert_allclose(back[0], ahead, atol=1e-8)
    np.testing.assert_allclose(back[1], left, atol=1e-8)


def test_a_way_is_straight_or_an_arc() -> None:
    straight, bent = (arc(np.asarray(10.0), np.asarray(k)) for k in (0.0, 0.05))
    assert (straight.x, straight.y, straight.yaw) == (10.0, 0.0, 0.0)
    assert [float(bent.x), float(bent.y), float(bent.yaw)] == pytest.approx([math.sin(0.5) / 0.05, (1 - math.cos(0.5)) / 0.05, 0.5])


def test_poses_chain_and_invert() -> None:
    a, b = pose(3.0, -1.0, 90.0), pose(2.0, 5.0, 30.0)
    x, y = a.to_outer(np.asarray(2.0), np.asarray(0.0))  # two metres ahead of one that looks to the left
    assert (float(x), float(y)) == pytest.approx((3.0, 1.0))
    both = a @ b
    point = np.asarray(1.0), np.asarray(4.0)
    np.testing.assert_allclose(both.to_outer(*point), a.to_outer(*b.to_outer(*point)))
    none = a.inverse() @ a
    assert [float(value) for value in (none.x, none.y, none.yaw)] == pytest.approx([0, 0, 0], abs=1e-12)


def test_a_pole_beside_the_road_was_nearer_the_middle_before() -> None:
    """It is 10 m ahead and 5 m left, 1 m above the camera: at u 0.5 - 0.5 * 0.5. Before 10 m of driving it was 20 m ahead."""
    way = static_motion(now=pose(110.0, 7.0, 0.0), then=pose(100.0, 7.0, 0.0))
    assert motion(0.25, 0.4, 1 / 10, way) == pytest.approx([0.125, 0.05])
    back = static_motion(now=pose(100.0, 7.0, 0.0), then=pose(110.0, 7.0, 0.0))
    assert motion(0.375, 0.45, 1 / 20, back) == pytest.approx([-0.125, -0.05])


def test_the_sky_turns_and_comes_no_nearer() -> None:
    ahead = static_motion(now=pose(50.0, 0.0, 0.0), then=pose(0.0, 0.0, 0.0))
    assert motion(0.3, 0.2, 0.0, ahead) == pytest.approx([0.0, 0.0])
    turned = static_motion(now=pose(0.0, 0.0, 45.0), then=pose(*STILL))  # what is straight ahead now was at the left edge then
    assert motion(0.5, 0.5, 0.0, turned) == pytest.approx([-0.5, 0.0])


def test_a_car_ahead_that_keeps_its_distance_stands_in_the_picture_and_the_road_does_not() -> None:
    ego = pose(20.0, 0.0, 0.0), pose(0.0, 0.0, 0.0)
    assert motion(0.5, 0.6, 1 / 20, actor_motion(pose(20.0, 0.0, 0.0), pose(20.0, 0.0, 0.0))) == pytest.approx([0.0, 0.0])
    assert motion(0.5, 0.6, 1 / 20, static_motion(*ego))[1] == pytest.approx(0.5 * 2 * (2 / 40 - 2 / 20))  # 2 m below the camera


def test_a_car_that_changes_lane_and_turns_takes_its_corners_along() -> None:
    """Its rear left corner, 2 m behind and 1 m left of its middle. Now it stands straight, 20 m ahead; then it looked to the left
    at 30 m, 4 m left, so that the corner was 29 m ahead and 2 m left."""
    way = actor_motion(pose(20.0, 0.0, 0.0), pose(30.0, 4.0, 90.0))
    u_now, u_then = 0.5 - 0.5 / 18, 0.5 - 0.5 * 2 / 29
    assert motion(u_now, 0.5, 1 / 18, way) == pytest.approx([u_then - u_now, 0.0])


def test_motion_is_that_of_the_projection_of_moved_points() -> None:
    rng = np.random.default_rng(1)
    way = static_motion(pose(6.0, 0.4, 3.0), pose(*STILL))
    points = rng.uniform([8, -6, 0], [60, 6, 4], (50, 3))
    (u, v), depth = TILTED.project(points)[0].T, TILTED.project(points)[1]
    x, y = way.to_outer(points[:, 0], points[:, 1])
    moved = np.stack([x, y, points[:, 2]], axis=-1)
    expected = TILTED.project(moved)[0].T
    right, down = image_motion(TILTED.pinhole, u, v, 1 / depth, way)
    np.testing.assert_allclose([u + right, v + down], expected, atol=1e-9)
    seen = reproject(TILTED.pinhole, u, v, 1 / depth, way, LEVEL.pinhole)  # by another camera
    np.testing.assert_allclose(np.stack(seen, axis=-1) * depth[:, None], LEVEL.view(moved), atol=1e-9)


def test_what_is_behind_the_other_camera_leaves_the_picture() -> None:
    across, _ = motion(0.25, 0.5, 1 / 10, static_motion(now=pose(*STILL), then=pose(30.0, 0.0, 0.0)))
    assert across < -1
