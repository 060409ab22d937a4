"""A rollout with a detector beside its weights reports on itself; without one it is the film and labels alone."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from tiny_cascade import SETTINGS
from tiny_detector import write_detector

from drivesim.checksums import file_hash
from drivesim.rollout.labels.file import read_rollout
from drivesim.rollout.request import Request
from drivesim.rollout.run import roll_out


@pytest.fixture
def weights(checkpoints: Path, tmp_path: Path) -> Path:
    """The tiny cascade with a detector beside it."""
    shutil.copytree(checkpoints, tmp_path / "weights")
    write_detector(tmp_path / "weights" / "detector")
    return tmp_path / "weights"


def test_a_rollout_reports_on_itself(scenario: Path, weights: Path, checkpoints: Path, tmp_path: Path) -> None:
    films = []
    for name, folder in (("judged", weights), ("alone", checkpoints)):
        out = tmp_path / name
        roll_out(Request(scenario, device="cpu", settings=SETTINGS, checkpoints=folder, futures=1), out)
        films.append(file_hash(out / "future-00" / "video.mp4"))
    assert films[0] == films[1]
    record, without = (
        json.loads((tmp_path / name / "manifest.json").read_text())["futures"]["future-00"] for name in ("judged", "alone")
    )
    assert without["figures"] == {} and 0 <= record["figures"]["vehicles_not_shown"] <= 1
    judged, alone = (read_rollout(tmp_path / name / "future-00" / "rollout.h5") for name in ("judged", "alone"))
    assert set(judged.boxes["trust"]) > {0} and set(alone.boxes["trust"]) == {0} and not len(alone.detected)
    same = [name for name in judged.boxes.dtype.names if name != "trust"]
    for name in same:
        np.testing.assert_array_equal(judged.boxes[name], alone.boxes[name])
