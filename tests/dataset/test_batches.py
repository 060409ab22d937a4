"""Draws depend on their generator alone, stay inside the clips, and labels fit the pictures."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from drivesim.config import InputError
from drivesim.dataset.batches import ClipWindows, FrameSource, StillMotion, clip_patch
from drivesim.dataset.clips import ClipStore, ClipWriter
from drivesim.scene.clip import Clip
from drivesim.tensors import numpy_stream

RATES = (30.0, 7.5, 30.0, 1.875)


@pytest.fixture
def paths(tmp_path: Path, make_clip: Callable[..., Clip]) -> list[Path]:
    """Two stores with clips of 13 frames at several rates."""
    for s, name in enumerate("ab"):
        with ClipWriter(tmp_path / f"{name}.h5") as writer:
            for k, fps in enumerate(RATES):
                writer.append(make_clip(4 * s + k, 13, fps, 16, 32))
    return [tmp_path / "a.h5", tmp_path / "b.h5"]


def test_a_draw_depends_on_its_generator_alone(paths: list[Path]) -> None:
    one, two = (FrameSource(paths) for _ in range(2))
    two.frames(np.random.default_rng(9), 5)
    for samples in (0, 16):
        drawn = [source.frames(numpy_stream(3, "batch", samples), 6, (8, 8), flip=True) for source in (one, two)]
        np.testing.assert_array_equal(*drawn)
    other = one.frames(numpy_stream(3, "batch", 1), 6, (8, 8))
    assert other.shape == (6, 8, 8, 3) and (other != drawn[0]).any()


def test_all_frames_are_drawn_about_equally_often(paths: list[Path]) -> None:
    source = FrameSource(paths, preload=True)
    assert len(source) == 2 * 4 * 13
    drawn = source.frames(np.random.default_rng(0), 4000)
    counts = np.unique(drawn.reshape(4000, -1)[:, :16], axis=0, return_counts=True)[1]
    assert len(counts) == 104 and counts.min() > 15 and counts.max() < 70


def test_crops_and_flips_are_pieces_of_the_frame(tmp_path: Path, make_clip: Callable[..., Clip]) -> None:
    clip = make_clip(0, 1, 30.0, 16, 32)
    with ClipWriter(tmp_path / "a.h5") as writer:
        writer.append(clip)
    source, places = FrameSource([tmp_path / "a.h5"]), set()
    for seed in range(40):
        piece = source.frames(np.random.default_rng(seed), 1, (15, 30), flip=True)[0]
        for flipped in (False, True):
            for y in range(2):
                for x in range(3):
                    whole = clip.frames[0, y : y + 15, x : x + 30]
                    if np.array_equal(piece, whole[:, ::-1] if flipped else whole):
                        places.add((flipped, y, x))
    assert len(places) == 12
    with pytest.raises(ValueError):
        source.frames(np.random.default_rng(0), 1, (17, 32))


def test_windows_serve_slower_rates_by_leaving_frames_out(paths: list[Path]) -> None:
    stores = [ClipStore(path) for path in paths]
    windows = ClipWindows(paths, 3, fps=7.5)
    found = {windows.window(k) for k in range(len(windows))}
    expected = {(s, c, start, start + 9, 4) for s in (0, 1) for c in (0, 2) for start in range(5)}
    expected |= {(s, 1, start, start + 3, 1) for s in (0, 1) for start in range(11)}
    assert found == expected
    batch = windows.batch(np.random.default_rng(0), 8)
    assert batch.frames is not None and batch.frames.shape == (8, 3, 16, 32, 3) and batch.latents is None
    assert (batch.fps == 7.5).all()
    for frames, w, label in zip(batch.frames, windows.draw(np.random.default_rng(0), 8), batch.labels, strict=True):
        np.testing.assert_array_equal(frames, stores[w.store].read(w.clip).frames[w.start : w.stop : w.step])
        assert label.source == stores[w.store].read(w.clip).labels.source


def test_labels_are_those_of_the_windows(paths: list[Path]) -> None:
    windows = ClipWindows(paths, 4, fps=30)
    batch = windows.batch(np.random.default_rng(1), 5, pictures=False)
    assert batch.frames is None and [len(labels) for labels in batch.labels] == [4] * 5
    for labels, w in zip(batch.labels, windows.draw(np.random.default_rng(1), 5), strict=True):
        whole = windows.stores[w.store].read(w.clip).labels
        np.testing.assert_array_equal(labels.ego.curvature, whole.ego.curvature[w.start : w.stop : w.step])
        np.testing.assert_array_equal(labels.crowdedness, whole.crowdedness[w.start : w.stop : w.step])
    single = ClipWindows(paths[:1], 1).batch(np.random.default_rng(1), 3)
    assert single.frames is not None and single.frames.shape == (3, 1, 16, 32, 3)


def test_nothing_to_read_is_an_input_error(paths: list[Path], tmp_path: Path, make_clip: Callable[..., Clip]) -> None:
    with pytest.raises(InputError, match=r"a\.h5.*no clip has 14 frames at 30 fps"):
        ClipWindows(paths, 14, fps=30)
    with pytest.raises(InputError, match=r"at 11 fps"):
        ClipWindows(paths, 1, fps=11)
    with pytest.raises(InputError, match="no store"):
        FrameSource([])
    with ClipWriter(tmp_path / "c.h5") as writer:
        writer.append(make_clip(0, 2, 30.0, 32, 64))
    with pytest.raises(InputError, match="different sizes"):
        FrameSource([*paths, tmp_path / "c.h5"])


def test_a_still_moves() -> None:
    """A blot goes across, and away from the middle as it grows."""
    rows, columns = np.mgrid[:128, :128]
    blot = (255 * np.exp(-((rows - 60.0) ** 2 + (columns - 70.0) ** 2) / 60)).astype(np.uint8)[None, ..., None].repeat(3, axis=3)
    motion = StillMotion(4.0, -2.0, 1.05)
    high = clip_patch(blot.repeat(3, axis=0), (32, 32), 64, motion)
    weight = high[2, ..., 0].astype(float)
    place = [(weight * axis[:64, :64]).sum() / weight.sum() for axis in (rows, columns)]
    middle = np.array([31.5, 31.5])
    expected = middle + 1.05**2 * (np.array([60 - 32, 70 - 32]) - middle - 2 * np.array([-2.0, 4.0]))
    np.testing.assert_allclose(place, expected, atol=0.3)
    np.testing.assert_array_equal(high[0], blot[0, 32:96, 32:96])
