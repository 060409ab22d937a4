"""Furnishes the cells of each setting: barriers, trees, houses, poles, signs, bridges."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from drivesim.world.mesh import Mesh, join, polygon
from drivesim.world.scenery import CELL, Site
from drivesim.world.structures import (
    barrier,
    beam,
    box,
    fence,
    guard_rail,
    house,
    muted,
    overpass,
    pole,
    sign,
    street_lamp,
    traffic_light,
    wall,
)  # fmt: skip

if TYPE_CHECKING:
    from drivesim.world.scenery import Scenery

PIECE = 10.0  # m of barrier per piece
_TREES = {
    "highway": ("oak", "oak2", "plane", "gum", "gum2", "pine", "poplar", "bare"), "rural": ("oak", "oak2", "plane", "pine", "fir", "poplar", "gum", "bare"),
    "residential": ("oak", "plane", "street", "fir", "pine", "oak2", "bare"), "city": ("street", "plane", "street", "oak"),
}  # fmt: skip
_MASONRY = np.array(
    [
        (0.28, 0.25, 0.21),
        (0.20, 0.11, 0.08),
        (0.38, 0.35, 0.30),
        (0.16, 0.16, 0.165),
        (0.30, 0.29, 0.28),
        (0.24, 0.17, 0.12),
        (0.42, 0.40, 0.37),
        (0.11, 0.10, 0.10),
    ],
    np.float32,
)


def furnish(scenery: Scenery, site: Site, index: int) -> None:
    """Fills cell `index` of the world."""
    start = index * CELL
    {"highway": _highway, "city": _city, "residential": _residential, "rural": _rural}[scenery.setting](
        scenery, site, start
    )
    _lamps(scenery, site, start)
    if scenery.style[6] < {"highway": 0.15, "city": 0.25, "residential": 0.6, "rural": 0.5}[scenery.setting]:
        _power_line(scenery, site, start)


def _species(scenery: Scenery, rng: np.random.Generator) -> str:
    """The trees of a world: mostly two species of those that suit."""
    names = _TREES[scenery.setting]
    pick = (scenery.style[7], scenery.style[8], rng.random())[int(rng.choice(3, p=[0.5, 0.3, 0.2]))]
    return names[int(pick * len(names))]


def _tree(
    scenery: Scenery, site: Site, s: float, d: float, low: float = 6.0, high: float = 15.0, z: float = 0.0
) -> None:
    name = _species(scenery, site.rng)
    tall = site.rng.uniform(low, high) * {"fir": 1.25, "pine": 1.2, "poplar": 1.3, "gum": 1.25, "gum2": 1.15}.get(
        name, 1.0
    )
    site.grow(name, s, d, tall, site.tint(name), site.rng.uniform(0.85, 1.2), z)


def _bush(site: Site, s: float, d: float, z: float = 0.0, scale: float = 1.0) -> None:
    name = ("bush", "bush2", "bush")[int(site.rng.integers(3))]
    site.grow(name, s, d, scale * site.rng.uniform(0.8, 2.6), site.tint(name), site.rng.uniform(0.9, 1.5), z)


def _bank_height(scenery: Scenery, s: float, side: int, beyond: float) -> float:
    """Ground height `beyond` m outside the edge of the road."""
    rise = float(scenery.bank(s, side))
    return rise * float(np.clip((beyond - 4.0) / 14.0, 0, 1))


def _banks(scenery: Scenery, site: Site, start: float) -> None:
    """Slopes of earth and grass."""
    layout, look = scenery.layout, site.look
    straw, lush = np.array([0.33, 0.25, 0.13]), np.array([0.07, 0.10, 0.035])
    colour = (look.dry * straw + (1 - look.dry) * lush) * 0.95
    for side, edge in ((-1, layout.edge_right), (1, layout.edge_left)):
        for s in np.arange(start, start + CELL - 1, PIECE):
            heights = scenery.bank(np.array([s, s + PIECE]), side)
            if heights.max() < 0.2:
                continue
            a, b = edge + side * 4.0, edge + side * 18.0
            line = [(s, a, 0.0), (s + PIECE, a, 0.0), (s + PIECE, b, heights[1]), (s, b, heights[0])]
            x, y, _ = site.alignment.to_world(np.array([p[0] for p in line]), np.array([p[1] for p in line]))
            points = np.stack([x, y, [p[2] for p in line]], axis=1)
            x0, y0, heading = site.alignment.point(s, 0.0)
            uv = np.array(
                [(x0, y0, 0), (np.cos(heading), np.sin(heading), 0), (-np.sin(heading), np.cos(heading), 0)], np.float32
            )
            triangles = [points[[0, 1, 2]], points[[0, 2, 3]]]
            faces = [polygon(t if side > 0 else t[::-1], "foliage", colour, 0.37, uv) for t in triangles]
            mesh = join(faces)
            site.meshes.append(mesh)
            corners = points[[0, 1, 2, 3], :2] if side > 0 else points[[3, 2, 1, 0], :2]
            site.footprints.append(corners.astype(np.float32))
            site.emissions.append(0.0)


def _row(site: Site, start: float, d: float, piece: Mesh, shadow: bool = True) -> None:
    """Copies of `piece` (PIECE m long), one after the other along d, stretched to meet in bends."""
    for s in np.arange(start, start + CELL - 0.01, PIECE):
        x0, y0, here = site.alignment.point(s, d)
        x1, y1, _ = site.alignment.point(s + PIECE, d)
        length, aim = float(np.hypot(x1 - x0, y1 - y0)), float(np.arctan2(y1 - y0, x1 - x0))
        site.put(piece, s, d, turn=aim - here, shadow=shadow, stretch=length / PIECE)


def _highway(scenery: Scenery, site: Site, start: float) -> None:
    layout, rng, style = scenery.layout, site.rng, scenery.style
    tone = np.array([0.33, 0.32, 0.30], np.float32) * (0.7 + 0.6 * style[0])
    middle = (layout.left + layout.near) / 2
    if layout.median == "barrier":
        _row(site, start, middle, barrier(PIECE, tone, 0.1 + 0.8 * style[1], 0.86 + 0.35 * (style[9] > 0.6)))
    elif layout.median == "rail":
        _row(site, start, middle, guard_rail(PIECE, style[1]))
    elif layout.near - layout.left > 7 and style[10] < 0.7:
        for s in np.arange(start, start + CELL, 5.0):
            if rng.random() < style[10]:
                _bush(site, s + rng.uniform(0, 4), middle + rng.normal(0, 0.8), scale=0.8)
    _banks(scenery, site, start)
    for side, edge in ((-1, layout.edge_right), (1, layout.edge_left)):
        plan = scenery.stretch(start, 320.0, 1 + (side > 0))
        kind = int(plan.choice(5, p=[0.28, 0.27, 0.17, 0.13, 0.15]))
        trees, bushes, deep = plan.uniform(0, 1) ** 1.2 * 16, plan.uniform(0, 7), plan.uniform(10, 30)
        if kind == 1:
            _row(site, start, edge + side * 0.3, guard_rail(PIECE, style[1]))
        elif kind == 2:
            _row(site, start, edge + side * 0.3, barrier(PIECE, tone, 0.1 + 0.8 * style[1]))
        elif kind == 3:
            high = plan.uniform(2.4, 4.5)
            _row(site, start, edge + side * 3.0, wall(PIECE, high, tone * 0.9, 0.3 + 0.5 * style[1], posts=5.0))
        elif kind == 4:
            _row(site, start, edge + side * 6.0, fence(PIECE, np.random.default_rng(3)), shadow=False)
        for _ in range(rng.poisson(trees)):
            beyond = 7.0 + rng.exponential(deep * 0.6) + 3.0
            s = start + rng.uniform(0, CELL)
            _tree(scenery, site, s, edge + side * beyond, z=_bank_height(scenery, s, side, beyond))
        for _ in range(rng.poisson(bushes)):
            beyond, s = 4.5 + rng.exponential(5.0), start + rng.uniform(0, CELL)
            _bush(site, s, edge + side * beyond, _bank_height(scenery, s, side, beyond))
        _woods(scenery, site, start, side, edge)
    if rng.random() < 0.22:
        _road_sign(site, start + rng.uniform(5, 35), layout.edge_right - rng.uniform(1.5, 3.5), highway=True)
    special = scenery.stretch(start, 40.0, 9).random()
    if special < 0.035 * (0.3 + style[11]):
        _bridge(scenery, site, start + 12.0, tone)
    elif special > 0.96:
        _gantry(scenery, site, start + 20.0)


def _woods(scenery: Scenery, site: Site, start: float, side: int, edge: float) -> None:
    """Distant rows of trees that close the view."""
    plan = scenery.stretch(start, 480.0, 5 + (side > 0))
    far = plan.uniform(25, 110) if plan.random() < 0.75 else 0.0
    if far:
        s = start + site.rng.uniform(0, CELL)
        tall = site.rng.uniform(6, 12)
        site.grow(
            "wood",
            s,
            edge + side * (far + site.rng.uniform(0, 15)),
            tall,
            site.tint("oak") * 0.9,
            site.rng.uniform(1.0, 1.5),
            _bank_height(scenery, s, side, far),
        )


def _road_sign(site: Site, s: float, d: float, highway: bool = False) -> None:
    rng = site.rng
    kind = rng.random()
    if highway and kind < 0.4:
        site.put(
            sign(rng.uniform(2.2, 4.0), rng.uniform(1.2, 2.4), 1.8, (0.01, 0.09, 0.05), rng.random() * 0.79, 2), s, d
        )
    elif kind < 0.6:
        site.put(sign(0.65, 0.85, 1.9, (0.62, 0.62, 0.6), rng.random() * 0.79), s, d)
    elif kind < 0.85:
        site.put(sign(0.8, 0.8, 1.8, (0.65, 0.38, 0.02), rng.random() * 0.79), s, d)
    else:
        site.put(sign(0.6, 0.6, 2.0, (0.45, 0.03, 0.03), rng.random() * 0.79), s, d)


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
    lit = site.look.street_lamps > 0
    if not lit and (
        site.look.night or style[12] > {"highway": 0.35, "city": 0.9, "residential": 0.6, "rural": 0.05}[setting]
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
        for a, b in zip(places, places[1:], strict=False):
            site.put(beam(a, b, 0.016, (0.03, 0.03, 0.03)), start, d, turn=aim - here, shadow=False)


def _city(scenery: Scenery, site: Site, start: float) -> None:
    layout, rng, style = scenery.layout, site.rng, scenery.style
    for side, edge in ((-1, layout.edge_right), (1, layout.edge_left)):
        s = start
        while s < start + CELL - 6:
            width = min(rng.uniform(9, 24), start + CELL - s)
            clear = (
                not scenery.in_junction(s, layout.sidewalk)
                and not scenery.in_junction(s + width, layout.sidewalk)
                and not scenery.in_junction(s + width / 2, 2)
            )
            if clear and rng.random() < 0.93:
                _building(
                    scenery, site, s, edge + side * (layout.sidewalk + rng.choice([0.0, 0.0, 0.4, 3.0])), side, width
                )
            s += width + (0.0 if rng.random() < 0.7 else rng.uniform(1, 5))
        trees = style[9] > 0.3
        for s in np.arange(start + 4, start + CELL, 9.0 + 6 * style[10]):
            if trees and rng.random() < 0.75 and not scenery.in_junction(s, 4.0):
                name = _species(scenery, rng)
                site.grow(name, s, edge + side * 1.1, rng.uniform(5, 9.5), site.tint(name), rng.uniform(0.8, 1.1))
        if rng.random() < 0.7 and not scenery.in_junction(start + 30, 1):
            _road_sign(site, start + rng.uniform(2, 38), edge + side * 0.6)
        for _ in range(rng.poisson(1.2)):
            bin_size, d = rng.uniform(0.3, 0.8), edge + side * rng.uniform(0.6, 1.2)
            colour = np.array([0.1, 0.11, 0.12], np.float32) * rng.uniform(0.3, 2.5)
            site.put(
                box((0, 0, 0), (bin_size, bin_size, rng.uniform(0.8, 1.5)), "matte", colour, 0.1),
                start + rng.uniform(0, CELL),
                d,
            )
    if layout.median == "kerb":
        for s in np.arange(start, start + CELL, 8.0):
            if style[14] > 0.4 and not scenery.in_junction(s, 5.0):
                site.grow("street", s, (layout.left + layout.near) / 2, rng.uniform(4, 8), site.tint("street"), 0.9)
    for place, half, signals in scenery.junctions(start, start + CELL - 1e-6):
        if signals:
            seed = float(rng.random())
            site.put(
                traffic_light(4.0 + 2 * style[15], seed), place + half + 1.0, layout.edge_right - 0.8, emission=2.5
            )
            site.put(traffic_light(-4.0, seed), place + half + 1.0, layout.edge_left + 0.8, emission=2.5)


def _building(scenery: Scenery, site: Site, s: float, d: float, side: int, width: float) -> None:
    rng = site.rng
    height = float(np.clip(rng.gamma(3.0, 3.2 + 5.5 * scenery.style[0]), 5.0, 60.0))
    depth = rng.uniform(10, 18)
    colour = _MASONRY[int(rng.integers(len(_MASONRY)))] * rng.uniform(0.7, 1.15)
    seed = 0.3 + 0.6999 * rng.random()
    low, high = (0.0, -depth if side < 0 else 0.0, 0.0), (width - 0.05, 0.0 if side < 0 else depth, height)
    parts = [
        box(low, high, "facade", colour, seed, "xXyY"),
        box((0, low[1], height), (width - 0.05, high[1], height), "roof", (0.12, 0.12, 0.12), 0.1, "Z"),
    ]
    face = high[1] if side < 0 else low[1]
    out = 0.35 * -side
    y0, y1 = min(face, face + out), max(face, face + out)
    parts.append(box((0, y0, height - 0.6), (width - 0.05, y1, height), "concrete", colour * 1.2, 0.4, "xXyYzZ"))
    if rng.random() < 0.35:
        awning, w = muted(rng, 0.03, 0.3), rng.uniform(2.5, 5.0)
        x = rng.uniform(0.5, max(width - w - 0.5, 0.6))
        f0, f1 = face, face - side * 1.2
        points = [(x, f1, 2.5), (x + w, f1, 2.5), (x + w, f0, 3.0), (x, f0, 3.0)]
        parts.append(polygon(points if side < 0 and f1 > f0 else points[::-1], "matte", awning, 0.1))
        parts.append(polygon(points[::-1] if side < 0 and f1 > f0 else points, "matte", awning * 0.5, 0.1))
    site.put(join(parts), s, d)


def _residential(scenery: Scenery, site: Site, start: float) -> None:
    layout, rng, style = scenery.layout, site.rng, scenery.style
    for side, edge in ((-1, layout.edge_right), (1, layout.edge_left)):
        back = edge + side * (1.4 + layout.sidewalk)
        for lot in (0.0, 20.0):
            s = start + lot + 10.0
            if scenery.in_junction(s, 8.0):
                continue
            width, depth, height = (
                rng.uniform(9, 13.5),
                rng.uniform(8, 11),
                rng.choice([2.9, 3.1, 5.4, 5.7], p=[0.3, 0.3, 0.2, 0.2]),
            )
            away = rng.uniform(4.5, 8.5) + depth / 2
            if rng.random() < 0.93:
                site.put(house(width, depth, height, rng), s, back + side * away, turn=0.0 if side < 0 else np.pi)
            kind = rng.random()
            if kind < 0.3:
                for x in np.arange(s - 8, s + 8, 4.2):
                    site.grow(
                        "hedge", x, back + side * 0.5, rng.uniform(0.9, 1.3), site.tint("oak"), rng.uniform(0.9, 1.1)
                    )
            elif kind < 0.5:
                tone = (
                    np.array([0.5, 0.49, 0.46], np.float32)
                    if rng.random() < 0.5
                    else np.array([0.2, 0.15, 0.1], np.float32)
                )
                site.put(wall(9.0, rng.uniform(0.8, 1.3), tone, rng.random(), "bark"), s - 9.5, back + side * 0.4)
            for _ in range(rng.poisson(2.5)):
                _bush(site, s + rng.uniform(-9, 9), back + side * rng.uniform(1.0, 4.5), scale=0.65)
            if rng.random() < 0.75:
                _tree(scenery, site, s + rng.uniform(-9.5, 9.5), back + side * rng.uniform(2.5, 16), 5.0, 12.0)
            if rng.random() < 0.8:
                _tree(scenery, site, s + rng.uniform(-9.5, 9.5), back + side * rng.uniform(18, 26), 8.0, 15.0)
        for s in np.arange(start + 5, start + CELL, 12.0):
            if style[9] > 0.35 and rng.random() < 0.8 and not scenery.in_junction(s, 5.0):
                name = _species(scenery, rng)
                site.grow(
                    name,
                    s + rng.normal(0, 0.6),
                    edge + side * 0.75,
                    rng.uniform(5, 11),
                    site.tint(name),
                    rng.uniform(0.85, 1.2),
                )
        if rng.random() < 0.35:
            _road_sign(site, start + rng.uniform(0, 40), edge + side * 0.6)
        _woods(scenery, site, start, side, edge)


def _rural(scenery: Scenery, site: Site, start: float) -> None:
    layout, rng = scenery.layout, site.rng
    _banks(scenery, site, start)
    for side, edge in ((-1, layout.edge_right), (1, layout.edge_left)):
        plan = scenery.stretch(start, 240.0, 1 + (side > 0))
        kind = int(plan.choice(4, p=[0.3, 0.3, 0.2, 0.2]))  # open, wood, hedgerow, scattered
        fenced, railed = plan.random() < 0.4, plan.random() < 0.18
        count = {0: 0.7, 1: 17.0, 2: 3.0, 3: 5.0}[kind]
        for _ in range(rng.poisson(count)):
            beyond = 4.5 + (rng.exponential(9.0) if kind == 1 else rng.exponential(16.0))
            s = start + rng.uniform(0, CELL)
            _tree(scenery, site, s, edge + side * beyond, 6.0, 16.0, _bank_height(scenery, s, side, beyond))
        if kind == 2:
            for s in np.arange(start, start + CELL, 5.0):
                site.grow("hedge", s, edge + side * 4.0, rng.uniform(1.4, 2.4), site.tint("oak"), rng.uniform(0.8, 1.0))
        for _ in range(rng.poisson(5.0 if kind == 1 else 2.0)):
            _bush(site, start + rng.uniform(0, CELL), edge + side * (2.5 + rng.exponential(4.0)), scale=0.8)
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
            _row(site, start, edge + side * 5.0, fence(PIECE, np.random.default_rng(scenery.seed % 97)), shadow=False)
        if railed:
            _row(site, start, edge + side * 0.5, guard_rail(PIECE, 0.3))
        if kind != 1 and rng.random() < 0.1:
            site.put(
                house(rng.uniform(9, 18), rng.uniform(8, 12), rng.uniform(3, 5.5), rng),
                start + 20,
                edge + side * rng.uniform(18, 45),
                turn=rng.uniform(-0.5, 0.5) + (0 if side < 0 else np.pi),
            )
        _woods(scenery, site, start, side, edge)
        if rng.random() < 0.15:
            _road_sign(site, start + rng.uniform(0, 40), edge + side * 1.8)
