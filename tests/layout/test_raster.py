"""Layout maps of small scenes that can be worked out by hand."""

from __future__ import annotations

import time
from dataclasses import replace

import cv2
import numpy as np
import pytest
from layout_scenes import CAMERA, scene, solid, vehicles

from drivesim.layout.raster import layout_maps
from drivesim.layout.scene_at import Face, Lamp
from drivesim.layout.solid_faces import Shape, Solids
from drivesim.scene.boxes import project_cuboids
from drivesim.scene.classes import SceneClass
from drivesim.scene.vehicles import KINDS, SIZES
from drivesim.traffic.vehicle_lamps import BRAKE, HEAD, RIGHT

SIZES_OF_FRAMES = [(128, 256), (512, 1024)]


@pytest.mark.parametrize(("height", "width"), SIZES_OF_FRAMES)
def test_an_empty_road_is_sky_over_a_plane(height: int, width: int) -> None:
    maps = layout_maps(scene(), height, width)
    assert (maps.scene_class[: height // 2 - 1] == SceneClass.SKY).all()
    assert (maps.inverse_depth[: height // 2 - 1] == 0).all()
    assert (maps.scene_class[height // 2 + 1 :] != SceneClass.SKY).all()
    _, _, depth = CAMERA.pinhole.ground(np.array([0.5]), (np.arange(height) + 0.5)[height // 2 + 2 :, None] / height)
    np.testing.assert_allclose(maps.inverse_depth[height // 2 + 2 :, width // 2], 1 / depth[:, 0], rtol=1e-4)
    assert {SceneClass.ROAD, SceneClass.WHITE_MARKING, SceneClass.YELLOW_MARKING, SceneClass.GROUND} <= set(
        np.unique(maps.scene_class)
    )
    assert (maps.track == -1).all()
    assert not maps.kind.any() and not maps.lamp.any() and not maps.paint.any()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("heading", [0.0, 180.0, 70.0])
def test_a_vehicle_fills_its_box_in_its_colours(kind: str, heading: float) -> None:
    cars = vehicles((14.0, 1.0, heading, kind))  # type: ignore[arg-type]
    maps = layout_maps(scene(cars=cars), 128, 256)
    seen = maps.track == 0
    rows, columns = np.flatnonzero(seen.any(axis=1)), np.flatnonzero(seen.any(axis=0))
    box = project_cuboids(CAMERA, cars.cuboid)[0][0] * [256, 128, 256, 128]
    # a body stands on wheels, and corners are round
    assert np.abs(np.array([columns[0], rows[0], columns[-1] + 1, rows[-1] + 1]) - box).max() < max(
        4.0, 0.12 * (box[3] - box[1])
    )
    assert (maps.scene_class[seen] == SceneClass.VEHICLE).all() and (
        maps.scene_class[~seen] != SceneClass.VEHICLE
    ).all()
    assert (maps.kind[seen] == 1 + KINDS.index(kind)).all()  # type: ignore[arg-type]
    assert (maps.paint[seen] == [51, 102, 204]).all()
    assert (maps.face[seen] != Face.NONE).all() and (maps.face[~seen] == Face.NONE).all()
    main = np.bincount(maps.face[seen]).argmax()
    assert main == {0.0: Face.REAR, 180.0: Face.FRONT, 70.0: Face.LEFT}[heading]
    length = SIZES[kind][0]  # type: ignore[index]
    depth = 1 / maps.inverse_depth[seen]
    assert 14.0 - length / 2 - 0.3 < depth.min() and depth.max() < 14.0 + length / 2 + 0.3


def test_the_nearer_vehicle_hides_the_farther_one() -> None:
    maps = layout_maps(scene(cars=vehicles((30.0, 0.0, 0.0, "sedan"), (12.0, 0.0, 0.0, "truck"))), 128, 256)
    assert set(np.unique(maps.track)) == {-1, 1}


def test_only_lamps_that_shine_are_shown_and_where_they_are() -> None:
    def lamps(lit: int, heading: float) -> np.ndarray:
        return layout_maps(scene(cars=vehicles((40.0, 0.0, heading, "suv"), lamps=lit)), 128, 256).lamp

    assert not lamps(0, 0.0).any()
    assert set(np.unique(lamps(BRAKE, 0.0))) == {Lamp.NONE, Lamp.BRAKE}
    assert set(np.unique(lamps(HEAD, 180.0))) == {Lamp.NONE, Lamp.HEAD}
    assert not lamps(HEAD, 0.0).any() and not lamps(BRAKE, 180.0).any()
    rear, front = (np.flatnonzero((lamps(RIGHT, heading) == Lamp.INDICATOR).any(axis=0)) for heading in (0.0, 180.0))
    assert rear.min() > 128 and front.max() < 128  # its right is the left of who looks at its front


def test_solids_stand_where_they_are_put() -> None:
    house = solid(Shape.BOX, SceneClass.BUILDING, (25.0, 9.0, 0.0), (10.0, 8.0, 6.0))
    maps = layout_maps(scene(solids=house), 128, 256)
    seen = maps.scene_class == SceneClass.BUILDING
    assert seen.any()
    near = 1 / maps.inverse_depth[seen]
    assert near.min() == pytest.approx(20.0, abs=0.2)
    assert near.max() < 30.2
    tree = solid(Shape.CROWN, SceneClass.VEGETATION, (25.0, -9.0, 0.0), (6.0, 6.0, 8.0))
    seen = layout_maps(scene(solids=tree), 128, 256)
    crown = seen.scene_class == SceneClass.VEGETATION
    assert np.allclose(seen.inverse_depth[crown], 1 / 25.0)


def test_patches_of_ground_are_drawn_where_nothing_stands() -> None:
    squares = [[[x, y], [x + 4.0, y], [x + 4.0, y + 4.0], [x, y + 4.0]] for x in (12.0, 20.0) for y in (-6.0, 2.0)]
    patches = replace(Solids.none(), patches=np.array(squares), patch_what=np.full(4, SceneClass.BUILDING, np.uint8))
    seen = layout_maps(scene(solids=patches), 128, 256)
    drawn = seen.scene_class == SceneClass.BUILDING
    assert cv2.connectedComponents(drawn.astype(np.uint8))[0] == 1 + 4
    assert 1 / seen.inverse_depth[drawn].max() == pytest.approx(12.0, abs=0.5)


def test_dashes_come_nearer_by_what_the_ego_drives() -> None:
    here, later = (layout_maps(scene(along=along), 256, 512).marking for along in (3.0, 3.0 + 12.2))
    half = layout_maps(scene(along=3.0 + 6.1), 256, 512).marking
    assert np.array_equal(here, later)
    assert not np.array_equal(here, half)


def test_a_vehicle_that_passes_the_camera_is_cut_not_dropped() -> None:
    maps = layout_maps(scene(cars=vehicles((1.5, 2.6, 0.0, "bus"))), 128, 256)
    assert (maps.track == 0).mean() > 0.1
    assert np.isfinite(maps.inverse_depth).all()


def fixed_work() -> None:
    """A millisecond or so of what a raster is made of: small arrays, look-ups by pixel, and polygons."""
    small, table, index = np.ones((3, 8, 200), np.float32), np.arange(512.0), np.arange(128 * 256) % 512
    for _ in range(60):
        (small * 2 + small).sum(axis=1)
    for _ in range(10):
        table.take(index)
    canvas, corners = np.zeros((256, 512), np.uint16), np.array([[[40, 40]], [[400, 80]], [[380, 300]], [[60, 260]]], np.int32)
    for number in range(200):
        cv2.fillConvexPoly(canvas, corners + 8 * number, number, cv2.LINE_8, 4)


def test_maps_take_no_longer_than_they_must() -> None:
    """By fixed work that is timed right beside, of which it took 2.0 when this was written: half as much again fails."""
    cars = vehicles(*[(10.0 + 7 * i, -3.7 + 3.7 * (i % 3), 0.0, KINDS[i % 6]) for i in range(12)])
    crowd = scene(cars=cars)
    took: dict[str, list[float]] = {"maps": [], "work": []}
    for _ in range(15):
        for name, work in (("work", fixed_work), ("maps", lambda: layout_maps(crowd, 128, 256))):
            start = time.process_time()
            work()
            took[name].append(time.process_time() - start)
    assert min(took["maps"]) < 3 * min(took["work"])
