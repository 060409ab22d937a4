"""What tests of exports share."""

from __future__ import annotations

from pathlib import Path

import pytest
from toy_rollout import write_toy


@pytest.fixture(scope="session")
def toy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished rollout of two futures of four frames; nobody writes into it."""
    return write_toy(tmp_path_factory.mktemp("toy") / "toy", futures=2)
