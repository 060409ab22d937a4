"""Where the time of a rollout goes, and how much of it is left."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

from drivesim.video_format import PHASES, Phase

PRIOR: dict[Phase, float] = {
    "compose": 0.06, "predict": 0.3, "interpolate": 0.27, "decode": 0.011, "upsample": 0.93, "write": 0.1,
}  # fmt: skip
"""Seconds a unit of work on one core; only their ratios count, and only until a phase has been timed."""
SLOWEST_START = 2.0
"""So many times PRIOR at most is believed of first units alone: memory and kernels are set up in them, up to 16 times as long."""


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
        self._aside = dict.fromkeys(PHASES, (0.0, 0))
        """Seconds and units that say nothing of those to come: of each phase's first lap, and of laps without a unit."""
        self._mark = time.perf_counter()

    def start(self) -> None:
        """Time that passed since the last lap belongs to no phase."""
        self._mark = time.perf_counter()

    def lap(self, phase: Phase, units: int = 1) -> None:
        """Books the time since the last lap, and so many more finished units, to `phase`."""
        now = time.perf_counter()
        if not units or not self.units[phase]:
            seconds, count = self._aside[phase]
            self._aside[phase] = (seconds + now - self._mark, count + units)
        self.seconds[phase] += now - self._mark
        self.units[phase] += units
        self._mark = now
        self.phase = phase
        self._on_change(self)

    def remaining(self) -> float | None:
        """Seconds until everything is finished; None before anything has been timed."""
        if not any(self.units.values()):
            return None
        steady = {
            phase: (self.seconds[phase] - seconds, self.units[phase] - units)
            for phase, (seconds, units) in self._aside.items()
            if self.units[phase] > units
        }
        slowness = _slowness(steady) if steady else min(_slowness(self._aside), SLOWEST_START)
        left = 0.0
        for phase in PHASES:
            seconds, units = steady.get(phase, (slowness * PRIOR[phase], 1))
            left += seconds / units * max(0, self.totals[phase] - self.units[phase])
        return left


def _slowness(work: Mapping[Phase, tuple[float, int]]) -> float:
    """How many times as long as by PRIOR some work took, given as seconds and units of each phase."""
    return sum(seconds for seconds, _ in work.values()) / sum(PRIOR[phase] * units for phase, (_, units) in work.items())


class NoProgress(Progress):
    """For work that nobody times."""

    def start(self) -> None:
        """Nothing."""

    def lap(self, phase: Phase, units: int = 1) -> None:
        """Nothing."""


UNTIMED = NoProgress()
