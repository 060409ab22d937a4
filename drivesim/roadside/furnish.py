"""Furnishes a cell of the roadside: what its setting has, lamp posts and power lines."""

from __future__ import annotations

import itertools
from functools import lru_cache

from drivesim.roadside.open_roads import highway, rural
from drivesim.roadside.roadside import CELL, Cell, Roadside
from drivesim.roadside.street_lamps import ARM, HEIGHT, lit_sides, post_offset
from drivesim.roadside.streets import city, residential
from drivesim.roadside.things import PowerPole, StreetLamp, Wire
from drivesim.scene.triples import Point


@lru_cache(maxsize=256)
def furnished(roadside: Roadside, index: int) -> Cell:
    """What stands in cell `index`; the same whichever cells were asked for before."""
    cell = Cell(roadside, index * CELL, roadside.cell_generator(index))
    {"highway": highway, "city": city, "residential": residential, "rural": rural}[roadside.setting](cell)
    if roadside.lamp_posts:
        _lamps(cell)
    if roadside.style.has_power_line(roadside.setting):
        _power_line(cell)
    return cell


def _lamps(cell: Cell) -> None:
    roadside = cell.roadside
    for side, along in lit_sides(roadside):
        lamp = StreetLamp(HEIGHT[roadside.setting], -side * ARM[roadside.setting])
        cell.put(lamp, cell.start + along, post_offset(roadside, side))


def _power_line(cell: Cell) -> None:
    """Wooden poles with wires on the left or right."""
    roadside = cell.roadside
    side = 1 if roadside.style.power_line_side > 0.5 else -1
    d = roadside.edge(side) + side * {"city": 0.7, "residential": 0.8}.get(roadside.setting, 7.0)
    cell.put(PowerPole(), cell.start, d)
    length, turn = cell.chord(cell.start, d, CELL)
    for y, z in ((-1.0, 8.5), (1.0, 8.5), (0.0, 7.0)):
        sagging: list[Point] = [(length * k / 5, y, z - 1.1 * (1 - (2 * k / 5 - 1) ** 2)) for k in range(6)]
        for start, end in itertools.pairwise(sagging):
            cell.put(Wire(start, end), cell.start, d, turn, shadow=False)
