"""Furnishes streets: city blocks with shops and signals, residential lots with houses and gardens."""

from __future__ import annotations

import numpy as np

from drivesim.world.render.mesh import join, polygon
from drivesim.world.roadside.planting import bush, road_sign, species, tree, woods
from drivesim.world.roadside.scenery import CELL, Scenery, Site
from drivesim.world.roadside.structures import box, house, muted, traffic_light, wall

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


def city(scenery: Scenery, site: Site, start: float) -> None:
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
                name = species(scenery, rng)
                site.grow(name, s, edge + side * 1.1, rng.uniform(5, 9.5), site.tint(name), rng.uniform(0.8, 1.1))
        if rng.random() < 0.7 and not scenery.in_junction(start + 30, 1):
            road_sign(site, start + rng.uniform(2, 38), edge + side * 0.6)
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


def residential(scenery: Scenery, site: Site, start: float) -> None:
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
                bush(site, s + rng.uniform(-9, 9), back + side * rng.uniform(1.0, 4.5), scale=0.65)
            if rng.random() < 0.75:
                tree(scenery, site, s + rng.uniform(-9.5, 9.5), back + side * rng.uniform(2.5, 16), 5.0, 12.0)
            if rng.random() < 0.8:
                tree(scenery, site, s + rng.uniform(-9.5, 9.5), back + side * rng.uniform(18, 26), 8.0, 15.0)
        for s in np.arange(start + 5, start + CELL, 12.0):
            if style[9] > 0.35 and rng.random() < 0.8 and not scenery.in_junction(s, 5.0):
                name = species(scenery, rng)
                site.grow(
                    name,
                    s + rng.normal(0, 0.6),
                    edge + side * 0.75,
                    rng.uniform(5, 11),
                    site.tint(name),
                    rng.uniform(0.85, 1.2),
                )
        if rng.random() < 0.35:
            road_sign(site, start + rng.uniform(0, 40), edge + side * 0.6)
        woods(scenery, site, start, side, edge)
