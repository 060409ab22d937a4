"""Flow of small scenes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from layout_scenes import CAMERA, pose, scene, solid, vehicles

from drivesim.layout.flow import flow
from drivesim.layout.raster import layout_maps
from drivesim.layout.scene_at import Vehicles
from drivesim.layout.solid_faces import Shape
from drivesim.scene.classes import SceneClass

HOUSE = solid(Shape.BOX, SceneClass.BUILDING, (30.0, 9.0, 0.0), (10.0, 8.0, 6.0))


def test_nothing_moves_between_a_moment_and_itself() -> None:
    here = scene(solids=HOUSE, cars=vehicles((15.0, 0.0, 0.0, "suv")))
    maps = layout_maps(here, 128, 256)
    still = flow(here, maps, here, maps)
    assert np.abs(still.right).max() < 1e-2 and np.abs(still.down).max() < 1e-2
    assert still.seen.all()


def test_driving_on_the_ground_streams_and_the_sky_stands() -> None:
    before, now = scene(solids=HOUSE), scene(solids=HOUSE, at=pose(2.0), along=2.0)
    maps = layout_maps(now, 128, 256)
    back = flow(now, maps, before, layout_maps(before, 128, 256))
    sky = maps.scene_class == SceneClass.SKY
    assert np.abs(back.right[sky]).max() < 1e-3 and np.abs(back.down[sky]).max() < 1e-3
    row, column = 110, 60
    place = CAMERA.ground((column + 0.5) / 256, (row + 0.5) / 128)
    assert place is not None
    spot = CAMERA.project(np.array([place[0] + 2.0, place[1], 0.0]))[0] * [256, 128] - 0.5
    np.testing.assert_allclose([column + back.right[row, column], row + back.down[row, column]], spot, atol=0.02)


def test_a_vehicle_that_drives_with_the_ego_stands_in_the_picture_and_hides_the_road() -> None:
    cars = vehicles((15.0, 0.0, 0.0, "suv"))
    before, now = scene(cars=cars), scene(cars=cars, at=pose(2.0), along=2.0)
    maps, maps_before = layout_maps(now, 128, 256), layout_maps(before, 128, 256)
    back = flow(now, maps, before, maps_before)
    car = maps.track == 0
    assert np.abs(back.right[car]).max() < 1e-2 and back.seen[car].all()
    forth = flow(before, maps_before, now, maps)
    assert not forth.seen[-1].all()  # the nearest road has passed below the frame


def test_what_was_hidden_or_not_there_is_not_seen() -> None:
    truck = vehicles((12.0, 0.0, 0.0, "truck"))
    moved = Vehicles(truck.track, truck.kind, truck.cuboid + np.eye(7)[1] * 4.0, truck.paint, truck.lamps)
    before, now = scene(cars=truck), scene(cars=moved)
    maps, maps_before = layout_maps(now, 128, 256), layout_maps(before, 128, 256)
    back = flow(now, maps, before, maps_before)
    revealed = (maps_before.track == 0) & (maps.track < 0)
    assert back.seen[revealed].mean() < 0.1
    assert back.seen[(maps_before.track < 0) & (maps.track < 0)].all()
    new = replace(now, vehicles=replace(moved, track=np.array([7])))
    maps = layout_maps(new, 128, 256)
    assert not flow(new, maps, before, maps_before).seen[maps.track == 7].any()
