"""Requests and finished rollouts that several tests look at."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from rollouts import rolled
from tiny_cascade import SECONDS, SETTINGS

from drivesim.rollout.request import Request


@pytest.fixture
def request_(scenario: Path, checkpoints: Path) -> Request:
    """For SCENARIO: two futures of one window."""
    return Request(scenario, SECONDS, device="cpu", settings=SETTINGS, checkpoints=checkpoints)


@pytest.fixture(scope="session")
def one(checkpoints: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """SCENARIO with one future of one window."""
    return rolled(tmp_path_factory.mktemp("one"), checkpoints)


@pytest.fixture(scope="session")
def long(checkpoints: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """SCENARIO with one future of two windows."""
    return rolled(tmp_path_factory.mktemp("long"), checkpoints, seconds=6.0)


@pytest.fixture
def out(one: Path, tmp_path: Path) -> Path:
    """A folder of one's own with what `one` holds."""
    return Path(shutil.copytree(one, tmp_path / "out"))
