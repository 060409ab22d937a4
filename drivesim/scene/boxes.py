"""Bounding boxes of one frame: projection of cuboids, visibility, and the count that is called crowdedness."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from functools import lru_cache
from typing import Self

import numpy as np
from shapely import MultiPoint, Polygon
from shapely import box as rectangle
from shapely.geometry.base import BaseGeometry
from shapely.ops import unary_union

from drivesim.scene.camera import NEAR, Camera, clip_near
from drivesim.video_format import NETWORK_HEIGHT

MIN_HEIGHT = 8 / NETWORK_HEIGHT  # of the frame height: what is lower does not count as crowdedness
MIN_VISIBLE = 0.3
UNKNOWN_LAMPS = 255
FRAME = rectangle(0.0, 0.0, 1.0, 1.0)

_CORNERS = np.array([[x, y, z] for x in (-0.5, 0.5) for y in (-0.5, 0.5) for z in (-0.5, 0.5)])
_FACES = np.array([[0, 1, 3, 2], [4, 5, 7, 6], [0, 1, 5, 4], [2, 3, 7, 6], [0, 2, 6, 4], [1, 3, 7, 5]])


@dataclass(frozen=True)
class Boxes:
    """The vehicles of one frame, n rows each, numpy arrays.

    track int64 [n] (identity within the clip); kind int64 [n] (index into KINDS); box float32 [n 4] (x1 y1 x2 y2,
    fractions of the frame, clipped to it); heading float32 [n] (rad in the ego frame, 0 is driving away, pi oncoming,
    NaN where unknown); visible float32 [n] (share of the silhouette inside the frame that nothing hides, NaN where
    unknown); cuboid float32 [n 7] (as Placement.cuboid, NaN where unknown); paint float32 [n 3] (sRGB in [0, 1], NaN
    where unknown); lamps uint8 [n] (what shines, bits of traffic.vehicle_lamps, UNKNOWN_LAMPS where unknown). Paint and
    lamps that are left out are unknown.
    """

    track: np.ndarray
    kind: np.ndarray
    box: np.ndarray
    heading: np.ndarray
    visible: np.ndarray
    cuboid: np.ndarray
    paint: np.ndarray = field(default_factory=lambda: np.zeros((0, 3), np.float32))
    lamps: np.ndarray = field(default_factory=lambda: np.zeros(0, np.uint8))

    def __post_init__(self) -> None:
        n = len(self.track)
        if len(self.paint) != n:
            object.__setattr__(self, "paint", np.full((n, 3), np.nan, np.float32))
        if len(self.lamps) != n:
            object.__setattr__(self, "lamps", np.full(n, UNKNOWN_LAMPS, np.uint8))

    @classmethod
    def none(cls) -> Self:
        """No vehicle at all."""
        zeros = np.zeros
        return cls(zeros(0, np.int64), zeros(0, np.int64), zeros((0, 4), np.float32), zeros(0, np.float32),
                   zeros(0, np.float32), zeros((0, 7), np.float32))  # fmt: skip

    def __len__(self) -> int:
        return len(self.track)

    def take(self, index: np.ndarray) -> Boxes:
        """The rows of `index`, an integer or boolean array."""
        return Boxes(**{f.name: getattr(self, f.name)[index] for f in fields(self)})

    def visible_by(self, share: float) -> np.ndarray:
        """bool [n]: at least this share is visible; also where nobody said how much is: whoever labelled it saw it."""
        return ~(self.visible < share)

    @property
    def counted(self) -> np.ndarray:
        """bool [n]: at least 8 px high at 128x256 and 30 % visible (see visible_by)."""
        return (self.box[:, 3] - self.box[:, 1] >= MIN_HEIGHT - 1e-6) & self.visible_by(MIN_VISIBLE)

    @property
    def crowdedness(self) -> int:
        """Number of vehicles that count."""
        return int(self.counted.sum())


def cuboid_corners(cuboid: np.ndarray) -> np.ndarray:
    """Corners of one cuboid [7] in the ego frame [8 3]."""
    corners = _CORNERS * cuboid[3:6]
    c, s = np.cos(cuboid[6]), np.sin(cuboid[6])
    return corners @ np.array([[c, s, 0.0], [-s, c, 0.0], [0.0, 0.0, 1.0]]) + cuboid[:3]


def silhouette(camera: Camera, cuboid: np.ndarray) -> Polygon | None:
    """Convex outline of a cuboid in frame fractions, not clipped to it; None if all of it is behind the camera."""
    view = camera.view(cuboid_corners(cuboid))
    if (view[:, 2] < NEAR).all():
        return None
    kept = np.concatenate([clip_near(view[face]) for face in _FACES])
    hull = MultiPoint(camera.project_view(kept)).convex_hull
    return hull if isinstance(hull, Polygon) else None


def project_cuboids(camera: Camera, cuboids: np.ndarray, least: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    """Boxes [n 4] (frame fractions, clipped to the frame, NaN if out of view) and visible shares [n] of cuboids [n 7].

    A nearer cuboid hides a farther one; areas are exact (shapely), and dear: of boxes less than `least` of the frame high the share
    is not worked out, and 0. Outlines are made where they are needed, for these areas and of what the frame's edge cuts.
    """
    boxes = np.full((len(cuboids), 4), np.nan, np.float32)
    visible = np.zeros(len(cuboids), np.float32)
    low, high, ahead = _extents(camera, cuboids)
    outline = lru_cache(maxsize=None)(lambda row: silhouette(camera, cuboids[row]))
    outside = ahead & ((high <= 0) | (low >= 1)).any(axis=1)
    inside = ahead & ((low >= 0) & (high <= 1) & (low < high)).all(axis=1)
    nearer: list[int] = []
    for i in np.argsort(np.hypot(cuboids[:, 0], cuboids[:, 1])).tolist():
        if not outside[i]:
            if inside[i]:
                boxes[i] = *low[i], *high[i]
            elif (seen := _seen(outline(i))) is not None:
                boxes[i] = np.clip(seen.bounds, 0.0, 1.0)
            if boxes[i, 3] - boxes[i, 1] >= least and (seen := _seen(outline(i))) is not None:
                polygons = [polygon for row in nearer if (polygon := outline(row)) is not None]
                hidden = seen.intersection(unary_union(polygons)).area if polygons else 0.0
                visible[i] = max(0.0, 1.0 - hidden / seen.area)
        nearer.append(i)
    return boxes, visible


def _seen(outline: Polygon | None) -> BaseGeometry | None:
    """The part of an outline that is in the frame; None if there is none."""
    seen = None if outline is None else outline.intersection(FRAME)
    return seen if seen is not None and seen.area > 0 else None


def _extents(camera: Camera, cuboids: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Least and most x, y [n 2] (frame fractions, not clipped) of the corners of cuboids [n 7], and which are ahead of the camera
    with all of them, bool [n]: for the others the first two say nothing."""
    size, yaw = cuboids[:, None, 3:6], cuboids[:, 6]
    c, s, zero, one = np.cos(yaw), np.sin(yaw), np.zeros(len(yaw)), np.ones(len(yaw))
    turns = np.stack([c, s, zero, -s, c, zero, zero, zero, one], axis=1).reshape(-1, 3, 3)
    view = camera.view((_CORNERS * size) @ turns + cuboids[:, None, :3])
    ahead: np.ndarray = np.all(view[..., 2] >= NEAR, axis=1)
    view[..., 2] = np.maximum(view[..., 2], NEAR)
    places = camera.project_view(view)
    return places.min(axis=1), places.max(axis=1), ahead


def pairwise_iou(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Intersection over union [n m] of boxes [n 4] with boxes [m 4]."""
    low, high = np.maximum(a[:, None, :2], b[None, :, :2]), np.minimum(a[:, None, 2:], b[None, :, 2:])
    shared = np.clip(high - low, 0, None).prod(axis=-1)
    areas = [np.clip(x[:, 2:] - x[:, :2], 0, None).prod(axis=-1) for x in (a, b)]
    return shared / np.maximum(areas[0][:, None] + areas[1][None] - shared, 1e-12)
