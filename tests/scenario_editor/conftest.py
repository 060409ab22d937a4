"""The tiny cascade of the engine's tests; and what the tests in a browser share."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "simulation"))
sys.path.insert(0, str(Path(__file__).parent))

from scenario_editor.composer import Composer
from tiny_cascade import SETTINGS, load_cascade, write_cascade


@pytest.fixture(scope="session")
def checkpoints(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_cascade(tmp_path_factory.mktemp("checkpoints"))


@pytest.fixture
def composer(checkpoints: Path) -> Composer:
    return Composer(lambda: load_cascade(checkpoints), lambda quality: SETTINGS)
