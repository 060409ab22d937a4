"""Where the time of a rollout goes, and how much of it is left."""

from __future__ import annotations

import time
from collections.abc import Callable

from drivesim.video_format import PHASES, Phase

PRIOR: dict[Phase, float] = {
    "compose": 0.06, "predict": 0.3, "interpolate": 0.27, "decode": 0.011, "upsample": 0.93, "write": 0.1,
}  # fmt: skip
"""Seconds a unit of work on one core; only their ratios count, and only until a stage has been timed."""


class Progress:
    """Units of work done and seconds spent, by stage.

    A unit is a sampling step of one batch, one frame decoded, or one portion written. `totals` are the units of the
    whole job; `on_change` is called after each unit. `stage` is what was last worked on.
    """

    def __init__(
        self, totals: dict[Phase, int] | None = None, on_change: Callable[[Progress], None] | None = None
    ) -> None:
        self.totals = dict.fromkeys(PHASES, 0) | (totals or {})
        self.done = dict.fromkeys(PHASES, 0)
        self.seconds = dict.fromkeys(PHASES, 0.0)
        self.stage: Phase | None = None
        self._on_change = on_change
        self._mark = time.perf_counter()

    def start(self) -> None:
        """Time that passed since the last lap belongs to no stage."""
        self._mark = time.perf_counter()

    def lap(self, stage: Phase, units: int = 1) -> None:
        """Books the time since the last lap, and `units` done, to `stage`."""
        now = time.perf_counter()
        self.seconds[stage] += now - self._mark
        self.done[stage] += units
        self._mark = now
        self.stage = stage
        if self._on_change is not None:
            self._on_change(self)

    def remaining(self) -> float | None:
        """Seconds until everything is done; None before anything has been timed."""
        timed = [stage for stage in PHASES if self.done[stage]]
        expected = sum(PRIOR[stage] * self.done[stage] for stage in timed)
        if not expected:
            return None
        slowness = sum(self.seconds[stage] for stage in timed) / expected
        left = 0.0
        for stage in PHASES:
            rate = self.seconds[stage] / self.done[stage] if self.done[stage] else slowness * PRIOR[stage]
            left += rate * max(0, self.totals[stage] - self.done[stage])
        return left
