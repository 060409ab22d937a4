"""Stores fill up the same with any number of workers, and go on where they stopped."""

from __future__ import annotations

import importlib
import itertools
import multiprocessing
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from drivesim.config import InputError
from drivesim.dataset.clips import ClipStore
from drivesim.dataset.synthesis import fill_store, fresh_clips
from drivesim.scene.clip import Clip
from drivesim.seeds import stream_seed

SETTINGS: dict[str, Any] = {"frames": 3, "fps": (1.875, 7.5), "height": 16, "width": 32, "seed": 5}

FAKE_WORLD = """
import os, time
import numpy as np
from drivesim.scene.boxes import Boxes
from drivesim.scene.camera import Camera
from drivesim.scene.clip import Clip, ClipLabels, EgoMotion
from drivesim.scene.road import Road

def make(seed, frames, fps, height, width, **_):
    time.sleep(seed % 7 / 100)  # out of order
    pictures = np.random.default_rng(seed).integers(256, size=(frames, height, width, 3), dtype=np.uint8)
    ego = EgoMotion(*np.zeros((4, frames), np.float32))
    boxes, crowdedness = (Boxes.none(),) * frames, np.zeros(frames, np.float32)
    return Clip(pictures, ClipLabels(fps, "day", Road(), Camera(), boxes, crowdedness, ego, f"seed {seed}"))

def fail(seed, *_, **__):
    raise ArithmeticError("no road")

def die(seed, *_, **__):
    os._exit(9)
"""


@pytest.fixture
def fake_world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """A world that worker processes can import."""
    (tmp_path / "fake_world_of_tests.py").write_text(FAKE_WORLD)
    monkeypatch.syspath_prepend(tmp_path)
    return importlib.import_module("fake_world_of_tests")


def pictures(path: Path) -> list[np.ndarray]:
    store = ClipStore(path)
    return [store.pictures(i) for i in range(len(store))]


def test_the_number_of_workers_changes_nothing(tmp_path: Path, fake_world: ModuleType) -> None:
    lines: list[str] = []
    fill_store(tmp_path / "0.h5", 7, **SETTINGS, workers=0, make=fake_world.make)
    fill_store(tmp_path / "2.h5", 7, **SETTINGS, workers=2, make=fake_world.make, say=lines.append)
    assert lines[-1].startswith("2.h5: clip 7 of 7")
    np.testing.assert_array_equal(pictures(tmp_path / "0.h5"), pictures(tmp_path / "2.h5"))
    store = ClipStore(tmp_path / "2.h5")
    assert [store.fps(i) for i in range(4)] == [1.875, 7.5, 1.875, 7.5]
    assert store.labels(3).source == f"seed {stream_seed(5, 'clip', 3)}"
    assert not multiprocessing.active_children()


def test_an_interrupted_store_goes_on(tmp_path: Path, make_clip: Callable[..., Clip]) -> None:
    seeds: list[int] = []

    def counting(seed: int, *size: int, **rest: bool) -> Clip:
        seeds.append(seed)
        return make_clip(seed, *size, **rest)

    def interrupted(seed: int, *size: int, **rest: bool) -> Clip:
        if seed == stream_seed(5, "clip", 3):
            raise KeyboardInterrupt
        return make_clip(seed, *size, **rest)

    path = tmp_path / "a.h5"
    with pytest.raises(KeyboardInterrupt):
        fill_store(path, 5, **SETTINGS, workers=0, make=interrupted)
    assert len(ClipStore(path)) == 3
    fill_store(path, 5, **SETTINGS, workers=0, make=counting)
    assert seeds == [stream_seed(5, "clip", k) for k in (3, 4)]
    fill_store(path, 2, **SETTINGS, workers=0, make=counting)
    assert len(seeds) == 2
    fill_store(tmp_path / "b.h5", 5, **SETTINGS, workers=0, make=make_clip)
    np.testing.assert_array_equal(pictures(path), pictures(tmp_path / "b.h5"))


def test_a_store_of_other_settings_is_refused(tmp_path: Path, make_clip: Callable[..., Clip]) -> None:
    path = tmp_path / "a.h5"
    fill_store(path, 1, **SETTINGS, workers=0, make=make_clip)
    with pytest.raises(InputError, match=r"a\.h5: was made with noise True instead of False, seed 5 instead of 6"):
        fill_store(path, 2, **SETTINGS | {"seed": 6}, noise=False, workers=0, make=make_clip)
    with pytest.raises(InputError, match="at least one frame"):
        fill_store(path, 2, **SETTINGS | {"fps": ()}, workers=0, make=make_clip)


def test_a_full_store_is_only_read(tmp_path: Path, make_clip: Callable[..., Clip]) -> None:
    """So that several processes can train on it at once; one that must grow cannot be written meanwhile."""
    path = tmp_path / "a.h5"
    fill_store(path, 2, **SETTINGS, workers=0, make=make_clip)
    with closing(ClipStore(path)):
        fill_store(path, 2, **SETTINGS, workers=0, make=make_clip)
        with pytest.raises(InputError, match="seed 5 instead of 6"):
            fill_store(path, 2, **SETTINGS | {"seed": 6}, workers=0, make=make_clip)
        with pytest.raises(InputError, match="in use"):
            fill_store(path, 3, **SETTINGS, workers=0, make=make_clip)


def test_fresh_clips_go_on_for_ever(tmp_path: Path, fake_world: ModuleType) -> None:
    clips = fresh_clips(**SETTINGS, first=4, workers=2, make=fake_world.make)
    sources = [clip.labels.source for clip in itertools.islice(clips, 9)]
    assert sources == [f"seed {stream_seed(5, 'clip', k)}" for k in range(4, 13)]
    clips.close()
    assert not multiprocessing.active_children()


def test_failing_workers_are_reported(tmp_path: Path, fake_world: ModuleType) -> None:
    with pytest.raises(RuntimeError, match="ArithmeticError: no road"):
        fill_store(tmp_path / "a.h5", 3, **SETTINGS, workers=1, make=fake_world.fail)
    with pytest.raises(RuntimeError, match="worker process died"):
        fill_store(tmp_path / "a.h5", 3, **SETTINGS, workers=1, make=fake_world.die)
    assert not (tmp_path / "a.h5").exists()
    assert not multiprocessing.active_children()
