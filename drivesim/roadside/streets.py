"""Streets: city blocks with shops and signals, residential lots with houses and gardens."""

from __future__ import annotations

import numpy as np

from drivesim.roadside.planting import bush, draw_species, road_sign, tree, woods
from drivesim.roadside.roadside import CELL, SIDES, Cell
from drivesim.roadside.things import Bin, Building, House, TrafficLight, Wall, colour_of


def city(cell: Cell) -> None:
    """A cell of a city street's roadside."""
    roadside, rng, start = cell.roadside, cell.rng, cell.start
    section, style = roadside.section, roadside.style
    for side in SIDES:
        _city_side(cell, side)
    if section.median == "kerb":
        for s in np.arange(start, start + CELL, 8.0):
            if style.median_trees > 0.4 and not roadside.in_junction(s, 5.0):
                cell.grow("street", s, (section.left + section.near) / 2, rng.uniform(4, 8), 0.9)
    for junction in roadside.junctions(start, start + CELL - 1e-6):
        if junction.signals:
            state, s = float(rng.random()), junction.s + junction.half + 1.0
            cell.put(TrafficLight(4.0 + 2 * style.signal_arm, state), s, section.edge_right - 0.8)
            cell.put(TrafficLight(-4.0, state), s, section.edge_left + 0.8)


def _city_side(cell: Cell, side: int) -> None:
    """A row of houses, trees at the kerb, a sign, bins."""
    roadside, rng, start = cell.roadside, cell.rng, cell.start
    style, edge = roadside.style, roadside.edge(side)
    _block(cell, side)
    trees = style.lining > 0.3
    for s in np.arange(start + 4, start + CELL, 9.0 + 6 * style.spacing):
        if trees and rng.random() < 0.75 and not roadside.in_junction(s, 4.0):
            name = draw_species(roadside, rng)
            cell.grow(name, s, edge + side * 1.1, rng.uniform(5, 9.5), (0.8, 1.1))
    if rng.random() < 0.7 and not roadside.in_junction(start + 30, 1):
        road_sign(cell, start + rng.uniform(2, 38), edge + side * 0.6)
    for _ in range(rng.poisson(1.2)):
        size, d = rng.uniform(0.3, 0.8), edge + side * rng.uniform(0.6, 1.2)
        colour = np.array([0.1, 0.11, 0.12], np.float32) * rng.uniform(0.3, 2.5)
        height = rng.uniform(0.8, 1.5)
        cell.put(Bin(size, height, colour_of(colour)), start + rng.uniform(0, CELL), d)


def _block(cell: Cell, side: int) -> None:
    """Houses wall to wall, with gaps now and then and at junctions."""
    roadside, rng, walk = cell.roadside, cell.rng, cell.roadside.section.sidewalk
    s = cell.start
    while s < cell.start + CELL - 6:
        width = min(rng.uniform(9, 24), cell.start + CELL - s)
        clear = (
            not roadside.in_junction(s, walk)
            and not roadside.in_junction(s + width, walk)
            and not roadside.in_junction(s + width / 2, 2)
        )
        if clear and rng.random() < 0.93:
            d = roadside.edge(side) + side * (walk + rng.choice([0.0, 0.0, 0.4, 3.0]))
            cell.put(Building.drawn(width, side, roadside.style.tone, rng), s, d)
        s += width + (0.0 if rng.random() < 0.7 else rng.uniform(1, 5))


def residential(cell: Cell) -> None:
    """A cell of a residential street's roadside."""
    for side in SIDES:
        _residential_side(cell, side)


def _residential_side(cell: Cell, side: int) -> None:
    """Two lots, trees at the kerb, a sign."""
    roadside, rng, start = cell.roadside, cell.rng, cell.start
    style, edge = roadside.style, roadside.edge(side)
    for lot in (0.0, 20.0):
        s = start + lot + 10.0
        if not roadside.in_junction(s, 8.0):
            _lot(cell, s, side)
    for s in np.arange(start + 5, start + CELL, 12.0):
        if style.lining > 0.35 and rng.random() < 0.8 and not roadside.in_junction(s, 5.0):
            name, shifted = draw_species(roadside, rng), s + rng.normal(0, 0.6)
            cell.grow(name, shifted, edge + side * 0.75, rng.uniform(5, 11), (0.85, 1.2))
    if rng.random() < 0.35:
        road_sign(cell, start + rng.uniform(0, 40), edge + side * 0.6)
    woods(cell, side)


def _lot(cell: Cell, s: float, side: int) -> None:
    """A house in its garden, perhaps behind a hedge or a wall."""
    roadside, rng = cell.roadside, cell.rng
    back = roadside.edge(side) + side * (1.4 + roadside.section.sidewalk)
    width, depth = rng.uniform(9, 13.5), rng.uniform(8, 11)
    height = rng.choice([2.9, 3.1, 5.4, 5.7], p=[0.3, 0.3, 0.2, 0.2])
    away = rng.uniform(4.5, 8.5) + depth / 2
    if rng.random() < 0.93:
        cell.put(House.drawn(width, depth, height, rng), s, back + side * away, 0.0 if side < 0 else np.pi)
    border = rng.random()
    if border < 0.3:
        for x in np.arange(s - 8, s + 8, 4.2):
            cell.grow("hedge", x, back + side * 0.5, rng.uniform(0.9, 1.3), (0.9, 1.1), leaf="oak")
    elif border < 0.5:
        tone = np.array([0.5, 0.49, 0.46] if rng.random() < 0.5 else [0.2, 0.15, 0.1], np.float32)
        cell.put(Wall(9.0, rng.uniform(0.8, 1.3), colour_of(tone), rng.random(), "bark"), s - 9.5, back + side * 0.4)
    for _ in range(rng.poisson(2.5)):
        bush(cell, s + rng.uniform(-9, 9), back + side * rng.uniform(1.0, 4.5), scale=0.65)
    if rng.random() < 0.75:
        tree(cell, s + rng.uniform(-9.5, 9.5), back + side * rng.uniform(2.5, 16), 5.0, 12.0)
    if rng.random() < 0.8:
        tree(cell, s + rng.uniform(-9.5, 9.5), back + side * rng.uniform(18, 26), 8.0, 15.0)
