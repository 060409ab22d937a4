"""A frame with all that is known of it: labels, ego, camera, and the truncation of boxes."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Self

import numpy as np

from drivesim.scene.boxes import FRAME, silhouette
from drivesim.scene.camera import Camera
from drivesim.video_format import FRAME_HEIGHT, FRAME_WIDTH


@dataclass(frozen=True, eq=False)
class LabelledFrame:
    """Frame `number` (from 0) of a future, `time` s after the first.

    `picture` uint8 RGB [h w 3], None where it was not asked for; `boxes` rows of BOX_ROW [n] (pixels of 1024x512, see
    rollout.labels.rows); `pixels` float64 [n 4], the same boxes x1 y1 x2 y2 in pixels of the picture, in which the first pixel
    ends at 1; `truncated` float64 [n], share of each vehicle's outline that is outside of the frame, NaN where its cuboid is not
    known; `ego` a row of EGO_ROW; `camera`.
    """

    number: int
    time: float
    picture: np.ndarray | None
    boxes: np.ndarray
    pixels: np.ndarray
    truncated: np.ndarray
    ego: np.void
    camera: Camera

    @classmethod
    def of(
        cls, number: int, picture: np.ndarray | None, boxes: np.ndarray, ego: np.void, camera: Camera, size: tuple[int, int]
    ) -> Self:
        """A frame of a film of `size` (height, width); the rest as above."""
        corners = np.stack([boxes[name] for name in ("x1", "y1", "x2", "y2")], axis=-1).astype(np.float64)
        pixels = corners * (np.array([size[1] / FRAME_WIDTH, size[0] / FRAME_HEIGHT] * 2))
        return cls(number, float(ego["time_s"]), picture, boxes, pixels, truncations(camera, boxes), ego, camera)


def camera_matrix(camera: Camera, height: int, width: int) -> np.ndarray:
    """Camera matrix [3 3] for pictures of this size, in which the middle of the first pixel is at 0, as OpenCV has it."""
    focal = camera.focal * width
    return np.array([[focal, 0.0, width / 2 - 0.5], [0.0, focal, height / 2 - 0.5], [0.0, 0.0, 1.0]])


def truncations(camera: Camera, rows: np.ndarray) -> np.ndarray:
    """Share of the outline of each vehicle that is outside of the frame [n], NaN where its cuboid is not known."""
    return np.array([_truncation(camera, cuboid) for cuboid in cuboids(rows)], np.float64)


def _truncation(camera: Camera, cuboid: np.ndarray) -> float:
    if np.isnan(cuboid).any():
        return math.nan
    outline = silhouette(camera, cuboid)
    if outline is None or outline.area == 0:
        return 1.0
    return max(0.0, 1.0 - outline.intersection(FRAME).area / outline.area)


def cuboids(rows: np.ndarray) -> np.ndarray:
    """Cuboids float64 [n 7] of rows of BOX_ROW, as Placement.cuboid: in the ego frame, NaN where they are not known."""
    return np.stack([rows[name] for name in ("x", "y", "z", "length", "width", "height", "yaw")], axis=-1).astype(np.float64)
