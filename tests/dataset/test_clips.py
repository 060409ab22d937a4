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
from typing import Any

import h5py
import numpy as np
import pytest

from drivesim.config import InputError
from drivesim.dataset.clips import ClipStore, ClipWriter
from drivesim.dataset.label_tables import BOX_ROW
from drivesim.scene.boxes import Boxes
from drivesim.scene.clip import Clip, ClipLabels, EgoMotion, EgoPose
from drivesim.scene.road import Road

Maker = Callable[..., Clip]


def write(path: Path, clips: list[Clip], recipe: dict[str, object] | None = None) -> None:
    with ClipWriter(path, recipe) as writer:
        for clip in clips:
            writer.append(clip)


def assert_same(one: Clip, two: Clip) -> None:
    np.testing.assert_array_equal(one.frames, two.frames)
    np.testing.assert_array_equal(one.depth, two.depth)
    assert_same_labels(one.labels, two.labels)


def assert_same_labels(one: ClipLabels, two: ClipLabels) -> None:
    assert (one.fps, one.time_of_day, repr(one.road), one.camera, one.source, one.caption) == (  # repr: nan is not nan
        two.fps, two.time_of_day, repr(two.road), two.camera, two.source, two.caption)  # fmt: skip
    np.testing.assert_array_equal(one.crowdedness, two.crowdedness)
    for field in fields(one.ego):
        np.testing.assert_array_equal(getattr(one.ego, field.name), getattr(two.ego, field.name))
    assert one.roadside == two.roadside
    for name in () if one.pose is None and two.pose is None else [field.name for field in fields(EgoPose)]:
        np.testing.assert_array_equal(getattr(one.pose, name), getattr(two.pose, name))
    assert len(one.boxes) == len(two.boxes)
    for mine, other in zip(one.boxes, two.boxes, strict=True):
        assert (mine is None) == (other is None)
        if mine is None or other is None:
            continue
        for field in fields(mine):
            a, b = getattr(mine, field.name), getattr(other, field.name)
            np.testing.assert_array_equal(a, b)
            assert a.dtype == b.dtype


def test_clips_come_back_whole(tmp_path: Path, make_clip: Maker) -> None:
    clips = [make_clip(k, 3 + k, fps, 16, 32, depth=True) for k, fps in enumerate((1.875, 7.5, 30.0))]
    write(tmp_path / "a.h5", clips[:2], {"seed": 1})
    write(tmp_path / "a.h5", clips[2:], {"seed": 1})
    store = ClipStore(tmp_path / "a.h5")
    assert (len(store), store.total_frames, store.height, store.width, store.has_depth) == (3, 12, 16, 32, True)
    assert store.recipe == {"seed": 1}
    for i, clip in enumerate(clips):
        assert (store.frames(i), store.fps(i)) == (3 + i, clip.labels.fps)
        assert_same(store.read(i), clip)
        assert len(store.labels(i)) == 3 + i


def test_windows_know_their_own_rate_and_curvature(tmp_path: Path, make_clip: Maker) -> None:
    clip = make_clip(1, 12, 30.0, 16, 32)
    write(tmp_path / "a.h5", [make_clip(0, 5, 30.0, 16, 32), clip])
    window = ClipStore(tmp_path / "a.h5").read(1, 2, 11, step=4)
    np.testing.assert_array_equal(window.frames, clip.frames[2:11:4])
    labels, whole = window.labels, clip.labels
    expected = replace(
        whole,
        fps=7.5,
        road=replace(Road("city", 3, 2), curvature=float(whole.ego.curvature[2])),
        boxes=whole.boxes[2:11:4],
        crowdedness=whole.crowdedness[2:11:4],
        ego=EgoMotion(*(getattr(whole.ego, f.name)[2:11:4] for f in fields(EgoMotion))),
        pose=EgoPose(*(getattr(whole.pose, f.name)[2:11:4] for f in fields(EgoPose))),
    )
    assert_same_labels(labels, expected)


UNKNOWN = np.full(5, np.nan, np.float32)
GAPS: dict[str, Any] = {
    "time_of_day": {"time_of_day": None},
    "road": {"road": None},
    "camera": {"camera": None},
    "crowdedness": {"crowdedness": UNKNOWN},
    "some boxes": {"boxes": (None, Boxes.none(), None, Boxes.none(), None)},
    "pose": {"pose": None},
    "roadside": {"roadside": None},
    "caption": {"caption": None},
    "all but the speed": {"ego": EgoMotion(np.ones(5, np.float32), UNKNOWN, UNKNOWN, UNKNOWN)},
}


@pytest.mark.parametrize("gap", [*GAPS, "everything"])
def test_what_is_not_known_stays_unknown(tmp_path: Path, make_clip: Maker, gap: str) -> None:
    whole = make_clip(1, 5, 30.0, 16, 32)
    unknown = {name: value for each in GAPS.values() for name, value in each.items()} if gap == "everything" else GAPS[gap]
    part = replace(whole, labels=replace(whole.labels, **unknown))
    write(tmp_path / "a.h5", [whole, part, whole])
    store = ClipStore(tmp_path / "a.h5")
    assert_same(store.read(1), part)
    assert_same(store.read(2), whole)
    assert_same_labels(store.labels(1, 2, 4), replace(
        part.labels, boxes=part.labels.boxes[2:4], crowdedness=part.labels.crowdedness[2:4],
        ego=EgoMotion(*(getattr(part.labels.ego, f.name)[2:4] for f in fields(EgoMotion))),
        road=part.labels.road and replace(part.labels.road, curvature=float(part.labels.ego.curvature[2])),
        pose=part.labels.pose and EgoPose(*(getattr(part.labels.pose, f.name)[2:4] for f in fields(EgoPose))),
    ))  # fmt: skip


def as_format_2(path: Path) -> None:
    """Makes of a store what format 2 was: without labels that can be unknown, and without those it had no room for."""
    with h5py.File(path, "r+") as file:
        counts = dict(zip(sorted(set(file) - {"committed"}), file["committed"][:], strict=True))
        boxes = file["boxes"][:].view(BOX_ROW)
        for name in ("labels", "pose", "roadsides", "captions", "caption_end", "committed", "boxes"):
            del file[name]
        names = ["track", "kind", "box", "heading", "visible", "cuboid"]
        plain = np.dtype([(name, boxes.dtype[name]) for name in names])
        rows = file.create_dataset("boxes", (len(boxes),), plain, maxshape=(None,), chunks=(1024,))
        rows[:] = np.array([tuple(row[name] for name in names) for row in boxes], plain)
        file["committed"] = np.array([counts[name] for name in sorted(set(file) - {"committed"})])
        file.attrs["version"] = 2


def known_to_format_2(clip: Clip) -> Clip:
    tables = [Boxes(t.track, t.kind, t.box, t.heading, t.visible, t.cuboid) for t in clip.labels.boxes if t is not None]
    return replace(clip, labels=replace(clip.labels, boxes=tuple(tables), pose=None, roadside=None, caption=None))


def test_stores_of_format_2_are_read_and_take_clips_of_which_all_is_known(tmp_path: Path, make_clip: Maker) -> None:
    path, clips = tmp_path / "a.h5", [make_clip(k, 5, 30.0, 16, 32, depth=True) for k in range(3)]
    write(path, clips[:2])
    fingerprint = ClipStore(path).fingerprint()
    as_format_2(path)
    store = ClipStore(path)
    assert store.fingerprint() == fingerprint  # latents made of it stay its own
    for i in (0, 1):
        assert_same(store.read(i), known_to_format_2(clips[i]))
    store.close()
    write(path, clips[2:])
    assert_same(ClipStore(path).read(2), known_to_format_2(clips[2]))
    with pytest.raises(InputError, match="format 2"):
        write(path, [replace(clips[0], labels=replace(clips[0].labels, camera=None))])
    assert len(ClipStore(path)) == 3


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
        write(path, [replace(clip, labels=replace(clip.labels, boxes=clip.labels.boxes[1:]))])
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
            writer.append(replace(good, labels=replace(good.labels, road=Road("moon"))))  # type: ignore[arg-type]
        writer.append(good)
    assert len(ClipStore(path)) == 2
    assert_same(ClipStore(path).read(1), good)


WRITE_FOREVER = """
import sys, numpy as np
from drivesim.scene.boxes import Boxes
from drivesim.scene.camera import Camera
from drivesim.scene.clip import Clip, ClipLabels, EgoMotion
from drivesim.scene.road import Road
from drivesim.dataset.clips import ClipWriter
with ClipWriter(sys.argv[1]) as writer:
    while True:
        k = len(writer)
        frames = np.random.default_rng(k).integers(256, size=(20, 16, 32, 3), dtype=np.uint8)
        ego = EgoMotion(*np.full((4, 20), k, np.float32))
        boxes, crowdedness = (Boxes.none(),) * 20, np.zeros(20, np.float32)
        writer.append(Clip(frames, ClipLabels(30.0, "day", Road(), Camera(), boxes, crowdedness, ego, f"clip {k}")))
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
            assert clip.labels.source == f"clip {k}" and (clip.labels.ego.speed == k).all()
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
