"""The camera of the ego vehicle, for points [... 3] of numpy; frames and formulas are those of scene.geometry."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from drivesim.scene.geometry import ASPECT, Pinhole, lens

NEAR = 0.3  # m; nothing nearer is seen
BONNET = 0.11
"""Share of the frame's height, from its lower edge up, that the ego's own bonnet covers at most; no label or layout has it."""


@dataclass(frozen=True)
class Camera:
    """`height` m above the road; `pitch` degrees, positive looks up; `field_of_view` degrees, horizontal."""

    height: float = 1.4
    pitch: float = 0.0
    field_of_view: float = 60.0

    @cached_property
    def focal(self) -> float:
        """Focal length in frame widths."""
        return float(lens(self.pitch, self.field_of_view, math)[0])

    @cached_property
    def pinhole(self) -> Pinhole[np.ndarray]:
        """The camera as its formulas take it."""
        return Pinhole(*map(np.asarray, (self.height, *lens(self.pitch, self.field_of_view, math))))

    def axes(self) -> np.ndarray:
        """Rows: the camera's right, down and forward axis in the ego frame [3 3]."""
        return self._axes.copy()

    @cached_property
    def _axes(self) -> np.ndarray:
        return np.stack(self.pinhole.turned(*np.eye(3)))

    def view(self, points: np.ndarray) -> np.ndarray:
        """Ego-frame points [... 3] in camera coordinates: right, down, forward (m) [... 3]."""
        x, y, z = np.moveaxis(np.asarray(points, np.float64), -1, 0)
        return np.stack(self.pinhole.turned(x, y, z - self.height), axis=-1)

    def project_view(self, view: np.ndarray) -> np.ndarray:
        """Camera coordinates [... 3], forward > 0, to frame fractions x, y [... 2]."""
        return np.stack(self.pinhole.project(*np.moveaxis(view, -1, 0)), axis=-1)

    def project(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Ego-frame points [... 3] to frame fractions [... 2] and depth along the axis (m) [...].

        Points nearer than NEAR are projected as if at NEAR; clip polygons with `clip_near` where it matters.
        """
        view = self.view(points)
        depth = view[..., 2].copy()
        view[..., 2] = np.maximum(depth, NEAR)
        return self.project_view(view), depth

    def ground(self, u: float, v: float) -> np.ndarray | None:
        """Ego-frame x, y (m) [2] of the flat ground that is seen at u, v (frame fractions); None from the horizon up."""
        x, y, depth = self.pinhole.ground(np.asarray(u, np.float64), np.asarray(v, np.float64))
        return np.array([x, y]) if np.isfinite(depth) else None

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
