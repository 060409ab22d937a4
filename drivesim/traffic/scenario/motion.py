"""How scripted actors move, in closed form: changes of speed, changes of lane, curves through points."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from drivesim.scenario.actions import Dynamics

_GREATEST_ANGLE = 0.4  # rad from the road's direction, about, of a lane change; a slower vehicle takes longer
_SAMPLE = 0.25  # m between points of a curve
_MERGES = math.radians(45.0)  # a curve whose last chord is nearer to the road's direction ends along the road


@dataclass(frozen=True)
class SpeedChange:
    """From `before` m/s to `target` m/s within `seconds` from `start` (s) on; a constant speed before and after."""

    start: float
    before: float
    target: float
    seconds: float = 0.0
    dynamics: Dynamics = "linear"

    @classmethod
    def at_rate(cls, start: float, before: float, target: float, rate: float, dynamics: Dynamics) -> SpeedChange:
        """A change whose greatest acceleration is `rate` m/s^2."""
        peak = math.pi / 2 if dynamics == "sinusoidal" else 1.0
        return cls(start, before, target, peak * abs(target - before) / rate, dynamics)

    def speed(self, time: float) -> float:
        """m/s at `time` (s)."""
        if time < self.start or self.seconds == 0:
            return self.before if time < self.start else self.target
        x = min((time - self.start) / self.seconds, 1.0)
        share = x if self.dynamics == "linear" else 0.5 - 0.5 * math.cos(math.pi * x)
        return self.before + (self.target - self.before) * share

    def distance(self, time: float) -> float:
        """Metres driven from `start` to `time` (s), negative before: the integral of the speed."""
        past = time - self.start
        if past <= 0:
            return self.before * past
        within, change = min(past, self.seconds), self.target - self.before
        if self.seconds == 0:
            return self.target * past
        gained = 0.5 * change * within**2 / self.seconds
        if self.dynamics != "linear":
            gained = 0.5 * change * (within - self.seconds / math.pi * math.sin(math.pi * within / self.seconds))
        return self.before * within + gained + self.target * (past - within)


@dataclass
class LaneMove:
    """Half a period of a sine sideways by `shift` m (positive left), `progress` of it done; a whole one takes `seconds`."""

    start: float
    shift: float
    seconds: float
    progress: float = 0.0

    def advance(self, time: float, until: float, speed: float) -> float:
        """Metres to the left from `time` to `until` (s) at `speed` m/s: who is slow takes longer, who stands waits."""
        needed = 0.5 * math.pi * abs(self.shift) / self.seconds / math.sin(_GREATEST_ANGLE)
        pace = min(1.0, speed / needed) if needed > 0 else 1.0
        before = self._share()
        self.progress = min(self.progress + pace * max(0.0, until - max(time, self.start)) / self.seconds, 1.0)
        if self.progress > 1.0 - 1e-9:
            self.progress = 1.0
        return self.shift * (self._share() - before)

    @property
    def remaining(self) -> float:
        """Metres to the left that are still to be done."""
        return self.shift * (1.0 - self._share())

    def _share(self) -> float:
        return 0.5 - 0.5 * math.cos(math.pi * self.progress)


@dataclass
class Curve:
    """A smooth curve in road coordinates, `done` metres of it driven: points float [n 2] (s, d) and metres to each [n]."""

    points: np.ndarray
    length: np.ndarray
    done: float = 0.0

    @classmethod
    def through(cls, start: tuple[float, float], heading: float, waypoints: np.ndarray) -> Curve:
        """From `start` (s, d) in direction `heading` (rad) through points [n 2]: cubic Hermite pieces."""
        knots = np.concatenate([np.array([start]), waypoints])
        knots = knots[np.r_[True, np.linalg.norm(np.diff(knots, axis=0), axis=1) > 1e-6]]
        if len(knots) == 1:
            return cls(knots, np.zeros(1))
        chord = knots[-1] - knots[-2]
        last = math.atan2(chord[1], chord[0])
        for along in (0.0, math.pi):
            if abs(math.remainder(last - along, 2 * math.pi)) < _MERGES:
                last = along
        inner = knots[2:] - knots[:-2]
        angles = np.r_[heading, np.arctan2(inner[:, 1], inner[:, 0]), last]
        tangents = np.stack([np.cos(angles), np.sin(angles)], axis=1)
        pieces = [knots[:1]]
        for a, b, ta, tb in zip(knots[:-1], knots[1:], tangents[:-1], tangents[1:], strict=True):
            size = float(np.linalg.norm(b - a))
            x = np.linspace(0.0, 1.0, max(2, math.ceil(size / _SAMPLE) + 1))[1:, None]
            pieces.append(a * (2 * x**3 - 3 * x**2 + 1) + b * (3 * x**2 - 2 * x**3)
                          + size * (ta * (x**3 - 2 * x**2 + x) + tb * (x**3 - x**2)))  # fmt: skip
        points = np.concatenate(pieces)
        return cls(points, np.r_[0.0, np.cumsum(np.linalg.norm(np.diff(points, axis=0), axis=1))])

    @property
    def ended(self) -> bool:
        """Whether its last point is reached."""
        return self.done >= float(self.length[-1])

    def advance(self, metres: float) -> tuple[float, float, float]:
        """s, d and heading (rad) after `metres` more; straight on beyond the end."""
        self.done += metres
        if len(self.points) == 1:
            return float(self.points[0, 0]), float(self.points[0, 1]), 0.0
        i = int(np.clip(np.searchsorted(self.length, self.done, side="right") - 1, 0, len(self.points) - 2))
        step = self.points[i + 1] - self.points[i]
        share = (self.done - self.length[i]) / (self.length[i + 1] - self.length[i])
        s, d = self.points[i] + step * share
        around = self.points[[max(i - 1, 0), min(i + 2, len(self.points) - 1)]]  # smooths the corners of the polyline
        slope = around[1] - around[0]
        return float(s), float(d), math.atan2(slope[1], slope[0])
