"""A store gives back what it was given, in windows, and survives crashes; broken files are refused by name."""

from __future__ import annotations

import multiprocessing
import pickle
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path

import h5py
import numpy as np
import pytest

from drivesim.config import InputError
from drivesim.dataset.clips import ClipStore, ClipWriter
from drivesim.scene.clip import Clip

Maker = Callable[..., Clip]


def write(path: Path, clips: list[Clip], recipe: dict[str, object] | None = None) -> None:
    with ClipWriter(path, recipe) as writer:
        for clip in clips:
            writer.append(clip)


def assert_same(one: Clip, two: Clip) -> None:
    np.testing.assert_array_equal(one.frames, two.frames)
    assert (one.fps, one.time_of_day, one.road, one.camera, one.source) == (
        two.fps, two.time_of_day, two.road, two.camera, two.source)  # fmt: skip
    for field in fields(one.ego):
        np.testing.assert_array_equal(getattr(one.ego, field.name), getattr(two.ego, field.name))
    assert len(one.boxes) == len(two.boxes)
    for mine, other in zip(one.boxes, two.boxes, strict=True):
        for field in fields(mine):
            a, b = getattr(mine, field.name), getattr(other, field.name)
            np.testing.assert_array_equal(a, b)
            assert a.dtype == b.dtype
    np.testing.assert_array_equal(one.depth, two.depth)


def test_clips_come_back_whole(tmp_path: Path, make_clip: Maker) -> None:
    clips = [make_clip(k, 3 + k, fps, 16, 32, depth=True) for k, fps in enumerate((1.875, 7.5, 30.0))]
    write(tmp_path / "a.h5", clips[:2], {"seed": 1})
    write(tmp_path / "a.h5", clips[2:], {"seed": 1})
    store = ClipStore(tmp_path / "a.h5")
    assert (len(store), store.total_frames, store.height, store.width, store.has_depth) == (3, 12, 16, 32, True)
    assert store.recipe == {"seed": 1}
    for i, clip in enumerate(clips):
        assert (store.frames(i), store.fps(i)) == (3 + i, clip.fps)
        assert_same(store.read(i), clip)
        assert len(store.labels(i).frames) == 0 and len(store.labels(i).boxes) == 3 + i


def test_windows_know_their_own_rate_and_curvature(tmp_path: Path, make_clip: Maker) -> None:
    clip = make_clip(1, 12, 30.0, 16, 32)
    write(tmp_path / "a.h5", [make_clip(0, 5, 30.0, 16, 32), clip])
    window = ClipStore(tmp_path / "a.h5").read(1, 2, 11, step=4)
    np.testing.assert_array_equal(window.frames, clip.frames[2:11:4])
    np.testing.assert_array_equal(window.ego.speed, clip.ego.speed[2:11:4])
    assert [len(b) for b in window.boxes] == [len(b) for b in clip.boxes[2:11:4]]
    np.testing.assert_array_equal(window.boxes[1].box, clip.boxes[6].box)
    assert window.fps == 7.5
    assert window.road == replace(clip.road, curvature=float(clip.ego.curvature[2]))


def test_windows_outside_the_clip_are_refused(tmp_path: Path, make_clip: Maker) -> None:
    write(tmp_path / "a.h5", [make_clip(0, 5, 30.0, 16, 32)])
    store = ClipStore(tmp_path / "a.h5")
    for i, start, stop in ((1, 0, 1), (-1, 0, 1), (0, 5, 6), (0, 3, 3), (0, 0, 6)):
        with pytest.raises(IndexError):
            store.read(i, start, stop)


def test_only_clips_of_one_kind_go_together(tmp_path: Path, make_clip: Maker) -> None:
    path = tmp_path / "a.h5"
    clip = make_clip(0, 5, 30.0, 16, 32)
    write(path, [clip], {"seed": 1})
    for other in (make_clip(0, 5, 30.0, 32, 64), make_clip(0, 5, 30.0, 16, 32, depth=True)):
        with pytest.raises(InputError, match=r"a\.h5: holds"):
            write(path, [other])
    with pytest.raises(InputError, match=r"a\.h5: was made with seed 1 instead of 2"):
        ClipWriter(path, {"seed": 2})
    with pytest.raises(ValueError, match="as many boxes"):
        write(path, [replace(clip, boxes=clip.boxes[1:])])
    assert len(ClipStore(path)) == 1


def test_broken_files_are_refused_by_name(tmp_path: Path, make_clip: Maker) -> None:
    path = tmp_path / "a.h5"
    with pytest.raises(InputError, match=r"a\.h5: no such file"):
        ClipStore(path)
    write(path, [make_clip(0, 20, 30.0, 16, 32)])
    whole = path.read_bytes()
    for length in (0, 100, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:length])
        for opener in (ClipStore, ClipWriter):
            with pytest.raises(InputError, match=r"a\.h5: cannot be read"):
                opener(path)
    path.write_bytes(whole)
    with h5py.File(path, "r+") as file:
        file.attrs["version"] = 99
    with pytest.raises(InputError, match=r"a\.h5: drivesim clips of format version 99"):
        ClipStore(path)
    with h5py.File(path, "w") as file:
        file["x"] = 1
    for opener in (ClipStore, ClipWriter):
        with pytest.raises(InputError, match=r"a\.h5: holds no drivesim clips"):
            opener(path)


def test_a_failing_append_leaves_the_store_as_it_was(tmp_path: Path, make_clip: Maker) -> None:
    good = make_clip(0, 5, 30.0, 16, 32)
    path = tmp_path / "a.h5"
    with ClipWriter(path) as writer:
        writer.append(good)
        with pytest.raises(ValueError):  # fails after its frames were appended
            writer.append(replace(good, road=replace(good.road, setting="moon")))  # type: ignore[arg-type]
        writer.append(good)
    assert len(ClipStore(path)) == 2
    assert_same(ClipStore(path).read(1), good)


WRITE_FOREVER = """
import sys, numpy as np
from drivesim.scene.boxes import Boxes
from drivesim.scene.camera import Camera
from drivesim.scene.clip import Clip, EgoMotion
from drivesim.scene.road import Road
from drivesim.dataset.clips import ClipWriter
with ClipWriter(sys.argv[1]) as writer:
    while True:
        k = len(writer)
        frames = np.random.default_rng(k).integers(256, size=(20, 16, 32, 3), dtype=np.uint8)
        ego = EgoMotion(*np.full((4, 20), k, np.float32))
        writer.append(Clip(frames, 30.0, "day", Road(), Camera(), (Boxes.none(),) * 20, ego, f"clip {k}"))
        print(len(writer), flush=True)
"""


def test_a_killed_writer_loses_nothing_that_was_appended(tmp_path: Path) -> None:
    path = tmp_path / "a.h5"
    for delay in (0.02, 0.05, 0.11):
        process = subprocess.Popen([sys.executable, "-c", WRITE_FOREVER, str(path)], stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        first = process.stdout.readline()
        time.sleep(delay)
        process.kill()
        promised = int((first + process.stdout.read()).split()[-1])
        process.wait()
        store = ClipStore(path)
        assert promised <= len(store) <= promised + 1
        for k in range(len(store)):
            clip = store.read(k)
            np.testing.assert_array_equal(
                clip.frames, np.random.default_rng(k).integers(256, size=(20, 16, 32, 3), dtype=np.uint8)
            )
            assert clip.source == f"clip {k}" and (clip.ego.speed == k).all()
        store.close()


def test_no_other_process_reads_what_is_being_written(tmp_path: Path, make_clip: Maker) -> None:
    path = tmp_path / "a.h5"
    code = f"from drivesim.dataset.clips import ClipStore; ClipStore({str(path)!r})"
    with ClipWriter(path) as writer:
        writer.append(make_clip(0, 5, 30.0, 16, 32))
        elsewhere = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
        assert "a.h5: is in use" in elsewhere.stderr
    assert len(ClipStore(path)) == 1


def first_pixel(store: ClipStore) -> int:
    return int(store.read(0, 2, 3).frames[0, 0, 0, 0])


def test_stores_travel_to_other_processes(tmp_path: Path, make_clip: Maker) -> None:
    clip = make_clip(0, 5, 30.0, 16, 32)
    write(tmp_path / "a.h5", [clip])
    store = ClipStore(tmp_path / "a.h5")
    assert_same(pickle.loads(pickle.dumps(store)).read(0), clip)
    with multiprocessing.get_context("fork").Pool(2) as pool:
        assert pool.map(first_pixel, [store] * 4) == [clip.frames[2, 0, 0, 0]] * 4
    assert first_pixel(store) == clip.frames[2, 0, 0, 0]
