"""Planes are the layout's maps in bytes, and what stands is in them as if no vehicle were there."""

from __future__ import annotations

from dataclasses import fields, replace

import numpy as np
import pytest

from drivesim.evaluation.layout_agreement import scene_of
from drivesim.layout.planes import Plane, layout_planes, nearness_code
from drivesim.layout.raster import layout_maps, layout_maps_and_empty
from drivesim.layout.scene_at import SceneAt, Vehicles
from drivesim.scene.classes import SceneClass
from drivesim.world.generator import moments, sample_world


@pytest.fixture(scope="module")
def scene() -> SceneAt:
    world = sample_world(8, "night", "city")
    return scene_of(world, next(moments(world, 1, 1.0))[0])


def test_planes_are_the_maps(scene: SceneAt) -> None:
    planes, maps = layout_planes(scene, 64, 128), layout_maps(scene, 64, 128)
    vehicle = maps.scene_class == SceneClass.VEHICLE
    assert vehicle.any() and not vehicle.all()
    np.testing.assert_array_equal(planes[Plane.KIND] > 0, vehicle)
    for plane, values in ((Plane.KIND, maps.kind), (Plane.FACE, maps.face), (Plane.LAMP, maps.lamp)):
        np.testing.assert_array_equal(planes[plane], np.where(vehicle, values, 0))
    np.testing.assert_array_equal(planes[Plane.RED : Plane.BLUE + 1][:, vehicle], maps.paint[vehicle].T)
    assert not planes[Plane.KIND :, ~vehicle].any() and planes[Plane.VEHICLE_NEARNESS, vehicle].all()
    for plane, values in (
        (Plane.SCENE_CLASS, maps.scene_class),
        (Plane.MARKING, maps.marking),
        (Plane.NEARNESS, nearness_code(maps.inverse_depth)),
    ):
        np.testing.assert_array_equal(planes[plane][~vehicle], values[~vehicle])


def test_what_stands_tells_nothing_of_vehicles(scene: SceneAt) -> None:
    empty = layout_planes(replace(scene, vehicles=Vehicles.none()), 64, 128)
    np.testing.assert_array_equal(layout_planes(scene, 64, 128)[: Plane.KIND], empty[: Plane.KIND])
    assert not empty[Plane.KIND :].any() and not (empty[Plane.SCENE_CLASS] == SceneClass.VEHICLE).any()


@pytest.mark.parametrize("seed", [8, 21])
@pytest.mark.parametrize("size", [(64, 128), (512, 1024)])
def test_maps_without_vehicles_are_drawn_beside_as_they_are_alone(seed: int, size: tuple[int, int]) -> None:
    world = sample_world(seed, "day", "city")
    scene = scene_of(world, next(moments(world, 1, 1.0))[0])
    both, alone = layout_maps_and_empty(scene, *size), replace(scene, vehicles=Vehicles.none())
    assert (both[0].track >= 0).any()
    for beside, by_itself in zip(both, (layout_maps(scene, *size), layout_maps(alone, *size)), strict=True):
        for field in fields(beside):
            np.testing.assert_array_equal(getattr(beside, field.name), getattr(by_itself, field.name))


def test_nearness_is_fine_near_and_far() -> None:
    depth = np.array([0.2, 1.0, 2.0, 50.0, 51.5, 500.0, 900.0])
    codes = nearness_code(1 / depth).astype(int)
    assert codes[:2].tolist() == [255, 255] and codes[-2:].tolist() == [1, 1] and nearness_code(np.zeros(1)) == 0
    assert codes[3] - codes[4] == 1 and (np.diff(codes[1:6]) < 0).all()
