"""Sheets show what they are told to."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from drivesim.dataset.clips import ClipStore, ClipWriter
from drivesim.dataset.sheets import draw_boxes, real_pictures, sheet, store_clips
from drivesim.scene.boxes import Boxes
from drivesim.scene.clip import Clip
from drivesim.video_io import write_image


def test_real_pictures_are_the_lower_part(tmp_path: Path) -> None:
    picture = np.zeros((60, 80, 3), np.uint8)
    picture[20:] = 200
    write_image(tmp_path / "a.png", picture)
    shown = real_pictures([tmp_path], 3, 20, seed=0)
    assert shown.shape == (3, 20, 40, 3) and (shown == 200).all()


def test_boxes_are_drawn_where_they_are() -> None:
    one = np.array([[0.25, 0.25, 0.75, 0.75], [np.nan] * 4], np.float32)
    boxes = Boxes(np.arange(2), np.zeros(2, np.int64), one, np.zeros(2), np.ones(2), np.zeros((2, 7)))
    frame = np.zeros((80, 160, 3), np.uint8)
    drawn = draw_boxes(frame, boxes)
    assert not frame.any()
    assert (drawn[20:60, 40] > 0).any(axis=-1).all() and (drawn[60, 40:120] > 0).any(axis=-1).all()
    assert not drawn[26:56, 46:114].any() and not drawn[64:].any()


def test_clips_of_a_store_are_windows_of_different_clips(tmp_path: Path, make_clip: Callable[..., Clip]) -> None:
    with ClipWriter(tmp_path / "a.h5") as writer:
        for k in range(5):
            writer.append(make_clip(k, 4, 30.0, 16, 32))
    clips = store_clips(ClipStore(tmp_path / "a.h5"), 9, 3, seed=0)
    assert len({clip.labels.source for clip in clips}) == 5 and {len(clip.frames) for clip in clips} == {3}
    assert sheet([("a", clips)], boxes=True, width=32).shape == (18 + 5 * 20, 3 * 36, 3)
