"""progress.json tells another process how far a rollout is, and goes when all is well."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from drivesim.engine.progress import Progress
from drivesim.rollout import progress_file
from drivesim.rollout.progress_file import LiveProgress

FUTURES = {"future-00": {"windows": 1, "of": 3, "frames": 120}}


def read(folder: Path) -> dict[str, object]:
    values: dict[str, object] = json.loads((folder / "progress.json").read_text())
    return values


def test_it_follows_the_work_at_most_once_a_second_and_goes_at_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 100.0
    monkeypatch.setattr(progress_file.time, "monotonic", lambda: now)
    progress = Progress({"predict": 4, "upsample": 2})
    with LiveProgress(tmp_path, lambda: FUTURES) as shown:
        assert read(tmp_path) == {
            "pid": os.getpid(), "state": "running", "stage": "load", "done": 0, "total": 0,
            "seconds_spent": 0.0, "seconds_left": None, "futures": FUTURES,
        }  # fmt: skip
        now += 1.0
        progress.lap("predict")
        shown.note(progress)
        first = read(tmp_path)
        assert (first["stage"], first["done"], first["total"]) == ("predict", 1, 6)
        now += 0.9
        progress.lap("upsample")
        shown.note(progress)
        assert read(tmp_path) == first
        now += 0.2
        shown.note(progress)
        later = read(tmp_path)
        assert (later["stage"], later["done"], later["state"]) == ("upsample", 2, "running")
        assert isinstance(later["seconds_left"], float)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("error", "state", "message"),
    [(KeyboardInterrupt(), "interrupted", None), (OSError("no space is left"), "failed", "no space is left")],
)
def test_the_last_state_stays_where_it_did_not_end_well(
    tmp_path: Path, error: BaseException, state: str, message: str | None
) -> None:
    with pytest.raises(type(error)), LiveProgress(tmp_path, lambda: FUTURES):
        raise error
    found = read(tmp_path)
    assert found["state"] == state and found.get("message") == message and found["futures"] == FUTURES


def test_a_folder_that_cannot_be_written_stops_nothing(tmp_path: Path) -> None:
    with LiveProgress(tmp_path / "gone", lambda: FUTURES) as shown:
        shown.note(Progress())
