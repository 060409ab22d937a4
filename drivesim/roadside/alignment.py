"""The course of the road: curvature along s, and the way between road coordinates (s, d) and the world plane (x, y)."""

from __future__ import annotations

import math

import cv2
import numpy as np

from drivesim.scene.road import Setting

BEND: dict[Setting, tuple[float, float]] = {  # typical curvature (1/m), distance between changes (m)
    "highway": (0.0011, 260.0),
    "city": (0.0012, 160.0),
    "residential": (0.005, 90.0),
    "rural": (0.0038, 110.0),
}
STEP = 1.0  # m between tabulated points
BEHIND = 400.0  # m tabulated behind s = 0


class Alignment:
    """Curvature is piecewise linear between knots drawn from (seed, knot); it equals `curvature` around s = 0.

    World frame: origin at s = 0, x along the road there. Headings in rad, positive to the left.
    """

    def __init__(self, seed: int, setting: Setting, curvature: float) -> None:
        self.seed, self.curvature = seed, curvature
        self.typical, self.spacing = BEND[setting]
        self._table = np.zeros((0, 4))
        self._extend(1200.0)

    def _knot(self, index: int) -> float:
        if index in (0, 1):
            return self.curvature
        rng = np.random.default_rng([self.seed, 11, index + 100_000])
        bend = rng.normal() * self.typical * (rng.random() < 0.75)
        # A bend is followed by one to the other side more often than not, so that the road does not close on itself.
        return float(-0.6 * self.curvature if abs(index - 0.5) == 1.5 else np.clip(bend, -0.012, 0.012))

    def at(self, s: np.ndarray) -> np.ndarray:
        """Curvature (1/m) at s."""
        place = np.asarray(s, np.float64) / self._length + 0.5
        first, last = int(np.floor(place.min())), int(np.ceil(place.max())) + 1
        knots = np.array([self._knot(i) for i in range(first, last + 1)])
        return np.interp(place, np.arange(first, last + 1), knots)

    @property
    def _length(self) -> float:
        return self.spacing if abs(self.curvature) < 0.004 else min(self.spacing, 0.7 / abs(self.curvature) + 30.0)

    def _extend(self, until: float) -> None:
        s = np.arange(-BEHIND, until + STEP, STEP)
        middle = self.at(s[:-1] + STEP / 2)
        heading = np.concatenate([[0.0], np.cumsum(middle * STEP)])
        half = heading[:-1] + middle * STEP / 2
        x = np.concatenate([[0.0], np.cumsum(np.cos(half) * STEP)])
        y = np.concatenate([[0.0], np.cumsum(np.sin(half) * STEP)])
        zero = int(BEHIND / STEP)
        turn = heading[zero]
        c, n = np.cos(turn), np.sin(turn)
        x, y, heading = x - x[zero], y - y[zero], heading - turn
        self._table = np.stack([x * c + y * n, -x * n + y * c, heading, self.at(s)], axis=1)

    def centre(self, s: np.ndarray | float) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """World x, y, heading and curvature of the reference line at s."""
        s = np.asarray(s, np.float64)
        while s.max(initial=0.0) + 10 > (len(self._table) - 1) * STEP - BEHIND:
            self._extend(2.0 * len(self._table) * STEP)
        place = (s + BEHIND) / STEP
        grid = np.arange(len(self._table))
        x, y, heading, curvature = (np.interp(place, grid, self._table[:, i]) for i in range(4))
        return x, y, heading, curvature

    def point(self, s: float, d: float) -> tuple[float, float, float]:
        """`to_world` for one place, in a hurry."""
        place = (s + BEHIND) / STEP
        index = int(place)
        if index + 12 > len(self._table):
            self._extend(2.0 * len(self._table) * STEP)
        x, y, heading, _ = (
            self._table[index] + (place - index) * (self._table[index + 1] - self._table[index])
        ).tolist()
        return x - d * math.sin(heading), y + d * math.cos(heading), heading

    def to_world(self, s: np.ndarray | float, d: np.ndarray | float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """World x, y and road heading at (s, d)."""
        x, y, heading, _ = self.centre(s)
        return x - d * np.sin(heading), y + d * np.cos(heading), heading


def locate(
    alignment: Alignment, s0: float, pose: tuple[float, float, float], x: np.ndarray, y: np.ndarray, reach: float
) -> tuple[np.ndarray, np.ndarray]:
    """Road coordinates (s - s0, d) float32 [h w] of ego-frame points; x float32 [h] belongs to a row, y float32 [h w].

    `pose` is the ego's world x, y, heading; s0 its place on the road. Newton steps on the tabulated reference line.
    """
    s = np.arange(-40.0, reach, 2.0)
    px, py, heading, curvature = alignment.centre(s0 + s)
    px, py, heading = px - pose[0], py - pose[1], heading - pose[2]
    c, n = np.cos(pose[2]), np.sin(pose[2])
    px, py = px * c + py * n, -px * n + py * c
    line = np.stack([px, py, np.cos(heading), np.sin(heading)], axis=-1).astype(np.float32)[None]
    first = np.interp(x, np.maximum.accumulate(px) + np.arange(len(px)) * 1e-4, s).astype(np.float32)
    bend = np.interp(first, s, curvature).astype(np.float32)[:, None]
    side = y - np.interp(first, s, py).astype(np.float32)[:, None]
    place = first[:, None] + side * np.interp(first, s, np.sin(heading)).astype(np.float32)[:, None]
    zeros = np.zeros_like(y)
    left = side
    for _ in range(2):
        look = cv2.remap(
            line, (place + np.float32(40.0)) * np.float32(0.5), zeros, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
        )
        dx, dy = x[:, None] - look[..., 0], y - look[..., 1]
        left = dy * look[..., 2] - dx * look[..., 3]
        along = dx * look[..., 2] + dy * look[..., 3]
        place = place + along / np.maximum(1.0 - bend * left, np.float32(0.4))
    return place, left
