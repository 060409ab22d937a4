"""Things beside the road as meshes: boxes, poles, barriers, rails, signs, houses, bridges. x is along the road, y left."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np

from drivesim.world.render.mesh import MATERIALS, SIDES, Material, Mesh, join, polygon

Colour = Sequence[float] | np.ndarray


def quads(
    points: np.ndarray, material: Material, albedo: Colour, seed: float | np.ndarray = 0.0, uv: np.ndarray | None = None
) -> Mesh:
    """n quadrilaterals [n 4 3], counter-clockwise; albedo [3] or [n 3]; uv [n 3 3] defaults to first edge and perpendicular."""
    points = np.asarray(points, np.float32)
    n = len(points)
    if uv is None:
        along = points[:, 1] - points[:, 0]
        along = along / np.maximum(np.linalg.norm(along, axis=1, keepdims=True), 1e-9)
        normal = np.cross(along, points[:, 2] - points[:, 1])
        across = np.cross(normal / np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-9), along)
        uv = np.stack([points[:, 0], along, across], axis=1)
    vertices = np.concatenate([points, np.repeat(points[:, -1:], SIDES - 4, axis=1)], axis=1)
    return Mesh(
        vertices,
        np.full(n, MATERIALS.index(material)),
        np.broadcast_to(np.array(albedo, np.float32), (n, 3)).copy(),
        np.broadcast_to(np.float32(seed), n).copy(),
        np.asarray(uv, np.float32),
    )


_CORNERS = {
    "x": [(0, 1, 0), (0, 0, 0), (0, 0, 1), (0, 1, 1)],
    "X": [(1, 0, 0), (1, 1, 0), (1, 1, 1), (1, 0, 1)],
    "y": [(0, 0, 0), (1, 0, 0), (1, 0, 1), (0, 0, 1)],
    "Y": [(1, 1, 0), (0, 1, 0), (0, 1, 1), (1, 1, 1)],
    "Z": [(0, 0, 1), (1, 0, 1), (1, 1, 1), (0, 1, 1)],
    "z": [(0, 1, 0), (1, 1, 0), (1, 0, 0), (0, 0, 0)],
}
_ALONG = {"x": (0, -1, 0), "X": (0, 1, 0), "y": (1, 0, 0), "Y": (-1, 0, 0), "Z": (1, 0, 0), "z": (1, 0, 0)}


def box(
    low: Sequence[float],
    high: Sequence[float],
    material: Material,
    albedo: Colour,
    seed: float = 0.0,
    faces: str = "xXyYZ",
) -> Mesh:
    """Axis-aligned box; `faces` of xXyYzZ (small: the lower side). u runs along walls, v is the height over the box's foot."""
    ends = np.array([low, high], np.float32)
    index = np.array([_CORNERS[face] for face in faces])
    points = np.stack([ends[index[..., k], k] for k in range(3)], axis=-1)
    up = [(0, 1, 0) if face in "zZ" else (0, 0, 1) for face in faces]
    uv = np.stack(
        [points[:, 0], np.array([_ALONG[face] for face in faces], np.float32), np.array(up, np.float32)], axis=1
    )
    return quads(points, material, albedo, seed, uv)


def pole(
    x: float,
    y: float,
    low: float,
    high: float,
    radius: float,
    albedo: Colour,
    material: Material = "metal",
    sides: int = 4,
) -> Mesh:
    """An upright prism."""
    angles = np.arange(sides) * 2 * np.pi / sides + np.pi / sides
    ring = np.stack([x + radius * np.cos(angles), y + radius * np.sin(angles)], axis=1)
    following = np.roll(ring, -1, axis=0)
    lower, upper = np.full((sides, 1), low), np.full((sides, 1), high)
    points = np.stack(
        [
            np.hstack([ring, lower]),
            np.hstack([following, lower]),
            np.hstack([following, upper]),
            np.hstack([ring, upper]),
        ],
        axis=1,
    )
    return quads(points, material, albedo, 0.3 + 0.05 * np.arange(sides))


def beam(a: Sequence[float], b: Sequence[float], half: float, albedo: Colour, material: Material = "metal") -> Mesh:
    """A thin bar between two points, seen from everywhere: an upright strip and a level strip, each with two sides."""
    p, q = np.array(a, np.float32), np.array(b, np.float32)
    up = np.array([0, 0, half], np.float32)
    along = (q - p) / max(float(np.linalg.norm(q - p)), 1e-6)
    side = np.cross(along, [0, 0, 1.0]) * half
    strips = [[p - w, q - w, q + w, p + w] for w in (up, side)]
    return quads(np.array([*strips, *(strip[::-1] for strip in strips)], np.float32), material, albedo)


def barrier(length: float, albedo: Colour, seed: float, height: float = 0.86) -> Mesh:
    """Concrete (Jersey) barrier along x from 0 to `length`, centred on y = 0."""
    outline = [(0.31, 0.0), (0.31, 0.08), (0.16, 0.33), (0.09, height)]
    points, uv = [], []
    for sign in (-1, 1):
        for (y0, z0), (y1, z1) in itertools.pairwise(outline):
            face = [(0, sign * y0, z0), (length, sign * y0, z0), (length, sign * y1, z1), (0, sign * y1, z1)]
            points.append(face if sign < 0 else face[::-1])
            uv.append([(0, sign * y0, 0), (1, 0, 0), (0, 0, 1)])
    sides = quads(np.array(points, np.float32), "concrete", albedo, seed, np.array(uv, np.float32))
    return join([sides, box((0, -0.09, height), (length, 0.09, height), "concrete", albedo, seed, "Z")])


def guard_rail(length: float, seed: float) -> Mesh:
    """W-beam rail along x with posts, facing both ways."""
    steel, dark = (0.36, 0.37, 0.38), (0.16, 0.15, 0.14)
    parts = [
        box((x, -0.06, 0), (x + 0.14, 0.06, 0.72), "metal", dark, seed, "xyY") for x in np.arange(0.3, length, 2.5)
    ]
    for z0, z1, tone in ((0.42, 0.5, 1.1), (0.5, 0.58, 0.62), (0.58, 0.66, 1.1), (0.66, 0.74, 0.72)):
        parts.append(box((0, -0.1, z0), (length, 0.1, z1), "metal", np.array(steel, np.float32) * tone, seed, "yY"))
    parts.append(box((0, -0.1, 0.74), (length, 0.1, 0.74), "metal", steel, seed, "Z"))
    return join(parts)


def wall(
    length: float, height: float, albedo: Colour, seed: float, material: Material = "concrete", posts: float = 0.0
) -> Mesh:
    """A thin wall along x; `posts` apart, slightly higher posts."""
    parts = [box((0, -0.12, 0), (length, 0.12, height), material, albedo, seed, "yYZ")]
    if posts:
        tone = np.array(albedo, np.float32) * 0.85
        parts += [
            box((x, -0.2, 0), (x + 0.35, 0.2, height + 0.15), material, tone, seed, "xyYZ")
            for x in np.arange(0.0, length - 0.1, posts)
        ]
    return join(parts)


def fence(length: float, rng: np.random.Generator) -> Mesh:
    """Wooden rails or wire on posts along x."""
    tone = np.array([0.2, 0.16, 0.12], np.float32) * rng.uniform(0.6, 1.6)
    parts = [box((x, -0.05, 0), (x + 0.1, 0.05, 1.15), "bark", tone, 0.2, "xyYZ") for x in np.arange(0.0, length, 2.5)]
    half = 0.06 if rng.random() < 0.5 else 0.015
    parts += [
        box((0, -0.03, z - half), (length, 0.03, z + half), "bark", tone * 1.15, 0.4, "yY") for z in (0.4, 0.75, 1.05)
    ]
    return join(parts)


def sign(width: float, height: float, z: float, albedo: Colour, seed: float, posts: int = 1) -> Mesh:
    """A panel across the road facing oncoming readers (toward -x), centred on y = 0, on `posts` posts."""
    grey = (0.25, 0.25, 0.25)
    face = [(0, width / 2, z), (0, -width / 2, z), (0, -width / 2, z + height), (0, width / 2, z + height)]
    uv = np.array([face[0], (0, -1 / width, 0), (0, 0, 1 / height)], np.float32)
    parts = [polygon(face, "sign", albedo, seed, uv), polygon([face[1], face[0], face[3], face[2]], "metal", grey)]
    spots = [0.0] if posts == 1 else [-width * 0.35, width * 0.35]
    parts += [
        pole(0.06, y, 0, z + height * 0.8, 0.05 if posts == 1 else 0.09, grey) for y in spots[: posts or None] if posts
    ]
    return join(parts)


def street_lamp(height: float, arm: float, lit: bool) -> tuple[Mesh, np.ndarray]:
    """Pole at the origin with an arm of `arm` m toward +y (negative: -y); the mesh and the place of its head [3]."""
    grey = (0.22, 0.22, 0.22)
    head = np.array([0, arm, height - 0.05], np.float32)
    parts = [
        pole(0, 0, 0, height * 0.55, 0.09, grey, sides=6),
        pole(0, 0, height * 0.55, height, 0.065, grey, sides=6),
        beam((0, 0, height - 0.5), (0, arm * 0.5, height - 0.08), 0.05, grey),
        beam((0, arm * 0.5, height - 0.08), (0, arm, height), 0.05, grey),
        box((-0.3, arm - 0.16, height - 0.04), (0.3, arm + 0.16, height + 0.09), "metal", grey, 0.1, "xXyYZ"),
        box(
            (-0.24, arm - 0.12, height - 0.07),
            (0.24, arm + 0.12, height - 0.04),
            "lamp_head",
            (0.6, 0.6, 0.55),
            0.1,
            "xXyYz",
        ),
    ]
    return join(parts), head


def traffic_light(arm: float, seed: float) -> Mesh:
    """Signal pole at the origin with an arm over the road and two heads facing -x."""
    dark = (0.03, 0.03, 0.03)
    parts = [
        pole(0, 0, 0, 6.2, 0.1, (0.16, 0.16, 0.16), sides=6),
        beam((0, 0, 6.0), (0, arm, 6.2), 0.07, (0.16, 0.16, 0.16)),
    ]
    state = int(seed * 3)
    for y, z in ((arm, 5.4), (0.0, 3.0)):
        parts.append(box((-0.15, y - 0.2, z), (0.15, y + 0.2, z + 1.1), "matte", dark, 0.1, "xXyYZ"))
        for k, (material, colour) in enumerate(
            (("matte", (0.03, 0.10, 0.07)), ("matte", (0.10, 0.07, 0.02)), ("matte", (0.10, 0.02, 0.02)))
        ):
            z0 = z + 0.1 + 0.33 * k
            angles = np.arange(6) * np.pi / 3
            ring = [(-0.16, y - 0.13 * np.cos(t), z0 + 0.13 + 0.13 * np.sin(t)) for t in angles]
            glowing = k == (0, 2, 2)[state]
            lamp: Material = "indicator" if glowing and k == 1 else "tail_lamp" if glowing and k == 2 else material  # type: ignore[assignment]
            bright = (0.15, 0.9, 0.6) if glowing and k == 0 else (0.9, 0.08, 0.05) if glowing else colour
            parts.append(polygon(ring, lamp, bright, 0.5))
    return join(parts)


def muted(rng: np.random.Generator, low: float, high: float) -> np.ndarray:
    """A random colour [3], rarely a loud one."""
    grey, hue = rng.uniform(low, high), rng.uniform(0.5, 1.5, 3)
    return grey * (0.55 + 0.45 * hue)


def house(width: float, depth: float, height: float, rng: np.random.Generator) -> Mesh:
    """A house whose front looks toward +y, its middle at the origin; gabled roof along x or y."""
    walls = np.array(
        [
            (0.42, 0.39, 0.33),
            (0.30, 0.27, 0.22),
            (0.26, 0.13, 0.09),
            (0.45, 0.44, 0.42),
            (0.20, 0.22, 0.22),
            (0.33, 0.28, 0.18),
        ],
        np.float32,
    )
    tiles = np.array([(0.07, 0.065, 0.065), (0.12, 0.07, 0.05), (0.16, 0.08, 0.055), (0.10, 0.095, 0.09)], np.float32)
    wall_colour, roof = (
        walls[rng.integers(len(walls))] * rng.uniform(0.75, 1.1),
        tiles[rng.integers(len(tiles))] * rng.uniform(0.8, 1.3),
    )
    seed, rise, over = 0.02 + 0.26 * rng.random(), height * 0 + rng.uniform(1.4, 2.8), 0.4
    a, b, c, d = -width / 2, width / 2, -depth / 2, depth / 2
    parts = [box((a, c, 0), (b, d, height), "facade", wall_colour, seed, "xXyY")]
    if rng.random() < 0.65:  # ridge along x
        for sign in (-1, 1):
            eave, ridge = sign * (d + over), 0.0
            points = [
                (a - over, eave, height - 0.15),
                (b + over, eave, height - 0.15),
                (b + over, ridge, height + rise),
                (a - over, ridge, height + rise),
            ]
            parts.append(polygon(points if sign < 0 else points[::-1], "roof", roof, seed))
        for x, turn in ((a, -1), (b, 1)):
            gable = [(x, c, height), (x, d, height), (x, 0, height + rise)]
            parts.append(polygon(gable if turn > 0 else gable[::-1], "matte", wall_colour, seed))
    else:
        for sign in (-1, 1):
            eave = sign * (b + over)
            points = [
                (eave, c - over, height - 0.15),
                (eave, d + over, height - 0.15),
                (0, d + over, height + rise),
                (0, c - over, height + rise),
            ]
            parts.append(polygon(points if sign > 0 else points[::-1], "roof", roof, seed))
        for y, turn in ((c, 1), (d, -1)):
            gable = [(a, y, height), (b, y, height), (0, y, height + rise)]
            parts.append(polygon(gable if turn > 0 else gable[::-1], "matte", wall_colour, seed))
    parts.append(
        box((a * 0.3, -0.4, height), (a * 0.3 + 0.6, 0.3, height + rise + 0.7), "concrete", (0.2, 0.12, 0.09), 0.1)
    )
    porch = rng.uniform(-0.25, 0.25) * width
    parts.append(box((porch - 0.5, d, 0), (porch + 0.5, d + 0.04, 2.1), "matte", muted(rng, 0.03, 0.28), 0.2, "Y"))
    if rng.random() < 0.6:
        g = 0.25 * width * (1 if porch < 0 else -1)
        parts.append(
            box(
                (g - 1.3, d, 0),
                (g + 1.3, d + 0.05, 2.2),
                "matte",
                np.array([0.4, 0.39, 0.37], np.float32) * rng.uniform(0.5, 1.2),
                0.2,
                "Y",
            )
        )
    return join(parts)


def overpass(near: float, far: float, width: float, albedo: Colour, seed: float) -> Mesh:
    """A bridge deck across the road from y = near to y = far, `width` m along x, with parapets."""
    low = 5.3
    parts = [
        box((0, near, low), (width, far, low + 1.3), "concrete", albedo, seed, "xXyYz"),
        box(
            (0, near, low + 1.3),
            (0.3, far, low + 2.3),
            "concrete",
            np.array(albedo, np.float32) * 1.1,
            seed + 0.1,
            "xX",
        ),
        box(
            (-0.25, near, low + 1.1), (0, far, low + 1.35), "concrete", np.array(albedo, np.float32) * 1.15, seed, "xzZ"
        ),
    ]
    return join(parts)
