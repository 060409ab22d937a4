"""Pinhole camera of the ego vehicle.

Ego frame: x forward, y left, z up, metres, origin on the road below the camera. Image coordinates are fractions of the
frame (0 to 1, x right, y down), so that one camera serves every resolution of the same 1:2 aspect.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

ASPECT = 2.0  # width over height of every frame
NEAR = 0.3  # m; nothing nearer is seen


@dataclass(frozen=True)
class Camera:
    """`height` m above the road; `pitch` degrees, positive looks up; `field_of_view` degrees, horizontal."""

    height: float = 1.4
    pitch: float = 0.0
    field_of_view: float = 60.0

    @property
    def focal(self) -> float:
        """Focal length in frame widths."""
        return 0.5 / math.tan(math.radians(self.field_of_view) / 2)

    def axes(self) -> np.ndarray:
        """Rows: the camera's right, down and forward axis in the ego frame [3 3]."""
        c, s = math.cos(math.radians(self.pitch)), math.sin(math.radians(self.pitch))
        return np.array([[0.0, -1.0, 0.0], [s, 0.0, -c], [c, 0.0, s]])

    def view(self, points: np.ndarray) -> np.ndarray:
        """Ego-frame points [... 3] in camera coordinates: right, down, forward (m) [... 3]."""
        return (np.asarray(points, np.float64) - [0.0, 0.0, self.height]) @ self.axes().T

    def project_view(self, view: np.ndarray) -> np.ndarray:
        """Camera coordinates [... 3], forward > 0, to frame fractions x, y [... 2]."""
        scaled = self.focal * view[..., :2] / view[..., 2:]
        return scaled * [1.0, ASPECT] + 0.5

    def project(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Ego-frame points [... 3] to frame fractions [... 2] and depth along the axis (m) [...].

        Points nearer than NEAR are projected as if at NEAR; clip polygons with `clip_near` where it matters.
        """
        view = self.view(points)
        depth = view[..., 2].copy()
        view[..., 2] = np.maximum(depth, NEAR)
        return self.project_view(view), depth

    def rays(self, height: int, width: int) -> np.ndarray:
        """Ego-frame directions of the pixel centres [h w 3], with unit length along the optical axis."""
        x = ((np.arange(width) + 0.5) / width - 0.5) / self.focal
        y = ((np.arange(height) + 0.5) / height - 0.5) / (self.focal * ASPECT)
        directions = np.stack(np.broadcast_arrays(x[None, :], y[:, None], 1.0), axis=-1)
        return directions @ self.axes()

    @property
    def horizon(self) -> float:
        """Row of the horizon as a fraction of the frame height."""
        return 0.5 + self.focal * ASPECT * math.tan(math.radians(self.pitch))


def clip_near(view: np.ndarray, near: float = NEAR) -> np.ndarray:
    """Sutherland-Hodgman clip of one convex polygon in camera coordinates [k 3] against forward >= near [k' 3]."""
    inside = view[:, 2] >= near
    if inside.all():
        return view
    kept = []
    for i, point in enumerate(view):
        following, enters = view[(i + 1) % len(view)], inside[(i + 1) % len(view)]
        if inside[i]:
            kept.append(point)
        if inside[i] != enters:
            share = (near - point[2]) / (following[2] - point[2])
            kept.append(point + share * (following - point))
    return np.array(kept).reshape(-1, 3)
