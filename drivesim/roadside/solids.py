"""What stands beside the road as simple solids, as coarse as a layout map needs them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from enum import IntEnum
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from drivesim.roadside import things
from drivesim.roadside.furnish import furnished
from drivesim.roadside.roadside import CELL, Cell, Roadside
from drivesim.roadside.things import PIECE, Plant, Slope, Standing, class_of
from drivesim.scene.classes import SceneClass


class Shape(IntEnum):
    """Form of a solid within its cuboid. The last ones are outlines, which turn to the camera; their length is their width."""

    BOX = 0
    GABLE = 1  # a house: walls for 0.7 of the height, a roof with its ridge along the length
    BANK = 2  # a slope that rises from its right side (toward -y of its own frame) to its left
    POST = 3
    CROWN = 4  # a broad-leaved tree: trunk and round crown
    CONE = 5  # a conifer
    MOUND = 6  # bush, hedge, far wood


@dataclass(frozen=True, eq=False)
class RoadsideSolids:
    """n solids in the plane of the road's alignment (m, rad; see Alignment), numpy arrays.

    shape int64 [n] (Shape); what uint8 [n] (SceneClass); s, d float64 [n]: road coordinates of where its thing was placed;
    place float64 [n 3], the middle of the foot; yaw float64 [n], the direction of the length; size float64 [n 3], length, width,
    height.
    """

    shape: np.ndarray
    what: np.ndarray
    s: np.ndarray
    d: np.ndarray
    place: np.ndarray
    yaw: np.ndarray
    size: np.ndarray

    def __len__(self) -> int:
        return len(self.shape)


class _Part(NamedTuple):
    """A solid of a thing in the thing's frame: middle of its foot, size, turned by `yaw` rad."""

    shape: Shape
    foot: tuple[float, float, float]
    size: tuple[float, float, float]
    yaw: float = 0.0


_CONIFERS = ("pine", "fir", "poplar")
_LOW = ("bush", "bush2", "hedge", "wood", "grass")


def solids(roadside: Roadside, s_from: float, s_to: float) -> RoadsideSolids:
    """RoadsideSolids of all cells that s_from to s_to (m along the road) touches; what stands in a cell can reach beyond it."""
    first, last = int(np.floor(s_from / CELL)), int(np.floor(s_to / CELL))
    cells = [cell_solids(roadside, index) for index in range(first, last + 1)]
    return RoadsideSolids(**{f.name: np.concatenate([getattr(cell, f.name) for cell in cells]) for f in fields(RoadsideSolids)})


@lru_cache(maxsize=64)
def cell_solids(roadside: Roadside, index: int) -> RoadsideSolids:
    """RoadsideSolids of one cell."""
    cell = furnished(roadside, index)
    rows: list[tuple[Any, ...]] = []
    for standing in cell.standing:
        rows += [_slope(cell, standing)] if isinstance(standing, Slope) else _placed(cell, standing)
    rows += [_plant(cell, plant) for plant in cell.plants]
    columns = list(zip(*rows, strict=True)) if rows else [()] * 7
    shape, what, s, d, place, yaw, size = columns
    return RoadsideSolids(
        np.array(shape, np.int64), np.array(what, np.uint8), np.array(s, np.float64), np.array(d, np.float64),
        np.array(place, np.float64).reshape(-1, 3), np.array(yaw, np.float64), np.array(size, np.float64).reshape(-1, 3),
    )  # fmt: skip


def _placed(cell: Cell, standing: Standing) -> list[tuple[Any, ...]]:
    x, y, heading = cell.roadside.alignment.point(standing.s, standing.d)
    yaw = heading + standing.turn
    c, n, stretch, what, rows = np.cos(yaw), np.sin(yaw), standing.stretch, class_of(standing.thing), []
    for part in _PARTS[type(standing.thing)](standing.thing):
        px, py, pz = part.foot
        place = (x + c * px * stretch - n * py, y + n * px * stretch + c * py, pz)
        size = (part.size[0] * stretch, *part.size[1:]) if part.shape == Shape.BOX else part.size
        rows.append((part.shape, what, standing.s, standing.d, place, yaw + part.yaw, size))
    return rows


def _slope(cell: Cell, slope: Slope) -> tuple[Any, ...]:
    s, d = slope.s + PIECE / 2, (slope.foot + slope.top) / 2
    x, y, heading = cell.roadside.alignment.point(s, d)
    size = (PIECE, abs(slope.top - slope.foot), sum(slope.heights) / 2)
    return Shape.BANK, SceneClass.GROUND, slope.s, d, (x, y, 0.0), heading + (0.0 if slope.side > 0 else np.pi), size


def _plant(cell: Cell, plant: Plant) -> tuple[Any, ...]:
    x, y, heading = cell.roadside.alignment.point(plant.s, plant.d)
    shape = Shape.MOUND if plant.species in _LOW else Shape.CONE if plant.species in _CONIFERS else Shape.CROWN
    size = (plant.width, plant.width, plant.height)
    return shape, SceneClass.VEGETATION, plant.s, plant.d, (x, y, plant.z), heading, size


def _box(low: tuple[float, float, float], high: tuple[float, float, float]) -> _Part:
    """An upright box between two corners."""
    size = tuple(b - a for a, b in zip(low, high, strict=True))
    return _Part(Shape.BOX, ((low[0] + high[0]) / 2, (low[1] + high[1]) / 2, low[2]), size)  # type: ignore[arg-type]


def _post(x: float, y: float, height: float, radius: float) -> _Part:
    return _Part(Shape.POST, (x, y, 0.0), (2 * radius, 2 * radius, height))


def _fence(thing: things.Fence) -> list[_Part]:
    return [_box((0, -0.03, z - thing.half), (PIECE, 0.03, z + thing.half)) for z in (0.4, 0.75, 1.05)]


def _wall(thing: things.Wall) -> list[_Part]:
    return [_box((0, -0.12, 0), (thing.length, 0.12, thing.height))]


def _sign(thing: things.Sign) -> list[_Part]:
    half = thing.width / 2
    panel = _box((-0.03, -half, thing.foot), (0.03, half, thing.foot + thing.height))
    if not thing.posts:
        return [panel]
    spots, radius = ((0.0,), 0.05) if thing.posts == 1 else ((-0.7 * half, 0.7 * half), 0.09)
    return [panel, *(_post(0.06, y, thing.foot + 0.8 * thing.height, radius) for y in spots)]


def _pole(thing: things.Pole) -> list[_Part]:
    return [_post(thing.x, 0, thing.height, thing.radius)]


def _truss(thing: things.Truss) -> list[_Part]:
    return [_box((-0.09, 0, z - 0.09), (0.09, thing.span, z + 0.09)) for z in (6.3, 7.3)]


def _overpass(thing: things.Overpass) -> list[_Part]:
    deck = _box((0, thing.near, 5.3), (thing.width, thing.far, 6.6))
    return [deck, _box((-0.25, thing.near, 6.4), (0.3, thing.far, 7.6))]


def _street_lamp(thing: things.StreetLamp) -> list[_Part]:
    height, arm = thing.height, thing.arm
    bar = _box((-0.05, min(0, arm), height - 0.35), (0.05, max(0, arm), height))
    head = _box((-0.3, arm - 0.16, height - 0.07), (0.3, arm + 0.16, height + 0.09))
    return [_post(0, 0, height, 0.08), bar, head]


def _traffic_light(thing: things.TrafficLight) -> list[_Part]:
    arm = thing.arm
    bar = _box((-0.07, min(0, arm), 6.03), (0.07, max(0, arm), 6.2))
    heads = [_box((-0.15, y - 0.2, z), (0.15, y + 0.2, z + 1.1)) for y, z in ((arm, 5.4), (0.0, 3.0))]
    return [_post(0, 0, 6.2, 0.1), bar, *heads]


def _power_pole(thing: things.PowerPole) -> list[_Part]:
    return [_post(0, 0, 9.0, 0.14), _box((-0.07, -1.1, 8.33), (0.07, 1.1, 8.47))]


def _building(thing: things.Building) -> list[_Part]:
    back = thing.side * thing.depth
    parts = [_box((0, min(0, back), 0), (thing.width - 0.05, max(0, back), thing.height))]
    if thing.awning:
        x, out = thing.awning.x, -thing.side * 1.2
        parts.append(_box((x, min(0, out), 2.5), (x + thing.awning.width, max(0, out), 3.0)))
    return parts


def _house(thing: things.House) -> list[_Part]:
    long, wide = (thing.width, thing.depth) if thing.along else (thing.depth, thing.width)
    size = (long, wide, thing.height + thing.rise)
    return [_Part(Shape.GABLE, (0.0, 0.0, 0.0), size, 0.0 if thing.along else np.pi / 2)]


_PARTS: dict[type, Callable[[Any], list[_Part]]] = {
    things.Barrier: lambda thing: [_box((0, -0.2, 0), (PIECE, 0.2, thing.height))],
    things.GuardRail: lambda thing: [_box((0, -0.1, 0.42), (PIECE, 0.1, 0.74))],
    things.Wall: _wall,
    things.Fence: _fence,
    things.Sign: _sign,
    things.Pole: _pole,
    things.Truss: _truss,
    things.Overpass: _overpass,
    things.StreetLamp: _street_lamp,
    things.TrafficLight: _traffic_light,
    things.PowerPole: _power_pole,
    things.Wire: lambda thing: [],  # thinner than a pixel
    things.Bin: lambda thing: [_box((0, 0, 0), (thing.size, thing.size, thing.height))],
    things.Building: _building,
    things.House: _house,
}
