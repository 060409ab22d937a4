"""Places on the road and its motion, against the camera and the road that draw boxes."""

import numpy as np
import pytest
import torch
from torch import Tensor

from drivesim.models.road_view import RoadView, road_flow, warp
from drivesim.scene.camera import Camera
from drivesim.scene.geometry import pixel_centres
from drivesim.scene.road import Road

SIZE = (16, 32)
USUAL = Camera()


def rays_of(camera: Camera) -> np.ndarray:
    """Directions of the cells [h w 3]."""
    rays = camera.pinhole.rays(*pixel_centres(*SIZE, like=camera.pinhole.height))
    return np.stack(np.broadcast_arrays(*rays), axis=-1)


def flow(metres: float, camera: Camera = USUAL, curvature: float = 0.0) -> Tensor:
    return road_flow(view(camera, curvature), torch.tensor([metres]))[0]


def view(camera: Camera = USUAL, curvature: float = 0.0) -> RoadView:
    values = (camera.height, camera.pitch, camera.field_of_view, curvature)
    return RoadView.of(*(torch.tensor([value]) for value in values), size=SIZE)


def centres() -> np.ndarray:
    y, x = np.mgrid[: SIZE[0], : SIZE[1]] + 0.5
    return np.stack([x / SIZE[1], y / SIZE[0]], axis=-1)


@pytest.mark.parametrize("camera", [Camera(), Camera(1.9, 3.0, 75.0), Camera(1.3, -3.5, 52.0)])
@pytest.mark.parametrize("curvature", [0.0, 1e-5, 0.006, -0.006])
def test_places_of_the_road_project_back_to_their_cells(camera: Camera, curvature: float) -> None:
    ahead, left, depth = (value[0].expand(SIZE).numpy() for value in view(camera, curvature).road_places())
    near = depth < 60
    assert near.sum() > 0.25 * near.size
    x, y = np.moveaxis(Road(curvature=curvature).to_plane(ahead[near], left[near]), -1, 0)
    place, distance = camera.project(np.stack([x, y, np.zeros_like(x)], axis=-1))
    rows, columns = np.nonzero(near)
    np.testing.assert_allclose(place * SIZE[::-1], np.stack([columns, rows], axis=-1) + 0.5, atol=0.02)
    np.testing.assert_allclose(distance, depth[near], rtol=1e-3)


def test_from_the_horizon_up_there_is_no_road() -> None:
    ahead, left, depth = view(Camera(), 0.0).road_places()
    sky = slice(0, SIZE[0] // 2)
    assert torch.isinf(depth[:, sky]).all() and depth[:, SIZE[0] // 2 :].isfinite().all()
    assert not ahead[:, sky].any() and not left[:, sky].any()


def test_a_standing_camera_sees_nothing_move() -> None:
    assert flow(0.0).abs().max() < 1e-4


@pytest.mark.parametrize("camera", [Camera(), Camera(1.9, 3.0, 75.0), Camera(1.3, -3.5, 52.0)])
@pytest.mark.parametrize(("metres", "curvature"), [(3.0, 0.0), (12.0, 0.0), (-2.0, 0.0), (9.0, 0.01), (-1.5, -0.02)])
def test_places_of_the_road_are_found_where_the_camera_saw_them(camera: Camera, metres: float, curvature: float) -> None:
    """Every cell below the horizon is traced to the road, moved into the ego frame of the other picture and projected there."""
    rays = rays_of(camera)
    moved = flow(metres, camera, curvature)
    turn = metres * curvature
    on_arc = np.array([np.sin(turn), 1 - np.cos(turn)]) / curvature if curvature else np.array([metres, 0.0])
    checked = 0
    for row, column in np.argwhere(rays[..., 2] < -0.02):
        ahead, left = (rays[row, column] * camera.height / -rays[row, column, 2])[:2]
        then = np.array([np.cos(turn) * ahead - np.sin(turn) * left, np.sin(turn) * ahead + np.cos(turn) * left]) + on_arc
        place, depth = camera.project(np.array([*then, 0.0]))
        if depth < 1.0 or not (-1 < place[0] < 2 and -1 < place[1] < 2):
            continue
        expected = (place - centres()[row, column]) * SIZE[::-1]
        np.testing.assert_allclose(moved[:, row, column].numpy(), expected, atol=2e-2)
        checked += 1
    assert checked > 50


def test_sky_does_not_come_nearer_and_what_is_behind_leaves_the_picture() -> None:
    forward = flow(10.0)
    assert forward[:, : SIZE[0] // 2].abs().max() < 1e-4
    assert (forward[1, -1] < -1).all()  # the near road was farther away, higher in the picture
    later = flow(-10.0)
    assert (later[1, -1] > SIZE[0]).all()


@pytest.mark.parametrize("camera", [Camera(), Camera(1.9, 3.0, 75.0)])
@pytest.mark.parametrize("curvature", [0.0, 0.008, -0.008])
def test_what_stands_beside_the_road_is_found_where_the_camera_saw_it(camera: Camera, curvature: float) -> None:
    """Walls 6 m left and 5 m right of the way: rays are followed until they leave the corridor, and seen from 4 m before."""
    metres, road = 4.0, Road(curvature=curvature)
    moved = road_flow(view(camera, curvature), torch.tensor([metres]), (torch.tensor([6.0]), torch.tensor([5.0])))[0]
    far = road_flow(view(camera, curvature), torch.tensor([metres]))[0]
    then, turn = road.to_plane(metres, 0.0), metres * curvature
    rays, checked = rays_of(camera), 0
    for row, column in np.ndindex(*SIZE):
        points = np.arange(1.0, 40.0, 0.002)[:, None] * rays[row, column] + [0.0, 0.0, camera.height]
        across = points[:, 1]
        if curvature:
            across = 1 / curvature - np.sign(curvature) * np.hypot(points[:, 0], points[:, 1] - 1 / curvature)
        beyond = (across > 6.0) | (across < -5.0)
        x, y, up = points[np.argmax(beyond)]
        if not beyond.any() or not 0.0 < up < 9.9:
            continue  # it meets the road first, or nothing within 40 m
        before = [np.cos(turn) * x - np.sin(turn) * y + then[0], np.sin(turn) * x + np.cos(turn) * y + then[1], up]
        expected = (camera.project(np.array(before))[0] - centres()[row, column]) * SIZE[::-1]
        np.testing.assert_allclose(moved[:, row, column].numpy(), expected, atol=0.02)
        checked += 1
    assert checked > 100
    assert torch.equal(moved[:, -2:, 12:20], far[:, -2:, 12:20])  # the near road is nearer than the walls


def test_above_the_walls_is_sky() -> None:
    walls = torch.tensor([6.0]), torch.tensor([6.0])
    low, high = (road_flow(view(), torch.tensor([4.0]), walls, tall=tall)[0] for tall in (3.0, 30.0))
    assert low[:, 0, :3].abs().max() < 1e-4
    assert high[0, 0, 0] > 1 and high[0, 0, -1] < -1


def test_pictures_move_by_whole_and_half_cells_and_repeat_their_edge() -> None:
    picture = torch.rand(1, 2, 4, 6)

    def moved(x: float, y: float) -> Tensor:
        return warp(picture, torch.tensor([x, y])[None, :, None, None].expand(1, 2, 4, 6))

    torch.testing.assert_close(moved(0, 0), picture)
    torch.testing.assert_close(moved(2, 1)[..., :3, :4], picture[..., 1:, 2:])
    torch.testing.assert_close(moved(0.5, 0)[..., :5], (picture[..., :5] + picture[..., 1:]) / 2)
    torch.testing.assert_close(moved(-9, 0), picture[..., :1].expand_as(picture))
