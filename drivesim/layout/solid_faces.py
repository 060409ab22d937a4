"""Simple solids that stand beside the road: boxes, gabled houses, banks, and upright outlines that face the camera.

How they are drawn, no more. Which things there are, and of which class (a guard rail, say), is in roadside/things.py; of which
solids a thing is made in roadside/solids.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Self

import numpy as np

from drivesim.layout.faces import CORNERS, Faces, outward, stacked
from drivesim.roadside.solids import Shape

OUTLINES = (Shape.POST, Shape.CROWN, Shape.CONE, Shape.MOUND)


@dataclass(frozen=True, eq=False)
class Solids:
    """n solids and k patches of ground in one plane frame (m, rad).

    shape int64 [n] (Shape); what uint8 [n] (SceneClass); place float64 [n 3], the middle of the foot; yaw float64 [n], the
    direction of the length; size float64 [n 3], length, width, height. `patches` float64 [k 4 2] are quadrilaterals on the
    ground of class `patch_what` uint8 [k], later ones over earlier ones, over all strips.
    """

    shape: np.ndarray
    what: np.ndarray
    place: np.ndarray
    yaw: np.ndarray
    size: np.ndarray
    patches: np.ndarray
    patch_what: np.ndarray

    @classmethod
    def none(cls) -> Self:
        """Nothing stands."""
        return cls(np.zeros(0, np.int64), np.zeros(0, np.uint8), np.zeros((0, 3)), np.zeros(0), np.zeros((0, 3)),
                   np.zeros((0, 4, 2)), np.zeros(0, np.uint8))  # fmt: skip

    @classmethod
    def joined(cls, parts: Sequence[Solids]) -> Solids:
        """All of `parts`, in order."""
        return cls(**{f.name: np.concatenate([getattr(part, f.name) for part in parts]) for f in fields(cls)})

    def __len__(self) -> int:
        return len(self.shape)

    @cached_property
    def is_outline(self) -> np.ndarray:
        """bool [n]: drawn as an outline that faces the camera."""
        return self.shape >= min(OUTLINES)

    @cached_property
    def footprint(self) -> np.ndarray:
        """Corners of what each covers on the ground [2 4 n], counter-clockwise; small around the foot of an outline."""
        half = self.size.T[:2] / 2
        half = np.where(self.is_outline, 0.1 * half[:1], half)
        return rectangles(self.place.T[:2], self.yaw, half)

    @cached_property
    def faces(self) -> Faces:
        """Faces of the solids that are no outlines."""
        parts = [Faces.none()]
        for shape, template in _TEMPLATES.items():
            rows = np.flatnonzero(self.shape == shape)
            local = template[..., None, :] * self.size.T[:, None, rows, None]
            c, n = np.cos(self.yaw[rows])[:, None], np.sin(self.yaw[rows])[:, None]
            corners = np.stack([local[0] * c - local[1] * n, local[0] * n + local[1] * c, local[2]])
            corners += self.place.T[:, None, rows, None]
            owner = np.repeat(rows, template.shape[-1])
            parts.append(Faces.of(corners.reshape(3, CORNERS, -1), owner, self.what[owner]))
        return Faces.joined(parts)

    @cached_property
    def offset(self) -> np.ndarray:
        """Where the planes of `faces` lie, as Faces.offset."""
        return self.faces.offset

    @cached_property
    def ground(self) -> Faces:
        """The patches as faces that look up."""
        flat = np.concatenate([self.patches, np.zeros((len(self.patches), 4, 1))], axis=-1)
        corners = np.concatenate([flat, np.repeat(flat[:, -1:], CORNERS - 4, axis=1)], axis=1).transpose(2, 1, 0)
        return Faces.of(outward(corners, np.array([[0.0], [0.0], [1.0]])), np.arange(len(flat)), self.patch_what)


def rectangles(middle: np.ndarray, yaw: np.ndarray, half: np.ndarray) -> np.ndarray:
    """Corners [2 4 n], counter-clockwise, of rectangles around `middle` [2 n], `half` [2 n] long and wide along `yaw` [n]."""
    x, y = half[:, None] * _SQUARE.T[..., None]
    c, n = np.cos(yaw), np.sin(yaw)
    return np.stack([x * c - y * n, x * n + y * c]) + middle[:, None]


_SQUARE = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]])


def _box(top: float = 1.0) -> list[list[tuple[float, float, float]]]:
    low, high = -0.5, 0.5
    return [
        [(high, low, 0), (high, high, 0), (high, high, top), (high, low, top)],
        [(low, low, 0), (low, high, 0), (low, high, top), (low, low, top)],
        [(low, high, 0), (high, high, 0), (high, high, top), (low, high, top)],
        [(low, low, 0), (high, low, 0), (high, low, top), (low, low, top)],
        [(low, low, 0), (high, low, 0), (high, high, 0), (low, high, 0)],
    ]


def _template(faces: list[list[tuple[float, float, float]]], middle: tuple[float, float, float]) -> np.ndarray:
    corners = stacked(faces)
    return outward(corners, corners.mean(axis=1) - np.array(middle)[:, None])


_EAVES = 0.7
_TEMPLATES: dict[Shape, np.ndarray] = {  # faces of a solid of size 1, its foot's middle at the origin
    Shape.BOX: _template([*_box(), [(-0.5, -0.5, 1), (0.5, -0.5, 1), (0.5, 0.5, 1), (-0.5, 0.5, 1)]], (0, 0, 0.5)),
    Shape.GABLE: _template(
        [
            *_box(_EAVES)[:4],
            [(-0.5, -0.5, _EAVES), (0.5, -0.5, _EAVES), (0.5, 0, 1), (-0.5, 0, 1)],
            [(-0.5, 0.5, _EAVES), (0.5, 0.5, _EAVES), (0.5, 0, 1), (-0.5, 0, 1)],
            [(-0.5, -0.5, _EAVES), (-0.5, 0.5, _EAVES), (-0.5, 0, 1)],
            [(0.5, -0.5, _EAVES), (0.5, 0.5, _EAVES), (0.5, 0, 1)],
        ],
        (0, 0, 0.4),
    ),
    Shape.BANK: _template([[(-0.5, -0.5, 0), (0.5, -0.5, 0), (0.5, 0.5, 1), (-0.5, 0.5, 1)]], (0, 0, -5.0)),
}


def _round(x: float, z: float, half: float, tall: float, corners: int = CORNERS) -> list[tuple[float, float]]:
    angles = (np.arange(corners) + 0.5) * 2 * np.pi / corners
    return [(x + half * float(np.cos(a)), z + tall * float(np.sin(a))) for a in angles]


_PICTURES: dict[Shape, tuple[list[tuple[float, float]], ...]] = {  # convex outlines: x in widths from the middle, z in heights
    Shape.POST: ([(-0.5, 0), (0.5, 0), (0.5, 1), (-0.5, 1)],),
    Shape.CROWN: (_round(0, 0.6, 0.48, 0.41), [(-0.025, 0), (0.025, 0), (0.02, 0.4), (-0.02, 0.4)]),
    Shape.CONE: ([(-0.45, 0.08), (0.45, 0.08), (0.3, 0.4), (0.0, 1.0), (-0.3, 0.4)],
                 [(-0.03, 0), (0.03, 0), (0.03, 0.1), (-0.03, 0.1)]),
    Shape.MOUND: ([(-0.48, 0), (0.48, 0), (0.48, 0.4), (0.36, 0.75), (0.12, 0.9), (-0.12, 0.9), (-0.36, 0.75), (-0.48, 0.4)],),
}  # fmt: skip
PICTURES = stacked([[(x, z, 0.0) for x, z in outline] for outlines in _PICTURES.values() for outline in outlines])[:2]
"""All outlines of _PICTURES in one array [2 CORNERS outlines]; a shape has PICTURE_COUNT of them, from PICTURE_START on."""
PICTURE_COUNT = np.array([len(_PICTURES.get(shape, ())) for shape in Shape])
PICTURE_START = np.cumsum(PICTURE_COUNT) - PICTURE_COUNT
