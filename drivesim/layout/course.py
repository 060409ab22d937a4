"""The road's reference line as the ego sees it: the way between road coordinates (s, d) and the ego's plane (x, y)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from drivesim.scene.geometry import Pose
from drivesim.scene.road import Road

REACH = 700.0  # m of road ahead that a map shows
BACK = 40.0  # m behind the ego
STEP = 2.0  # m between tabulated points


@dataclass(frozen=True, eq=False)
class Course:
    """Points of the line d = 0 at equal steps of s, the first `start` m from the ego's place (negative: behind it).

    `points` float64 [n 4]: x, y (m), heading (rad) in the ego frame, and curvature (1/m, positive bends left).
    """

    points: np.ndarray
    start: float = -BACK
    step: float = STEP

    @classmethod
    def of(cls, road: Road, left: float = 0.0, heading: float = 0.0) -> Course:
        """A road of constant curvature, seen by an ego `left` m beside the line and turned by `heading` rad from it."""
        s = np.arange(-BACK, REACH + STEP, STEP)
        place = road.to_plane(s, 0.0)
        points = np.concatenate([place, road.heading(s)[:, None], np.full((len(s), 1), road.curvature)], axis=1)
        return cls(points).seen_from(Pose(*map(np.asarray, (0.0, left, heading))))

    def seen_from(self, pose: Pose[np.ndarray]) -> Course:
        """The same line seen from `pose` in the frame that it is in now."""
        x, y, heading, curvature = self.points.T
        points = np.stack([*pose.inverse().to_outer(x, y), heading - pose.yaw, curvature], axis=1)
        return Course(points, self.start, self.step)

    def at(self, s: np.ndarray) -> np.ndarray:
        """Points of the line at s (m from the ego), held at the ends [... 4]."""
        return self._between(self.points, np.diff(self.points, axis=0), s)

    def _between(self, table: np.ndarray, rise: np.ndarray, s: np.ndarray) -> np.ndarray:
        """Rows of a table at s; `rise` is from each row to the next."""
        place = np.clip((s - self.start) / self.step, 0.0, len(table) - 1.001)
        whole = place.astype(np.int64)
        out = rise.take(whole, axis=0)
        out *= (place - whole)[..., None]
        out += table.take(whole, axis=0)
        return out

    def to_plane(self, s: np.ndarray, d: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Ego-frame x, y (m) [... 2] and road heading (rad) [...] at (s, d)."""
        s, d = np.broadcast_arrays(np.asarray(s, np.float64), np.asarray(d, np.float64))
        line = self.at(s)
        heading = line[..., 2]
        return line[..., :2] + d[..., None] * np.stack([-np.sin(heading), np.cos(heading)], axis=-1), heading

    def locate(self, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Road coordinates s, d [h k] of ego-frame points: x [h] belongs to a row, y [h k]. Newton steps along the line.

        Behind a bend's own centre a point has no place on the road; it gets one that is far from all strips.
        """
        ahead, _, heading, curvature = self.points.T
        s = self.start + np.arange(len(ahead)) * self.step
        table = np.column_stack([self.points[:, :2], np.cos(heading), np.sin(heading), curvature])
        rise = np.diff(table, axis=0)
        first = np.interp(x, np.maximum.accumulate(ahead) + np.arange(len(ahead)) * 1e-4, s)
        line = self._between(table, rise, first)[:, None]
        place = first[:, None] + (y - line[..., 1]) * line[..., 3]
        left = y
        for _ in range(2):
            near = self._between(table, rise, place)
            dx, dy, c, n = x[:, None] - near[..., 0], y - near[..., 1], near[..., 2], near[..., 3]
            left = dy * c - dx * n
            place = place + (dx * c + dy * n) / np.maximum(1.0 - line[..., 4] * left, 0.4)
        return place, left
