"""Parts that every setting has beside its road: trees, bushes, earth banks, long rows of the same thing, signs."""

from __future__ import annotations

import numpy as np

from drivesim.world.render.mesh import Mesh, join, polygon
from drivesim.world.roadside.scenery import CELL, Scenery, Site
from drivesim.world.roadside.structures import sign

PIECE = 10.0  # m of barrier per piece
_TREES = {
    "highway": ("oak", "oak2", "plane", "gum", "gum2", "pine", "poplar", "bare"),
    "rural": ("oak", "oak2", "plane", "pine", "fir", "poplar", "gum", "bare"),
    "residential": ("oak", "plane", "street", "fir", "pine", "oak2", "bare"),
    "city": ("street", "plane", "street", "oak"),
}


def species(scenery: Scenery, rng: np.random.Generator) -> str:
    """The trees of a world: mostly two species of those that suit."""
    names = _TREES[scenery.setting]
    pick = (scenery.style[7], scenery.style[8], rng.random())[int(rng.choice(3, p=[0.5, 0.3, 0.2]))]
    return names[int(pick * len(names))]


def tree(
    scenery: Scenery, site: Site, s: float, d: float, low: float = 6.0, high: float = 15.0, z: float = 0.0
) -> None:
    name = species(scenery, site.rng)
    tall = site.rng.uniform(low, high) * {"fir": 1.25, "pine": 1.2, "poplar": 1.3, "gum": 1.25, "gum2": 1.15}.get(
        name, 1.0
    )
    site.grow(name, s, d, tall, site.tint(name), site.rng.uniform(0.85, 1.2), z)


def bush(site: Site, s: float, d: float, z: float = 0.0, scale: float = 1.0) -> None:
    name = ("bush", "bush2", "bush")[int(site.rng.integers(3))]
    site.grow(name, s, d, scale * site.rng.uniform(0.8, 2.6), site.tint(name), site.rng.uniform(0.9, 1.5), z)


def bank_height(scenery: Scenery, s: float, side: int, beyond: float) -> float:
    """Ground height `beyond` m outside the edge of the road."""
    rise = float(scenery.bank(s, side))
    return rise * float(np.clip((beyond - 4.0) / 14.0, 0, 1))


def banks(scenery: Scenery, site: Site, start: float) -> None:
    """Slopes of earth and grass."""
    layout, lighting = scenery.layout, site.lighting
    straw, lush = np.array([0.33, 0.25, 0.13]), np.array([0.07, 0.10, 0.035])
    colour = (lighting.dry * straw + (1 - lighting.dry) * lush) * 0.95
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


def row(site: Site, start: float, d: float, piece: Mesh, shadow: bool = True) -> None:
    """Copies of `piece` (PIECE m long), one after the other along d, stretched to meet in bends."""
    for s in np.arange(start, start + CELL - 0.01, PIECE):
        x0, y0, here = site.alignment.point(s, d)
        x1, y1, _ = site.alignment.point(s + PIECE, d)
        length, aim = float(np.hypot(x1 - x0, y1 - y0)), float(np.arctan2(y1 - y0, x1 - x0))
        site.put(piece, s, d, turn=aim - here, shadow=shadow, stretch=length / PIECE)


def woods(scenery: Scenery, site: Site, start: float, side: int, edge: float) -> None:
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
            bank_height(scenery, s, side, far),
        )


def road_sign(site: Site, s: float, d: float, highway: bool = False) -> None:
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
