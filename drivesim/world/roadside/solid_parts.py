"""Parts that structures are built from: quadrilaterals, boxes, prisms and beams."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from drivesim.world.render.mesh import MATERIALS, SIDES, Material, Mesh

ColourLike = Sequence[float] | np.ndarray


def quads(
    points: np.ndarray, material: Material, albedo: ColourLike, seed: float | np.ndarray = 0.0, uv: np.ndarray | None = None
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
    albedo: ColourLike,
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


def prism(
    x: float,
    y: float,
    low: float,
    high: float,
    radius: float,
    albedo: ColourLike,
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


def beam(a: Sequence[float], b: Sequence[float], half: float, albedo: ColourLike, material: Material = "metal") -> Mesh:
    """A thin bar between two points, seen from everywhere: an upright strip and a level strip, each with two sides."""
    p, q = np.array(a, np.float32), np.array(b, np.float32)
    up = np.array([0, 0, half], np.float32)
    along = (q - p) / max(float(np.linalg.norm(q - p)), 1e-6)
    side = np.cross(along, [0, 0, 1.0]) * half
    strips = [[p - w, q - w, q + w, p + w] for w in (up, side)]
    return quads(np.array([*strips, *(strip[::-1] for strip in strips)], np.float32), material, albedo)
