"""Films become clips of the networks' rates, with captions, and nothing made up."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from films import write_video

from drivesim.config import InputError
from drivesim.dataset.clips import ClipStore
from drivesim.dataset.importers.films import import_films


def film(path: Path, frames: int, fps: float) -> Path:
    """Every frame one step brighter than the last."""
    steps = np.arange(frames, dtype=np.uint8) * 4
    write_video(path, np.broadcast_to(steps[:, None, None, None], (frames, 36, 64, 3)), fps)
    return path


def imported(tmp_path: Path, *paths: Path, fps: float = 7.5, seconds: float = 1.0, caption: str | None = None) -> ClipStore:
    import_films(tmp_path / "store.h5", paths, fps, seconds, 16, caption, lambda _: None)
    return ClipStore(tmp_path / "store.h5")


def test_films_are_cut_into_clips_at_the_rate(tmp_path: Path) -> None:
    store = imported(tmp_path, film(tmp_path / "a.mp4", 50, 30), film(tmp_path / "b.mp4", 9, 30), caption="a road")
    assert [store.frames(i) for i in range(len(store))] == [9, 4, 3]
    brightness = np.concatenate([store.pictures(i)[:, 8, 16, 0] for i in range(2)]).astype(int)
    assert np.abs(brightness - 16 * np.arange(13)).max() <= 3, "every fourth frame"
    labels = store.labels(1)
    assert (labels.fps, labels.caption, labels.source) == (7.5, "a road", "a.mp4, 1.2 s")
    assert labels.time_of_day is labels.road is labels.camera is labels.boxes[0] is None
    assert np.isnan(labels.ego.speed).all() and np.isnan(labels.crowdedness).all()


def test_rates_that_are_no_multiple_take_the_nearest_frames(tmp_path: Path) -> None:
    store = imported(tmp_path, film(tmp_path / "a.mp4", 25, 25), seconds=2.0)
    brightness = store.pictures(0)[:, 8, 16, 0].astype(int)
    assert np.abs(brightness / 4 - np.round(np.arange(len(brightness)) * 25 / 7.5)).max() <= 0.75


def test_a_text_beside_a_film_is_its_caption(tmp_path: Path) -> None:
    folder = tmp_path / "films"
    folder.mkdir()
    for name in ("a", "b"):
        film(folder / f"{name}.mp4", 8, 7.5)
    (folder / "b.txt").write_text("a bus at night\n")
    store = imported(tmp_path, folder)
    assert [store.labels(i).caption for i in range(2)] == [None, "a bus at night"]


def test_the_same_call_goes_on(tmp_path: Path) -> None:
    path = film(tmp_path / "a.mp4", 50, 30)
    before = imported(tmp_path, path).fingerprint()
    assert imported(tmp_path, path).fingerprint() == before and len(ClipStore(tmp_path / "store.h5")) == 2
    with pytest.raises(InputError, match="was made with"):
        imported(tmp_path, path, caption="another")


def test_what_cannot_be_imported_is_said(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no film"):
        imported(tmp_path, tmp_path)
    slow = film(tmp_path / "a.mp4", 8, 25)
    with pytest.raises(InputError, match=r"has 25 frames a second, fewer than --fps 30; give --fps 7\.5"):
        imported(tmp_path, slow, fps=30.0)
    with pytest.raises(InputError, match="networks know"):
        imported(tmp_path, slow, fps=12.0)
