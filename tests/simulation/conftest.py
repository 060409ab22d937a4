"""A tiny cascade on disk and in memory."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from tiny_cascade import SCENARIO, load_cascade, write_cascade

from drivesim.simulation.cascade import Cascade


@pytest.fixture(scope="session")
def checkpoints(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_cascade(tmp_path_factory.mktemp("checkpoints"))


@pytest.fixture(scope="session")
def cascade(checkpoints: Path) -> Cascade:
    return load_cascade(checkpoints)


@pytest.fixture
def scenario(tmp_path: Path) -> Path:
    (tmp_path / "tiny.yaml").write_text(SCENARIO)
    return tmp_path / "tiny.yaml"
