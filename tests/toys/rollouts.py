"""Rollouts of the tiny cascade, and how they end before their time."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from tiny_cascade import SCENARIO, SECONDS, SETTINGS

from drivesim.engine.progress import Progress
from drivesim.rollout.request import Request
from drivesim.rollout.run import roll_out
from drivesim.video_format import Phase


def with_(request: Request, **changes: object) -> Request:
    """A request with other fields."""
    return Request(**(vars(request) | changes))


def rolled(folder: Path, checkpoints: Path, **changes: object) -> Path:
    """A rollout of SCENARIO, of one future, in `folder`: where it is."""
    (folder / "tiny.yaml").write_text(SCENARIO)
    asked = Request(folder / "tiny.yaml", SECONDS, futures=1, device="cpu", settings=SETTINGS, checkpoints=checkpoints)
    roll_out(with_(asked, **changes), folder / "out")
    return folder / "out"


class Crash(Exception):
    """What ends a rollout before its time."""


def crash_at(phase: Phase, unit: int) -> Callable[[Progress], None]:
    """An `on_change` that ends the rollout once so many units of a phase are done."""

    def on_change(progress: Progress) -> None:
        if progress.units[phase] >= unit:
            raise Crash

    return on_change
