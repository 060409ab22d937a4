"""Places on the road, against the camera and the road that draw boxes."""

import numpy as np
import pytest
import torch

from drivesim.models.layers.road_view import RoadView, arc
from drivesim.scene.camera import Camera
from drivesim.scene.road import Road

SIZE = (32, 64)


def view(camera: Camera, curvature: float) -> RoadView:
    values = (camera.height, camera.pitch, camera.field_of_view, curvature)
    return RoadView.of(*(torch.tensor([value]) for value in values), size=SIZE)


@pytest.mark.parametrize("camera", [Camera(), Camera(1.9, 3.0, 75.0), Camera(1.3, -3.5, 52.0)])
@pytest.mark.parametrize("curvature", [0.0, 1e-5, 0.006, -0.006])
def test_places_of_the_road_project_back_to_their_cells(camera: Camera, curvature: float) -> None:
    ahead, left, depth = (value[0].expand(SIZE).numpy() for value in view(camera, curvature).road_places())
    near = depth < 100
    assert near.sum() > 0.3 * near.size
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


def test_a_straight_way_does_not_turn_and_a_bent_one_is_an_arc() -> None:
    metres = torch.tensor([10.0, 10.0, -4.0])
    curvature = torch.tensor([0.0, 0.05, -0.02])
    forward, sideways, turn = arc(metres, curvature)
    assert (float(forward[0]), float(sideways[0]), float(turn[0])) == (10.0, 0.0, 0.0)
    for i in (1, 2):
        c, m = float(curvature[i]), float(metres[i])
        expected = (np.sin(c * m) / c, (1 - np.cos(c * m)) / c, c * m)
        np.testing.assert_allclose([float(forward[i]), float(sideways[i]), float(turn[i])], expected, rtol=1e-4)
