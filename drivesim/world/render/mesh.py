"""What the renderer draws: planar convex polygons with a material, grouped into objects."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Literal, get_args

import numpy as np

SIDES = 8  # vertices kept per polygon; polygons with fewer repeat their last vertex

Material = Literal[
    "paint", "glass", "plastic", "rubber", "chrome", "plate", "headlamp", "tail_lamp", "brake_lamp", "indicator",
    "interior", "facade", "roof", "foliage", "bark", "concrete", "metal", "sign", "lamp_head", "matte",
]  # fmt: skip
MATERIALS: tuple[Material, ...] = get_args(Material)


@dataclass(frozen=True)
class Mesh:
    """n polygons, numpy arrays, in the frame of whoever holds them (object frame: x forward, y left, z up, metres).

    vertices float32 [n SIDES 3], counter-clockwise seen from outside (back faces are not drawn);
    material int64 [n] (index into MATERIALS); albedo float32 [n 3] (linear RGB); seed float32 [n] in [0, 1), varies textures;
    uv float32 [n 3 3]: origin, u axis and v axis (m) of the texture plane.
    """

    vertices: np.ndarray
    material: np.ndarray
    albedo: np.ndarray
    seed: np.ndarray
    uv: np.ndarray

    def __len__(self) -> int:
        return len(self.vertices)

    def moved(self, x: float, y: float, z: float, yaw: float, scale: Sequence[float] = (1.0, 1.0, 1.0)) -> Mesh:
        """Scaled about the origin, turned by `yaw` (rad, to the left), then shifted."""
        c, s = np.cos(yaw), np.sin(yaw)
        turn = np.array([[c, s, 0.0], [-s, c, 0.0], [0.0, 0.0, 1.0]], np.float32)
        vertices = (self.vertices * np.array(scale, np.float32)) @ turn + np.array([x, y, z], np.float32)
        uv = self.uv @ turn
        uv[:, 0] = (self.uv[:, 0] * np.array(scale, np.float32)) @ turn + np.array([x, y, z], np.float32)
        return Mesh(vertices, self.material, self.albedo, self.seed, uv)


def polygon(
    points: Sequence[Sequence[float]] | np.ndarray,
    material: Material,
    albedo: Sequence[float] | np.ndarray = (0.5, 0.5, 0.5),
    seed: float = 0.0,
    uv: np.ndarray | None = None,
) -> Mesh:
    """One planar convex polygon of 3 to SIDES points [k 3]; texture axes default to its first edge and its perpendicular."""
    points = np.asarray(points, np.float32)
    padded = np.concatenate([points, np.repeat(points[-1:], SIDES - len(points), axis=0)])
    if uv is None:
        along = points[1] - points[0]
        along = along / max(float(np.linalg.norm(along)), 1e-9)
        normal = np.cross(along, points[2] - points[1])
        across = np.cross(normal / max(float(np.linalg.norm(normal)), 1e-9), along)
        uv = np.stack([points[0], along, across])
    return Mesh(
        padded[None],
        np.array([MATERIALS.index(material)]),
        np.asarray(albedo, np.float32)[None],
        np.array([seed], np.float32),
        np.asarray(uv, np.float32)[None],
    )


def join(meshes: Sequence[Mesh]) -> Mesh:
    """All polygons of `meshes` as one mesh."""
    return Mesh(**{f.name: np.concatenate([getattr(mesh, f.name) for mesh in meshes]) for f in fields(Mesh)})
