"""A sweep of the tiny scenario, and its command."""

from __future__ import annotations

from pathlib import Path

from tiny_cascade import SCENARIO
from tiny_rollout import drivesim

SWEEP = SCENARIO + """\
sweep:
  fields:
    look.time_of_day: [day, night]
    vehicles.0.ahead: {from: 14, to: 20, steps: 2}
"""


def write_sweep(folder: Path, text: str = SWEEP) -> Path:
    """The file of a sweep."""
    (folder / "sweep.yaml").write_text(text)
    return folder / "sweep.yaml"


def sweep(file: Path, out: Path, *more: str | Path, workers: str | None = "0") -> tuple[int, str]:
    """`drivesim sweep` of one future of 1 s, in this process unless `workers` says otherwise."""
    options = [*more, *(("--workers", workers) if workers is not None else ())]
    return drivesim("sweep", file, "--out", out, "--seconds", "1", "--futures", "1", "--device", "cpu", *options)
