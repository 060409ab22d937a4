"""Disk use is predicted from measured bytes a frame, and what is there of a future counts."""

from __future__ import annotations

from collections import namedtuple
from pathlib import Path

import pytest

from drivesim.config import InputError
from drivesim.engine.settings import SamplingSettings
from drivesim.engine.timeline import Timeline
from drivesim.rollout import disk
from drivesim.rollout.disk import check_space, needed_bytes, predicted_bytes, readable

STANDARD = SamplingSettings()


def test_the_prediction_covers_what_was_measured_and_not_much_more() -> None:
    """2 futures of 4 s at 30 fps of the shipped weights' highway by day: 12.7 MB, 18 MB while the second is joined."""
    predicted = predicted_bytes(Timeline.of(4, 30), STANDARD, 2)
    assert 18e6 < predicted < 90e6
    assert predicted_bytes(Timeline.of(40, 30), STANDARD, 2) < 10 * predicted
    half_an_hour = predicted_bytes(Timeline.of(1800, 30), STANDARD, 1)
    assert 44_000 * 54_000 < half_an_hour < 3 * 44_000 * 54_000
    assert predicted_bytes(Timeline.of(40, 30), STANDARD, 0) == 0


def test_what_is_there_counts(tmp_path: Path) -> None:
    timeline = Timeline.of(4, 30)
    needed = needed_bytes(tmp_path / "out", timeline, STANDARD, [0, 1])
    assert needed == predicted_bytes(timeline, STANDARD, 2)
    (tmp_path / "out" / "future-01" / ".state").mkdir(parents=True)
    (tmp_path / "out" / "future-01" / ".state" / "0000.mp4").write_bytes(b"0" * 1_000_000)
    assert needed_bytes(tmp_path / "out", timeline, STANDARD, [0, 1]) == needed - 1_000_000


def test_a_disk_that_is_too_small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(disk.shutil, "disk_usage", lambda path: namedtuple("Usage", "free total")(5_000_000, 9_000_000))
    words = "up to 6 MB are needed there and 5 MB are free; .*--ignore-free-space"
    with pytest.raises(InputError, match=words):
        check_space(tmp_path / "not" / "yet", 6_000_000)
    assert check_space(tmp_path / "not" / "yet", 6_000_000, ignore=True) == "up to 6 MB of disk, 5 MB are free"
    assert check_space(tmp_path, 5_000_000).startswith("up to 5 MB")


def test_numbers_in_words() -> None:
    assert [readable(n) for n in (12, 999, 1000, 1.5e9, 2.4e12, 7.5e14)] == [
        "12 bytes", "999 bytes", "1 kB", "1.5 GB", "2.4 TB", "750 TB",
    ]  # fmt: skip
