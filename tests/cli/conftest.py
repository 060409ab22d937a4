"""What tests of several commands share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tiny_rollout import drivesim  # isort: skip  (finds the next)
from tiny_cascade import SETTINGS

from drivesim.engine.settings import SamplingSettings

RollOne = Callable[..., tuple[int, str]]


@pytest.fixture
def tiny_presets(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every --quality samples small frames in few steps."""
    monkeypatch.setattr(SamplingSettings, "preset", classmethod(lambda cls, quality: SETTINGS))


@pytest.fixture
def roll_one(checkpoints: Path, tiny_presets: None) -> RollOne:
    """`drivesim rollout` of one future of 1 s with the tiny cascade, with more options."""

    def run(scenario: Path | str, out: Path, *more: str, seconds: str = "1", weights: Path = checkpoints) -> tuple[int, str]:
        options = ("--futures", "1", "--checkpoints", weights, "--device", "cpu", *more)
        return drivesim("rollout", scenario, "--out", out, "--seconds", seconds, *options)

    return run
