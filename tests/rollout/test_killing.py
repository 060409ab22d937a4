"""Rollouts that are killed at random points end with the same bits as one that was never interrupted."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from tiny_cascade import SETTINGS

from drivesim.config import shipped
from drivesim.engine.settings import SamplingSettings

TOYS = Path(__file__).parents[1] / "toys"


def kill(points: int, folder: Path, **job: object) -> dict[str, int]:
    """Kills so many rollouts of a job; in how many states they were, by what was safe on disk then."""
    (folder / "job.json").write_text(json.dumps(job))
    paths = os.pathsep.join([str(TOYS), str(TOYS.parents[1]), os.environ.get("PYTHONPATH", "")])
    environment = os.environ | {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "PYTHONPATH": paths}
    command = [sys.executable, str(TOYS / "killing.py"), str(points), str(folder)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["killed"] == points
    states: dict[str, int] = found["states"]
    return states


@pytest.mark.parametrize(
    ("points", "fps", "futures"), [(14, 1.875, 2), (6, 7.5, 1), pytest.param(40, 1.875, 2, marks=pytest.mark.slow)]
)
def test_killed_at_random_points(
    tmp_path: Path, scenario: Path, checkpoints: Path, points: int, fps: float, futures: int
) -> None:
    """Of two windows; with key frames alone, of two futures, and with frames between them."""
    states = kill(
        points, tmp_path, scenario=str(scenario), checkpoints=str(checkpoints), seconds=6.0, fps=fps, futures=futures,
        settings=SETTINGS.model_dump(),
    )  # fmt: skip
    assert len(states) >= 2 * futures, states  # they were killed in different states of the work


@pytest.mark.slow
def test_shipped_weights_killed_at_5_random_points(tmp_path: Path) -> None:
    states = kill(
        5, tmp_path, scenario=str(shipped("scenarios") / "highway_day.yaml"), checkpoints=str(shipped("checkpoints")),
        seconds=8.0, fps=1.875, futures=1, settings=SamplingSettings.preset("draft").model_dump(),
    )  # fmt: skip
    assert states
