"""Furnishes the cells of a world: open roads here, streets in `streets`; lamps and power lines everywhere."""

from __future__ import annotations

import itertools

import numpy as np

from drivesim.world.render.mesh import join
from drivesim.world.roadside.planting import PIECE, bank_height, banks, bush, road_sign, row, tree, woods
from drivesim.world.roadside.scenery import CELL, Scenery, Site
from drivesim.world.roadside.streets import city, residential
from drivesim.world.roadside.structures import (
    barrier,
    beam,
    fence,
    guard_rail,
    house,
    overpass,
    pole,
    sign,
    street_lamp,
    wall,
)


def furnish(scenery: Scenery, site: Site, index: int) -> None:
    """Fills cell `index` of the world."""
    start = index * CELL
    {"highway": _highway, "city": city, "residential": residential, "rural": _rural}[scenery.setting](
        scenery, site, start
    )
    _lamps(scenery, site, start)
    if scenery.style[6] < {"highway": 0.15, "city": 0.25, "residential": 0.6, "rural": 0.5}[scenery.setting]:
        _power_line(scenery, site, start)


def _highway(scenery: Scenery, site: Site, start: float) -> None:
    layout, rng, style = scenery.layout, site.rng, scenery.style
    tone = np.array([0.33, 0.32, 0.30], np.float32) * (0.7 + 0.6 * style[0])
    middle = (layout.left + layout.near) / 2
    if layout.median == "barrier":
        row(site, start, middle, barrier(PIECE, tone, 0.1 + 0.8 * style[1], 0.86 + 0.35 * (style[9] > 0.6)))
    elif layout.median == "rail":
        row(site, start, middle, guard_rail(PIECE, style[1]))
    elif layout.near - layout.left > 7 and style[10] < 0.7:
        for s in np.arange(start, start + CELL, 5.0):
            if rng.random() < style[10]:
                bush(site, s + rng.uniform(0, 4), middle + rng.normal(0, 0.8), scale=0.8)
    banks(scenery, site, start)
    for side, edge in ((-1, layout.edge_right), (1, layout.edge_left)):
        plan = scenery.stretch(start, 320.0, 1 + (side > 0))
        kind = int(plan.choice(5, p=[0.28, 0.27, 0.17, 0.13, 0.15]))
        trees, bushes, deep = plan.uniform(0, 1) ** 1.2 * 16, plan.uniform(0, 7), plan.uniform(10, 30)
        if kind == 1:
            row(site, start, edge + side * 0.3, guard_rail(PIECE, style[1]))
        elif kind == 2:
            row(site, start, edge + side * 0.3, barrier(PIECE, tone, 0.1 + 0.8 * style[1]))
        elif kind == 3:
            high = plan.uniform(2.4, 4.5)
            row(site, start, edge + side * 3.0, wall(PIECE, high, tone * 0.9, 0.3 + 0.5 * style[1], posts=5.0))
        elif kind == 4:
            row(site, start, edge + side * 6.0, fence(PIECE, np.random.default_rng(3)), shadow=False)
        for _ in range(rng.poisson(trees)):
            beyond = 7.0 + rng.exponential(deep * 0.6) + 3.0
            s = start + rng.uniform(0, CELL)
            tree(scenery, site, s, edge + side * beyond, z=bank_height(scenery, s, side, beyond))
        for _ in range(rng.poisson(bushes)):
            beyond, s = 4.5 + rng.exponential(5.0), start + rng.uniform(0, CELL)
            bush(site, s, edge + side * beyond, bank_height(scenery, s, side, beyond))
        woods(scenery, site, start, side, edge)
    if rng.random() < 0.22:
        road_sign(site, start + rng.uniform(5, 35), layout.edge_right - rng.uniform(1.5, 3.5), highway=True)
    special = scenery.stretch(start, 40.0, 9).random()
    if special < 0.035 * (0.3 + style[11]):
        _bridge(scenery, site, start + 12.0, tone)
    elif special > 0.96:
        _gantry(scenery, site, start + 20.0)


def _rural(scenery: Scenery, site: Site, start: float) -> None:
    layout, rng = scenery.layout, site.rng
    banks(scenery, site, start)
    for side, edge in ((-1, layout.edge_right), (1, layout.edge_left)):
        plan = scenery.stretch(start, 240.0, 1 + (side > 0))
        kind = int(plan.choice(4, p=[0.3, 0.3, 0.2, 0.2]))  # open, wood, hedgerow, scattered
        fenced, railed = plan.random() < 0.4, plan.random() < 0.18
        count = {0: 0.7, 1: 17.0, 2: 3.0, 3: 5.0}[kind]
        for _ in range(rng.poisson(count)):
            beyond = 4.5 + (rng.exponential(9.0) if kind == 1 else rng.exponential(16.0))
            s = start + rng.uniform(0, CELL)
            tree(scenery, site, s, edge + side * beyond, 6.0, 16.0, bank_height(scenery, s, side, beyond))
        if kind == 2:
            for s in np.arange(start, start + CELL, 5.0):
                site.grow("hedge", s, edge + side * 4.0, rng.uniform(1.4, 2.4), site.tint("oak"), rng.uniform(0.8, 1.0))
        for _ in range(rng.poisson(5.0 if kind == 1 else 2.0)):
            bush(site, start + rng.uniform(0, CELL), edge + side * (2.5 + rng.exponential(4.0)), scale=0.8)
        for _ in range(rng.poisson(3.0)):
            site.grow(
                "grass",
                start + rng.uniform(0, CELL),
                edge + side * (1.2 + rng.exponential(2.5)),
                rng.uniform(0.5, 0.9),
                site.tint("grass"),
                1.2,
            )
        if fenced:
            row(site, start, edge + side * 5.0, fence(PIECE, np.random.default_rng(scenery.seed % 97)), shadow=False)
        if railed:
            row(site, start, edge + side * 0.5, guard_rail(PIECE, 0.3))
        if kind != 1 and rng.random() < 0.1:
            site.put(
                house(rng.uniform(9, 18), rng.uniform(8, 12), rng.uniform(3, 5.5), rng),
                start + 20,
                edge + side * rng.uniform(18, 45),
                turn=rng.uniform(-0.5, 0.5) + (0 if side < 0 else np.pi),
            )
        woods(scenery, site, start, side, edge)
        if rng.random() < 0.15:
            road_sign(site, start + rng.uniform(0, 40), edge + side * 1.8)


def _gantry(scenery: Scenery, site: Site, s: float) -> None:
    """Overhead signs on a frame."""
    layout, grey = scenery.layout, (0.27, 0.27, 0.28)
    right, left = layout.edge_right - 0.8, layout.left + 0.6
    site.put(pole(0, 0, 0, 7.4, 0.2, grey, sides=6), s, right)
    if layout.near - layout.left > 1.0:
        site.put(pole(0, 0, 0, 7.4, 0.2, grey, sides=6), s, left)
    parts = [beam((0, 0, z), (0, left - right, z), 0.09, grey) for z in (6.3, 7.3)]
    site.put(join(parts), s, right)
    for k in range(max(1, layout.lanes - 1)):
        d = layout.right + (k + 0.7) * layout.lane_width
        site.put(sign(3.4, 2.0, 5.9, (0.01, 0.085, 0.05), site.rng.random() * 0.79, 0), s - 0.25, d)


def _bridge(scenery: Scenery, site: Site, s: float, tone: np.ndarray) -> None:
    layout = scenery.layout
    right, left = layout.edge_right - 60, layout.edge_left + 60
    site.put(overpass(right, left, 11.0, tone, 0.2), s, 0.0)
    spots = [layout.edge_right - 2.0, layout.edge_left + 2.0] + (
        [(layout.left + layout.near) / 2] if layout.near - layout.left > 1.5 else []
    )
    for d in spots:
        for x in (2.0, 8.0):
            site.put(pole(x, 0, 0, 5.4, 0.5, tone, "concrete", sides=8), s, d, shadow=False)


def _lamps(scenery: Scenery, site: Site, start: float) -> None:
    """Street lamps every CELL, on the outer side or both; dark by day."""
    setting, layout, style = scenery.setting, scenery.layout, scenery.style
    lit = site.lighting.street_lamps > 0
    if not lit and (
        site.lighting.night or style[12] > {"highway": 0.35, "city": 0.9, "residential": 0.6, "rural": 0.05}[setting]
    ):
        return
    height = {"highway": 10.5, "city": 8.0, "residential": 6.5, "rural": 8.0}[setting]
    arm = {"highway": 2.6, "city": 1.8, "residential": 1.3, "rural": 1.8}[setting]
    for side, edge in ((-1, layout.edge_right), (1, layout.edge_left)):
        if side > 0 and (setting in ("rural", "residential") or layout.edge_left > 40):
            continue
        s, d = start + (8.0 if side < 0 else 28.0), edge + side * (0.9 if setting != "highway" else 1.8)
        mesh, head = street_lamp(height, -side * arm, lit)
        site.put(mesh, s, d, emission=14.0 if lit else 0.0)
        x, y, _ = site.alignment.point(s + head[0], d + head[1])
        if lit:
            site.lamps.append(np.array([x, y, head[2]], np.float32))


def _power_line(scenery: Scenery, site: Site, start: float) -> None:
    """Wooden poles with wires on the left or right."""
    side = 1 if scenery.style[13] > 0.5 else -1
    layout = scenery.layout
    d = (layout.edge_left if side > 0 else layout.edge_right) + side * {"city": 0.7, "residential": 0.8}.get(
        scenery.setting, 7.0
    )
    tone = (0.14, 0.11, 0.085)
    site.put(
        join(
            [pole(0, 0, 0, 9.0, 0.14, tone, "bark", sides=6), beam((0, -1.1, 8.4), (0, 1.1, 8.4), 0.07, tone, "bark")]
        ),
        start,
        d,
    )
    x0, y0, here = site.alignment.point(start, d)
    x1, y1, _ = site.alignment.point(start + CELL, d)
    length, aim = float(np.hypot(x1 - x0, y1 - y0)), float(np.arctan2(y1 - y0, x1 - x0))
    for y, z in ((-1.0, 8.5), (1.0, 8.5), (0.0, 7.0)):
        places = [(length * k / 5, y, z - 1.1 * (1 - (2 * k / 5 - 1) ** 2)) for k in range(6)]
        for a, b in itertools.pairwise(places):
            site.put(beam(a, b, 0.016, (0.03, 0.03, 0.03)), start, d, turn=aim - here, shadow=False)
