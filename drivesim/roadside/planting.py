"""Vegetation and what else every setting has beside its road: trees, bushes, woods, earth banks, rows of pieces, road signs."""

from __future__ import annotations

import numpy as np

from drivesim.roadside.roadside import CELL, SIDES, Cell, Roadside
from drivesim.roadside.things import PIECE, Sign, Slope
from drivesim.scene.road import Setting

_TREES: dict[Setting, tuple[str, ...]] = {
    "highway": ("oak", "oak2", "plane", "gum", "gum2", "pine", "poplar", "bare"),
    "rural": ("oak", "oak2", "plane", "pine", "fir", "poplar", "gum", "bare"),
    "residential": ("oak", "plane", "street", "fir", "pine", "oak2", "bare"),
    "city": ("street", "plane", "street", "oak"),
}
_TALLER = {"fir": 1.25, "pine": 1.2, "poplar": 1.3, "gum": 1.25, "gum2": 1.15}
_BANK_FOOT, _BANK_TOP = 4.0, 18.0  # m from the edge of the road


def draw_species(roadside: Roadside, rng: np.random.Generator) -> str:
    """The trees of a world: mostly two species of those that suit."""
    names, style = _TREES[roadside.setting], roadside.style
    pick = (style.first_species, style.second_species, rng.random())[int(rng.choice(3, p=[0.5, 0.3, 0.2]))]
    return names[int(pick * len(names))]


def tree(cell: Cell, s: float, d: float, low: float = 6.0, high: float = 15.0, z: float = 0.0) -> None:
    """A tree of those that suit, `low` to `high` m tall."""
    name = draw_species(cell.roadside, cell.rng)
    cell.grow(name, s, d, cell.rng.uniform(low, high) * _TALLER.get(name, 1.0), (0.85, 1.2), z)


def bush(cell: Cell, s: float, d: float, z: float = 0.0, scale: float = 1.0) -> None:
    """A bush, 0.8 to 2.6 m tall times `scale`."""
    name = ("bush", "bush2", "bush")[int(cell.rng.integers(3))]
    cell.grow(name, s, d, scale * cell.rng.uniform(0.8, 2.6), (0.9, 1.5), z)


def banks(cell: Cell) -> None:
    """Slopes of earth and grass."""
    for side in SIDES:
        edge = cell.roadside.edge(side)
        for s in np.arange(cell.start, cell.start + CELL - 1, PIECE):
            low, high = cell.roadside.bank(np.array([s, s + PIECE]), side)
            if max(low, high) >= 0.2:
                slope = Slope(s, side, edge + side * _BANK_FOOT, edge + side * _BANK_TOP, (low, high))
                cell.standing.append(slope)


def woods(cell: Cell, side: int) -> None:
    """Distant rows of trees that close the view."""
    roadside, rng = cell.roadside, cell.rng
    plan = roadside.stretch_generator(cell.start, 480.0, 5 + (side > 0))
    far = plan.uniform(25, 110) if plan.random() < 0.75 else 0.0
    if far:
        s = cell.start + rng.uniform(0, CELL)
        tall = rng.uniform(6, 12)
        d = roadside.edge(side) + side * (far + rng.uniform(0, 15))
        z = roadside.bank_height(s, side, far)
        cell.grow("wood", s, d, tall, (1.0, 1.5), z, leaf="oak", darker=0.9)


def road_sign(cell: Cell, s: float, d: float, highway: bool = False) -> None:
    """One of the signs that roads of all settings have; on highways often a large one."""
    rng = cell.rng
    kind = rng.random()
    if highway and kind < 0.4:
        width, height = rng.uniform(2.2, 4.0), rng.uniform(1.2, 2.4)
        cell.put(Sign(width, height, 1.8, (0.01, 0.09, 0.05), rng.random() * 0.79, 2), s, d)
    elif kind < 0.6:
        cell.put(Sign(0.65, 0.85, 1.9, (0.62, 0.62, 0.6), rng.random() * 0.79), s, d)
    elif kind < 0.85:
        cell.put(Sign(0.8, 0.8, 1.8, (0.65, 0.38, 0.02), rng.random() * 0.79), s, d)
    else:
        cell.put(Sign(0.6, 0.6, 2.0, (0.45, 0.03, 0.03), rng.random() * 0.79), s, d)
