"""What stands beside the road as meshes and sprites, cell by cell along s; cells are built when first seen and kept."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import cv2
import numpy as np

from drivesim.roadside import things
from drivesim.roadside.alignment import Alignment
from drivesim.roadside.furnish import furnished
from drivesim.roadside.roadside import Roadside
from drivesim.roadside.things import Plant, Slope, Standing, StreetLamp, Thing, TrafficLight, class_of
from drivesim.scene.classes import SceneClass
from drivesim.world.light.lighting import Lighting
from drivesim.world.render.geometry import Geometry, assemble, footprint_of, merged
from drivesim.world.render.mesh import Mesh, join, polygon
from drivesim.world.roadside import buildings, structures
from drivesim.world.roadside.plant_colours import bank_colour, leaf_colour
from drivesim.world.roadside.plant_pictures import Sprite, species_index

OUTLINE = 12  # corners kept of a shadow
_MESHES: dict[type, Callable[[Any], Mesh]] = {
    things.Barrier: structures.barrier,
    things.GuardRail: structures.guard_rail,
    things.Wall: structures.wall,
    things.Fence: structures.fence,
    things.Sign: structures.sign,
    things.Pole: structures.pole,
    things.Truss: structures.truss,
    things.Overpass: structures.overpass,
    things.StreetLamp: structures.street_lamp,
    things.TrafficLight: structures.traffic_light,
    things.PowerPole: structures.power_pole,
    things.Wire: structures.wire,
    things.Bin: structures.rubbish_bin,
    things.Building: buildings.building,
    things.House: buildings.house,
}


@lru_cache(maxsize=256)
def mesh_of(thing: Thing) -> Mesh:
    """The mesh of a thing in its own frame."""
    return _MESHES[type(thing)](thing)


@dataclass
class _Builder:
    """Collects the objects of a cell in the world frame."""

    alignment: Alignment
    lighting: Lighting
    meshes: list[Mesh] = field(default_factory=list)
    classes: list[SceneClass] = field(default_factory=list)
    footprints: list[np.ndarray] = field(default_factory=list)
    emissions: list[float] = field(default_factory=list)
    shadows: list[np.ndarray] = field(default_factory=list)
    sprites: list[Sprite] = field(default_factory=list)
    lamps: list[np.ndarray] = field(default_factory=list)

    def add(self, standing: Standing) -> None:
        """A thing at its place."""
        thing, s, d = standing.thing, standing.s, standing.d
        x, y, heading = self.alignment.point(s, d)
        yaw = heading + standing.turn
        placed = mesh_of(thing).moved(x, y, 0.0, yaw, (standing.stretch, 1.0, 1.0))
        lit = isinstance(thing, StreetLamp) and self.lighting.street_lamps > 0
        self.meshes.append(placed)
        self.classes.append(class_of(thing))
        self.footprints.append(footprint_of(placed, yaw))
        self.emissions.append(14.0 if lit else 2.5 if isinstance(thing, TrafficLight) else 0.0)
        if standing.shadow and not self.lighting.night:
            self.shadows.append(shadow_outline(placed.vertices, self.lighting.sun))
        if isinstance(thing, StreetLamp) and lit:
            head = structures.lamp_head(thing)
            x, y, _ = self.alignment.point(s + head[0], d + head[1])
            self.lamps.append(np.array([x, y, head[2]], np.float32))

    def add_slope(self, slope: Slope) -> None:
        """A piece of earth bank, grown over."""
        colour = bank_colour(self.lighting.dry)
        s, end, a, b = slope.s, slope.s + things.PIECE, slope.foot, slope.top
        line = [(s, a, 0.0), (end, a, 0.0), (end, b, slope.heights[1]), (s, b, slope.heights[0])]
        x, y, _ = self.alignment.to_world(np.array([p[0] for p in line]), np.array([p[1] for p in line]))
        points = np.stack([x, y, [p[2] for p in line]], axis=1)
        x0, y0, heading = self.alignment.point(s, 0.0)
        uv = np.array(
            [(x0, y0, 0), (np.cos(heading), np.sin(heading), 0), (-np.sin(heading), np.cos(heading), 0)], np.float32
        )
        triangles = [points[[0, 1, 2]], points[[0, 2, 3]]]
        self.meshes.append(
            join([polygon(t if slope.side > 0 else t[::-1], "foliage", colour, 0.37, uv) for t in triangles])
        )
        self.classes.append(SceneClass.GROUND)
        corners = points[[0, 1, 2, 3], :2] if slope.side > 0 else points[[3, 2, 1, 0], :2]
        self.footprints.append(corners.astype(np.float32))
        self.emissions.append(0.0)

    def add_plant(self, plant: Plant) -> None:
        """Vegetation as an upright picture."""
        x, y, _ = self.alignment.point(plant.s, plant.d)
        tint = leaf_colour(plant, self.lighting.dry)
        size = (plant.width, plant.height)
        self.sprites.append(Sprite((x, y, plant.z), size, species_index(plant.species), tuple(tint), plant.mirror))


def shadow_outline(vertices: np.ndarray, sun: np.ndarray) -> np.ndarray:
    """Convex outline [OUTLINE 2] of the shadow of vertices [... 3] on the ground, in their frame."""
    points = vertices.reshape(-1, 3)
    flat = points[:, :2] - points[:, 2:] * (sun[:2] / max(float(sun[2]), 0.12))
    hull = cv2.convexHull(flat.astype(np.float32))[:, 0]
    if len(hull) > OUTLINE:
        hull = hull[np.linspace(0, len(hull) - 1, OUTLINE).astype(int)]
    return np.concatenate([hull, np.repeat(hull[-1:], OUTLINE - len(hull), axis=0)])


@dataclass(frozen=True)
class BuiltCell:
    """Finished scenery of one cell in the world frame; `shadows` outlines [m OUTLINE 2], `lamps` heads of street lamps [n 3]."""

    geometry: Geometry
    shadows: np.ndarray
    lamps: np.ndarray


class Scenery:
    """The roadside of a world in its light."""

    def __init__(self, roadside: Roadside, lighting: Lighting) -> None:
        self.roadside, self.lighting = roadside, lighting
        self._cells: dict[int, BuiltCell] = {}
        self._merged: tuple[range, BuiltCell] | None = None

    def around(self, s: float) -> BuiltCell:
        """Everything from a little behind s to as far as is seen, as one cell."""
        seen = self.roadside.cells(s)
        if self._merged is None or self._merged[0] != seen:
            for index in [key for key in self._cells if key < seen[0] - 2]:
                del self._cells[index]
            cells = [self._cell(i) for i in seen]
            whole = BuiltCell(
                merged([c.geometry for c in cells]),
                np.concatenate([c.shadows for c in cells]),
                np.concatenate([c.lamps for c in cells]),
            )
            self._merged = (seen, whole)
        return self._merged[1]

    def _cell(self, index: int) -> BuiltCell:
        if index not in self._cells:
            plan, builder = furnished(self.roadside, index), _Builder(self.roadside.alignment, self.lighting)
            for standing in plan.standing:
                if isinstance(standing, Slope):
                    builder.add_slope(standing)
                else:
                    builder.add(standing)
            for plant in plan.plants:
                builder.add_plant(plant)
            geometry = assemble(builder.meshes, builder.classes, builder.footprints, builder.sprites)
            for i, emission in enumerate(builder.emissions):
                geometry.emission[geometry.owner == i] = emission
            self._cells[index] = BuiltCell(
                geometry,
                np.array(builder.shadows, np.float64).reshape(-1, OUTLINE, 2),
                np.array(builder.lamps, np.float32).reshape(-1, 3),
            )
        return self._cells[index]
