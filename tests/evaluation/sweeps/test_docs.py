"""The example of docs/sweeps.md is a sweep of as many runs as it says."""

from __future__ import annotations

import re
from pathlib import Path

from toy_sweep import write_sweep

from drivesim.evaluation.sweeps.sweep_file import MAX_RUNS, read_sweep
from drivesim.evaluation.sweeps.sweep_runs import plan_runs

TEXT = (Path(__file__).parents[3] / "docs" / "sweeps.md").read_text(encoding="utf-8")


def test_the_example_is_a_sweep(tmp_path: Path) -> None:
    (block,) = re.findall(r"```yaml\n(.*?)```", TEXT, re.DOTALL)
    runs = plan_runs(read_sweep(write_sweep(tmp_path, block)))
    assert f"all combinations are made, {len(runs)} here" in TEXT and all(run.scenario is not None for run in runs)
    assert f"{MAX_RUNS:,}" in TEXT
