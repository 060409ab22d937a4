"""Where pixels lie on their vehicles, whatever these do before the camera."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from drivesim.layout.course import Course
from drivesim.layout.maps import LayoutMaps
from drivesim.layout.raster import layout_maps
from drivesim.layout.scene_at import SceneAt, Vehicles
from drivesim.layout.strips import Strips
from drivesim.layout.vehicles.body_places import body_places
from drivesim.scene.camera import Camera
from drivesim.scene.classes import SceneClass
from drivesim.scene.geometry import Pose

SIZE = 128, 256


def scene(*cuboids: list[float]) -> SceneAt:
    count = len(cuboids)
    vehicles = Vehicles(
        7 - np.arange(count), np.zeros(count, np.int64), np.array(cuboids), np.ones((count, 3), np.float32),
        np.zeros(count, np.uint8),
    )
    here, camera = Pose(*map(np.asarray, (0.0, 0.0, 0.0))), Camera(1.5, 0.0, 80.0)
    course = Course(np.stack([np.linspace(-50, 400, 226), *np.zeros((3, 226))], axis=1))
    road = Strips.of([(-9.0, 9.0, SceneClass.ROAD, False)], 1.0, 1.0)
    return SceneAt(here, camera, course, 0.0, road, vehicles=vehicles)


def places(moment: SceneAt) -> tuple[np.ndarray, LayoutMaps]:
    maps = layout_maps(moment, *SIZE)
    return body_places(moment, maps), maps


def test_a_rear_is_at_the_rear_and_goes_from_left_to_right() -> None:
    (along, across, up), maps = places(scene([14.0, 0.0, 0.75, 4.0, 2.0, 1.5, 0.0]))
    rows, columns = np.nonzero(maps.kind)
    assert not along[maps.kind == 0].any()
    low = maps.kind[rows.max() - 8] > 0  # the body below the windows: a plane across
    assert along[rows.max() - 8][low].max() < 12
    assert (np.diff(across[rows.max() - 8][low].astype(int)) >= 0).all() and across[:, columns.max()].max() > 240
    assert up[rows.max(), columns.min() : columns.max()].max() < 40 and up[rows.min()].max() > 230


def test_a_vehicle_that_comes_towards_the_camera_shows_its_front_from_right_to_left() -> None:
    (along, across, _), maps = places(scene([12.0, -2.0, 0.75, 4.0, 2.0, 1.5, np.pi]))
    row = np.nonzero(maps.kind)[0].max() - 6
    front = along[row] > 250
    assert front.sum() > 10 and (np.diff(across[row][front].astype(int)) <= 0).all()
    assert across[row][front][0] > 200 and across[row][front][-1] < 60


def test_every_vehicle_has_its_own_places() -> None:
    one, other = [14.0, 2.0, 0.75, 4.0, 2.0, 1.5, 0.0], [30.0, -6.0, 0.75, 4.0, 2.0, 1.5, 0.3]
    both, maps = places(scene(one, other))
    for row, cuboid in enumerate((one, other)):
        alone, _ = places(replace(scene(cuboid), vehicles=scene(one, other).vehicles.take(np.array([row]))))
        here = maps.track == 7 - row
        assert here.any()
        np.testing.assert_array_equal(both[:, here], alone[:, here])


def test_without_vehicles_there_is_nothing() -> None:
    empty = replace(scene([14.0, 2.0, 0.75, 4.0, 2.0, 1.5, 0.0]), vehicles=Vehicles.none())
    assert not places(empty)[0].any()


@pytest.mark.parametrize("distance", [3.0, 60.0])
def test_places_stay_within_the_body(distance: float) -> None:
    made, maps = places(scene([distance, 0.5, 0.75, 4.0, 2.0, 1.5, 0.2]))
    assert (made[:, maps.kind > 0] > 0).all()
