"""What tests of importers share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from toy_rollout import write_toy

from drivesim.dataset.clips import ClipStore
from drivesim.dataset.importers.labelled_folders import import_labelled


@pytest.fixture(scope="session")
def toy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished rollout of two frames; nobody writes into it."""
    return write_toy(tmp_path_factory.mktemp("toy") / "toy", frames=2)


@pytest.fixture
def imported(tmp_path: Path) -> Callable[..., ClipStore]:
    """Imports a folder of a format as a store of frames of 32x64."""

    def run(form: str, folder: Path, **kinds: str) -> ClipStore:
        import_labelled(tmp_path / "store.h5", folder, form, 32, kinds, None, lambda _: None)  # type: ignore[arg-type]
        return ClipStore(tmp_path / "store.h5")

    return run
