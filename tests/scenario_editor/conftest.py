"""The tiny cascade of the engine's tests; and what the tests in a browser share."""

from __future__ import annotations

from pathlib import Path

import pytest
from scenario_editor.first_frames.composer import Composer
from tiny_cascade import SETTINGS, load_cascade


@pytest.fixture
def composer(checkpoints: Path) -> Composer:
    return Composer(lambda: load_cascade(checkpoints), lambda quality: SETTINGS)
