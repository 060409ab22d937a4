"""Where the time of a rollout goes, and how much of it is left."""

from __future__ import annotations

import time
from collections.abc import Callable

from drivesim.video_format import PHASES, Phase

PRIOR: dict[Phase, float] = {
    "compose": 0.06, "predict": 0.3, "interpolate": 0.27, "decode": 0.011, "upsample": 0.93, "write": 0.1,
}  # fmt: skip
"""Seconds a unit of work on one core; only their ratios count, and only until a phase has been timed."""


class Progress:
    """Units of work that are finished and seconds spent, by phase.

    A unit is a sampling step of one batch, one frame decoded, or one portion written. `totals` are the units of all the
    work there is; `on_change` is called after each lap. `phase` is what was last worked on.
    """

    def __init__(
        self, totals: dict[Phase, int] | None = None, on_change: Callable[[Progress], None] = lambda _: None
    ) -> None:
        self.totals = dict.fromkeys(PHASES, 0) | (totals or {})
        self.units = dict.fromkeys(PHASES, 0)
        self.seconds = dict.fromkeys(PHASES, 0.0)
        self.phase: Phase | None = None
        self._on_change = on_change
        self._mark = time.perf_counter()

    def start(self) -> None:
        """Time that passed since the last lap belongs to no phase."""
        self._mark = time.perf_counter()

    def lap(self, phase: Phase, units: int = 1) -> None:
        """Books the time since the last lap, and so many more finished units, to `phase`."""
        now = time.perf_counter()
        self.seconds[phase] += now - self._mark
        self.units[phase] += units
        self._mark = now
        self.phase = phase
        self._on_change(self)

    def remaining(self) -> float | None:
        """Seconds until everything is finished; None before anything has been timed."""
        timed = [phase for phase in PHASES if self.units[phase]]
        expected = sum(PRIOR[phase] * self.units[phase] for phase in timed)
        if not expected:
            return None
        slowness = sum(self.seconds[phase] for phase in timed) / expected
        left = 0.0
        for phase in PHASES:
            rate = self.seconds[phase] / self.units[phase] if self.units[phase] else slowness * PRIOR[phase]
            left += rate * max(0, self.totals[phase] - self.units[phase])
        return left


class NoProgress(Progress):
    """For work that nobody times."""

    def start(self) -> None:
        """Nothing."""

    def lap(self, phase: Phase, units: int = 1) -> None:
        """Nothing."""


UNTIMED = NoProgress()
