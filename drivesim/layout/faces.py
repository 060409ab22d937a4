"""Flat convex faces: what solids and vehicles are cut into before they are painted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Self

import numpy as np

CORNERS = 8  # corners kept of a face; faces with fewer repeat their last one


@dataclass(frozen=True, eq=False)
class Faces:
    """p faces. The face is the last axis everywhere: sums and extremes over corners are fast that way.

    corners float32 [3 CORNERS p] (m), counter-clockwise seen from outside; normal float32 [3 p], outward, of any length;
    owner int64 [p], the object; what uint8 [p] (SceneClass); face, lamp uint8 [p] (Face, Lamp of a vehicle, 0 elsewhere).
    """

    corners: np.ndarray
    normal: np.ndarray
    owner: np.ndarray
    what: np.ndarray
    face: np.ndarray
    lamp: np.ndarray

    @classmethod
    def of(cls, corners: np.ndarray, owner: np.ndarray, what: np.ndarray) -> Self:
        """Faces that are no vehicle's."""
        zeros = np.zeros(len(owner), np.uint8)
        corners = np.asarray(corners, np.float32)
        return cls(corners, normals(corners), np.asarray(owner, np.int64), np.asarray(what, np.uint8), zeros, zeros)

    @classmethod
    def none(cls) -> Self:
        """No face."""
        return cls.of(np.zeros((3, CORNERS, 0)), np.zeros(0), np.zeros(0))

    def __len__(self) -> int:
        return len(self.owner)

    @property
    def offset(self) -> np.ndarray:
        """Where the faces' planes lie: normal times any of their points [p]."""
        return np.einsum("ap,ap->p", self.normal, self.corners[:, 0])

    def take(self, index: np.ndarray) -> Faces:
        """The faces of `index`, an integer array."""
        return Faces(**{f.name: getattr(self, f.name).take(index, axis=-1) for f in fields(self)})

    @classmethod
    def joined(cls, parts: Sequence[Faces]) -> Faces:
        """All faces of `parts`, whose owners are numbered through already."""
        return cls(**{f.name: np.concatenate([getattr(part, f.name) for part in parts], axis=-1) for f in fields(cls)})

    def moved(self, turn: np.ndarray, origin: np.ndarray) -> Faces:
        """In another frame: turn [3 3] times (corner - origin [3])."""
        turn = turn.astype(np.float32)
        corners = (turn @ self.corners.reshape(3, -1)).reshape(self.corners.shape)
        corners -= (turn @ origin.astype(np.float32))[:, None, None]
        return Faces(corners, turn @ self.normal, self.owner, self.what, self.face, self.lamp)


def stacked(faces: Sequence[Sequence[Sequence[float]]]) -> np.ndarray:
    """Corners of faces with 3 to CORNERS corners each, the last one repeated: float32 [3 CORNERS p]."""
    full = [[*face, *[face[-1]] * (CORNERS - len(face))] for face in faces]
    return np.ascontiguousarray(np.array(full, np.float32).transpose(2, 1, 0))


def outward(corners: np.ndarray, toward: np.ndarray) -> np.ndarray:
    """Corners [3 CORNERS p], each face turned to be counter-clockwise seen from where `toward` [3 p] points."""
    backward = (normals(corners) * toward).sum(axis=0) < 0
    return np.where(backward, corners[:, ::-1], corners)


def normals(corners: np.ndarray) -> np.ndarray:
    """Newell's normals, as long as twice the area [3 p], of faces [3 k p]."""
    x, y, z = corners
    u, v, w = np.roll(corners, -1, axis=1)
    return np.stack([(y * w - z * v).sum(axis=0), (z * u - x * w).sum(axis=0), (x * v - y * u).sum(axis=0)])
