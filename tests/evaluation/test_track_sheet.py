"""Sheets of crops of tracks, from folders whose pictures are known."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from toy_rollout import TRACKS, boxes, labels, write_toy

from drivesim.config import InputError
from drivesim.evaluation.track_sheet import CELL, finished_futures, track_sheet


def test_a_track_is_a_row_and_a_second_a_column(tmp_path: Path) -> None:
    folder = write_toy(tmp_path / "toy", frames=12)
    sheet = track_sheet(finished_futures([folder]))
    assert (boxes().box[:, 3] - boxes().box[:, 1] > 1 / 8).tolist() == [False, True, False], "one is 16 px high at 128x256"
    assert sheet.shape == (18 + CELL + 4, 2 * (CELL + 4), 3)
    first, second = sheet[18 + CELL // 2, CELL // 2], sheet[18 + CELL // 2, CELL + 4 + CELL // 2]
    assert abs(first.astype(int) - 40).max() < 6 and (second == 16).all(), "it is gone by then"


def test_without_a_vehicle_there_is_no_sheet(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no finished future"):
        finished_futures([tmp_path])
    first = labels(frames=1)[0]
    hidden = replace(first, boxes=first.boxes.take(TRACKS != 2), source="traffic", trust=0)
    low = write_toy(tmp_path / "low", rows=[hidden] * 4)
    with pytest.raises(InputError, match="no vehicle of 64 px"):
        track_sheet(finished_futures([low]))


def test_films_of_different_length_share_a_sheet(tmp_path: Path) -> None:
    folders = [write_toy(tmp_path / name, frames=frames) for name, frames in (("long", 12), ("short", 4))]
    assert track_sheet(finished_futures(folders)).shape == (2 * (18 + CELL + 4), 2 * (CELL + 4), 3)
