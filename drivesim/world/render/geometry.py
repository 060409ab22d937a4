"""Geometry to be drawn: the polygons of many objects and upright sprites in one frame of reference."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from drivesim.scene.classes import SceneClass
from drivesim.world.render.mesh import SIDES, Mesh
from drivesim.world.roadside.plant_pictures import Sprite


@dataclass(frozen=True)
class Geometry:
    """Objects in one frame of reference: p polygons of m objects, k sprites.

    mesh; normal float32 [p 3]; owner int64 [p] (object of a polygon); emission float32 [p] (how much its lamps shine);
    what uint8 [m] (SceneClass); footprint float32 [m 4 2] (counter-clockwise) and top float32 [m] (height);
    place float32 [k 3] (foot of a sprite), size float32 [k 2] (width, height), species int64 [k] (index in SPECIES), tint
    float32 [k 3], mirror bool [k].
    """

    mesh: Mesh
    normal: np.ndarray
    owner: np.ndarray
    emission: np.ndarray
    what: np.ndarray
    footprint: np.ndarray
    top: np.ndarray
    place: np.ndarray
    size: np.ndarray
    species: np.ndarray
    tint: np.ndarray
    mirror: np.ndarray

    def turned(self, pose: tuple[float, float, float]) -> Geometry:
        """As seen from world `pose` (x, y, heading): that becomes the origin, looking along x."""
        c, s = np.float32(np.cos(pose[2])), np.float32(np.sin(pose[2]))
        turn = np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]], np.float32)
        origin = np.array([pose[0], pose[1], 0], np.float32)
        mesh = Mesh(
            (self.mesh.vertices - origin) @ turn,
            self.mesh.material,
            self.mesh.albedo,
            self.mesh.seed,
            self.mesh.uv @ turn,
        )
        mesh.uv[:, 0] -= origin @ turn
        return Geometry(
            mesh,
            self.normal @ turn,
            self.owner,
            self.emission,
            self.what,
            (self.footprint - origin[:2]) @ turn[:2, :2],
            self.top,
            (self.place - origin) @ turn,
            self.size,
            self.species,
            self.tint,
            self.mirror,
        )


def assemble(
    meshes: list[Mesh], what: list[SceneClass], footprints: list[np.ndarray], sprites: list[Sprite]
) -> Geometry:
    """Gathers meshes (one object of a class each, footprint [4 2]) and sprites."""
    count = sum(len(mesh) for mesh in meshes)
    if count:
        joined = Mesh(**{f.name: np.concatenate([getattr(mesh, f.name) for mesh in meshes]) for f in fields(Mesh)})
    else:
        joined = Mesh(
            np.zeros((0, SIDES, 3), np.float32),
            np.zeros(0, np.int64),
            np.zeros((0, 3), np.float32),
            np.zeros(0, np.float32),
            np.zeros((0, 3, 3), np.float32),
        )
    corners = joined.vertices
    normal = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]) + 1e-3 * np.cross(
        corners[:, 2] - corners[:, 0], corners[:, 3] - corners[:, 0]
    )
    normal /= np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-12)
    return Geometry(
        joined,
        normal.astype(np.float32),
        np.repeat(np.arange(len(meshes)), [len(mesh) for mesh in meshes]),
        np.zeros(count, np.float32),
        np.array(what, np.uint8),
        np.array(footprints, np.float32).reshape(-1, 4, 2),
        np.array([mesh.vertices[..., 2].max() for mesh in meshes], np.float32),
        np.array([sprite.place for sprite in sprites], np.float32).reshape(-1, 3),
        np.array([sprite.size for sprite in sprites], np.float32).reshape(-1, 2),
        np.array([sprite.species for sprite in sprites], np.int64),
        np.array([sprite.tint for sprite in sprites], np.float32).reshape(-1, 3),
        np.array([sprite.mirror for sprite in sprites], bool),
    )


def merged(parts: list[Geometry]) -> Geometry:
    """One geometry of several; objects keep their order, those of the first part come first."""
    shift = np.cumsum([0] + [len(part.footprint) for part in parts])
    mesh = Mesh(**{f.name: np.concatenate([getattr(part.mesh, f.name) for part in parts]) for f in fields(Mesh)})
    owner = np.concatenate([part.owner + by for part, by in zip(parts, shift, strict=False)])
    rest = {
        f.name: np.concatenate([getattr(part, f.name) for part in parts])
        for f in fields(Geometry)
        if f.name not in ("mesh", "owner")
    }
    return Geometry(mesh=mesh, owner=owner, **rest)


def footprint_of(mesh: Mesh, yaw: float = 0.0) -> np.ndarray:
    """Rectangle [4 2] along `yaw` around the mesh, counter-clockwise."""
    c, s = np.cos(yaw), np.sin(yaw)
    turn = np.array([[c, -s], [s, c]])
    flat = mesh.vertices[..., :2].reshape(-1, 2) @ turn
    (x0, y0), (x1, y1) = flat.min(axis=0), flat.max(axis=0)
    return (np.array([[x0, y0], [x1, y0], [x1, y1], [x0, y1]]) @ turn.T).astype(np.float32)
