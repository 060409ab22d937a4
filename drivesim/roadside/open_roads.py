"""Highways and country roads: medians, rails and walls, banks, trees, lone houses, bridges and gantries."""

from __future__ import annotations

import numpy as np

from drivesim.roadside.planting import banks, bush, road_sign, tree, woods
from drivesim.roadside.roadside import CELL, SIDES, Cell
from drivesim.roadside.things import (
    PIECE,
    Barrier,
    Fence,
    GuardRail,
    House,
    Overpass,
    Pole,
    Sign,
    Truss,
    Wall,
    colour_of,
)
from drivesim.scene.triples import Colour

_STEEL: Colour = (0.27, 0.27, 0.28)


def highway(cell: Cell) -> None:
    """A cell of a highway's roadside."""
    roadside, rng, style = cell.roadside, cell.rng, cell.roadside.style
    tone = np.array([0.33, 0.32, 0.30], np.float32) * (0.7 + 0.6 * style.tone)
    _highway_median(cell, tone)
    banks(cell)
    for side in SIDES:
        _highway_side(cell, side, tone)
    if rng.random() < 0.22:
        road_sign(
            cell, cell.start + rng.uniform(5, 35), roadside.section.edge_right - rng.uniform(1.5, 3.5), highway=True
        )
    special = roadside.stretch_generator(cell.start, 40.0, 9).random()
    if special < 0.035 * (0.3 + style.bridges):
        _bridge(cell, cell.start + 12.0, colour_of(tone))
    elif special > 0.96:
        _gantry(cell, cell.start + 20.0)


def _highway_median(cell: Cell, tone: np.ndarray) -> None:
    section, rng, style = cell.roadside.section, cell.rng, cell.roadside.style
    middle = (section.left + section.near) / 2
    if section.median == "barrier":
        height = 0.86 + 0.35 * (style.lining > 0.6)
        cell.put_row(Barrier(colour_of(tone), 0.1 + 0.8 * style.wear, height), middle)
    elif section.median == "rail":
        cell.put_row(GuardRail(style.wear), middle)
    elif section.near - section.left > 7 and style.spacing < 0.7:
        for s in np.arange(cell.start, cell.start + CELL, 5.0):
            if rng.random() < style.spacing:
                bush(cell, s + rng.uniform(0, 4), middle + rng.normal(0, 0.8), scale=0.8)


def _highway_side(cell: Cell, side: int, tone: np.ndarray) -> None:
    """Rail, barrier, noise wall or fence by the stretch, and what grows beyond."""
    roadside, rng, style, edge = cell.roadside, cell.rng, cell.roadside.style, cell.roadside.edge(side)
    plan = roadside.stretch_generator(cell.start, 320.0, 1 + (side > 0))
    kind = int(plan.choice(5, p=[0.28, 0.27, 0.17, 0.13, 0.15]))
    trees, bushes, deep = plan.uniform(0, 1) ** 1.2 * 16, plan.uniform(0, 7), plan.uniform(10, 30)
    if kind == 1:
        cell.put_row(GuardRail(style.wear), edge + side * 0.3)
    elif kind == 2:
        cell.put_row(Barrier(colour_of(tone), 0.1 + 0.8 * style.wear), edge + side * 0.3)
    elif kind == 3:
        high = plan.uniform(2.4, 4.5)
        noise_wall = Wall(PIECE, high, colour_of(tone * 0.9), 0.3 + 0.5 * style.wear, posts=5.0)
        cell.put_row(noise_wall, edge + side * 3.0)
    elif kind == 4:
        cell.put_row(Fence.drawn(np.random.default_rng(3)), edge + side * 6.0, shadow=False)
    for _ in range(rng.poisson(trees)):
        beyond = 7.0 + rng.exponential(deep * 0.6) + 3.0
        s = cell.start + rng.uniform(0, CELL)
        tree(cell, s, edge + side * beyond, z=roadside.bank_height(s, side, beyond))
    for _ in range(rng.poisson(bushes)):
        beyond, s = 4.5 + rng.exponential(5.0), cell.start + rng.uniform(0, CELL)
        bush(cell, s, edge + side * beyond, roadside.bank_height(s, side, beyond))
    woods(cell, side)


def rural(cell: Cell) -> None:
    """A cell of a country road's roadside."""
    banks(cell)
    for side in SIDES:
        _rural_side(cell, side)


def _rural_side(cell: Cell, side: int) -> None:
    """Open land, a wood, a hedgerow or scattered trees by the stretch; fences, rails, now and then a house."""
    roadside, rng, edge, start = cell.roadside, cell.rng, cell.roadside.edge(side), cell.start
    plan = roadside.stretch_generator(start, 240.0, 1 + (side > 0))
    kind = ("open", "wood", "hedgerow", "scattered")[int(plan.choice(4, p=[0.3, 0.3, 0.2, 0.2]))]
    fenced, railed = plan.random() < 0.4, plan.random() < 0.18
    for _ in range(rng.poisson({"open": 0.7, "wood": 17.0, "hedgerow": 3.0, "scattered": 5.0}[kind])):
        beyond = 4.5 + (rng.exponential(9.0) if kind == "wood" else rng.exponential(16.0))
        s = start + rng.uniform(0, CELL)
        tree(cell, s, edge + side * beyond, 6.0, 16.0, roadside.bank_height(s, side, beyond))
    if kind == "hedgerow":
        for s in np.arange(start, start + CELL, 5.0):
            cell.grow("hedge", s, edge + side * 4.0, rng.uniform(1.4, 2.4), (0.8, 1.0), leaf="oak")
    for _ in range(rng.poisson(5.0 if kind == "wood" else 2.0)):
        bush(cell, start + rng.uniform(0, CELL), edge + side * (2.5 + rng.exponential(4.0)), scale=0.8)
    for _ in range(rng.poisson(3.0)):
        s, d = start + rng.uniform(0, CELL), edge + side * (1.2 + rng.exponential(2.5))
        cell.grow("grass", s, d, rng.uniform(0.5, 0.9), 1.2)
    if fenced:
        cell.put_row(Fence.drawn(np.random.default_rng(roadside.seed % 97)), edge + side * 5.0, shadow=False)
    if railed:
        cell.put_row(GuardRail(0.3), edge + side * 0.5)
    if kind != "wood" and rng.random() < 0.1:
        house = House.drawn(rng.uniform(9, 18), rng.uniform(8, 12), rng.uniform(3, 5.5), rng)
        d = edge + side * rng.uniform(18, 45)
        cell.put(house, start + 20, d, rng.uniform(-0.5, 0.5) + (0 if side < 0 else np.pi))
    woods(cell, side)
    if rng.random() < 0.15:
        road_sign(cell, start + rng.uniform(0, 40), edge + side * 1.8)


def _gantry(cell: Cell, s: float) -> None:
    """Overhead signs on a frame."""
    section = cell.roadside.section
    right, left = section.edge_right - 0.8, section.left + 0.6
    cell.put(Pole(7.4, 0.2, _STEEL), s, right)
    if section.near - section.left > 1.0:
        cell.put(Pole(7.4, 0.2, _STEEL), s, left)
    cell.put(Truss(left - right, _STEEL), s, right)
    for k in range(max(1, section.lanes - 1)):
        d = section.right + (k + 0.7) * section.lane_width
        cell.put(Sign(3.4, 2.0, 5.9, (0.01, 0.085, 0.05), cell.rng.random() * 0.79, 0), s - 0.25, d)


def _bridge(cell: Cell, s: float, tone: Colour) -> None:
    """An overpass on piers."""
    section = cell.roadside.section
    cell.put(Overpass(section.edge_right - 60, section.edge_left + 60, 11.0, tone, 0.2), s, 0.0)
    spots = [section.edge_right - 2.0, section.edge_left + 2.0]
    if section.near - section.left > 1.5:
        spots.append((section.left + section.near) / 2)
    for d in spots:
        for x in (2.0, 8.0):
            cell.put(Pole(5.4, 0.5, tone, "concrete", 8, x), s, d, shadow=False)
