"""What the world renders beside the road is what the solids say."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from drivesim.roadside.furnish import furnished
from drivesim.roadside.roadside import Roadside
from drivesim.roadside.solids import RoadsideSolids, Shape, cell_solids, solids
from drivesim.roadside.things import House, Slope, Wire
from drivesim.scene.boxes import cuboid_corners
from drivesim.scene.classes import SceneClass
from drivesim.scene.road import SETTINGS, Road, Setting
from drivesim.world.generator import moments, sample_world
from drivesim.world.render.renderer import render
from drivesim.world.roadside.plant_colours import leaf_colour
from drivesim.world.roadside.scenery import mesh_of


def corners(table: RoadsideSolids, rows: np.ndarray) -> np.ndarray:
    """Corners of the solids' cuboids in the plane of the alignment [n 8 3]."""
    middle = table.place[rows] + table.size[rows] * [0, 0, 0.5]
    cuboids = np.concatenate([middle, table.size[rows], table.yaw[rows, None]], axis=1)
    return np.stack([cuboid_corners(cuboid) for cuboid in cuboids])


@pytest.mark.parametrize("setting", SETTINGS)
def test_solids_are_as_large_as_the_meshes(setting: Setting) -> None:
    for seed in range(4):
        roadside = Roadside.of(seed, Road(setting, 2, 1, 0.0), True)
        for index in range(4):
            table, cell = cell_solids(roadside, index), furnished(roadside, index)
            things = [row for row in cell.standing if not isinstance(row, Slope) and not isinstance(row.thing, Wire)]
            for s, d in {(row.s, row.d) for row in things}:
                points = corners(table, np.flatnonzero((table.s == s) & (table.d == d))).reshape(-1, 3)
                x, y, heading = roadside.alignment.point(s, d)
                together = [row for row in things if (row.s, row.d) == (s, d)]
                vertices = np.concatenate([
                    mesh_of(row.thing).moved(x, y, 0.0, heading + row.turn, (row.stretch, 1, 1)).vertices.reshape(-1, 3)
                    for row in together
                ])  # fmt: skip
                low, high = vertices.min(axis=0), vertices.max(axis=0)
                slack = 0.45
                if isinstance(together[0].thing, House):
                    high[2] -= 0.7  # the chimney
                    slack = 0.6  # eaves, of a house turned by 45 degrees
                np.testing.assert_allclose(points.min(axis=0), low, atol=slack)
                np.testing.assert_allclose(points.max(axis=0), high, atol=slack)


def test_houses_are_seen_where_the_solids_stand() -> None:
    """Within the outline of a house nothing shows that is farther away than the house."""
    shares = []
    for seed, setting in ((1, "city"), (2, "city"), (3, "residential"), (4, "residential")):
        world = sample_world(seed, "day", setting)  # type: ignore[arg-type]
        moment, _ = next(iter(moments(world, 1, 1.0)))
        depth = render(world.surroundings, moment, 128, 256, 2).depth
        table = solids(world.surroundings.roadside, moment.s, moment.s + 80)
        rows = np.flatnonzero((table.what == SceneClass.BUILDING) & (table.size[:, 2] > 4))
        table.size[:, 2] *= np.where(table.shape == Shape.GABLE, 0.55, 1.0)  # the walls alone
        for cuboid in corners(table, rows):
            c, n = np.cos(moment.pose[2]), np.sin(moment.pose[2])
            ego = (cuboid - [*moment.pose[:2], 0]) @ np.array([[c, -n, 0], [n, c, 0], [0, 0, 1]])
            flat, ahead = moment.camera.project(ego)
            if ahead.min() < 3:
                continue
            hull = cv2.convexHull(np.round(flat * [256, 128] * 16).astype(np.int32).clip(-30000, 30000))
            inside = cv2.fillConvexPoly(np.zeros((128, 256), np.uint8), hull, 1, cv2.LINE_8, 4) > 0
            inside = cv2.erode(inside.astype(np.uint8), np.ones((3, 3), np.uint8), borderValue=0) > 0
            if inside.sum() > 100:
                shares.append((depth[inside] <= ahead.max() + 0.5).mean())
    assert len(shares) >= 6 and np.mean(shares) > 0.99


def test_leaves_turn_to_straw_when_it_is_dry() -> None:
    roadside = Roadside.of(2, Road("rural", 1, 1, 0.0), False)
    plants = [plant for index in range(6) for plant in furnished(roadside, index).plants if plant.leaf == "grass"]
    assert plants
    for plant in plants:
        lush, straw = leaf_colour(plant, 0.0), leaf_colour(plant, 1.0)
        assert lush[1] > lush[0] and straw[0] > straw[1] and (straw <= 1).all()
