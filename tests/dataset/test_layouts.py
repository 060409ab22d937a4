"""Layouts of a store are those of its labels, whoever made them and whatever was interrupted before."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from drivesim.config import InputError
from drivesim.dataset.batches import ClipWindows
from drivesim.dataset.clips import ClipStore, ClipWriter
from drivesim.dataset.layouts import LayoutCache, cache_layouts, layouts_path
from drivesim.layout.planes import Plane, layout_planes
from drivesim.layout.scene_at import SceneAt
from drivesim.scene.clip import Clip
from drivesim.world.generator import generate_clip

SIZE = (32, 64)


@pytest.fixture(scope="module")
def clips() -> list[Clip]:
    made = [generate_clip(seed, 4, 2.0, *SIZE) for seed in (3, 4, 5)]
    return [*made[:2], replace(made[2], labels=replace(made[2].labels, roadside=None))]


def fill(path: Path, clips: list[Clip]) -> ClipStore:
    with ClipWriter(path) as writer:
        for clip in clips:
            writer.append(clip)
    return ClipStore(path)


def test_layouts_are_those_of_the_labels(tmp_path: Path, clips: list[Clip]) -> None:
    store = fill(tmp_path / "a.h5", clips)
    cache = cache_layouts(store, workers=0)
    for clip in (0, 1):
        for frame, planes in enumerate(cache.read(clip, 1, 4, 2)):
            expected = layout_planes(SceneAt.labelled(store.labels(clip), 1 + 2 * frame), *SIZE)
            assert planes is not None and planes.dtype == np.uint8
            np.testing.assert_array_equal(planes, expected)
    assert cache.read(2) == [None] * 4  # nobody knows what stands there
    batch = ClipWindows([store], 2, layouts=[cache]).batch(np.random.default_rng(0), 20)
    assert batch.layouts is not None and {len(frames) for frames in batch.layouts} == {2}
    known = [labels.roadside is not None for labels in batch.labels]
    assert known == [frames[0] is not None for frames in batch.layouts] and len(set(known)) == 2


def test_workers_go_on_where_it_ended(tmp_path: Path, clips: list[Clip]) -> None:
    store = fill(tmp_path / "a.h5", clips[:1])
    first = cache_layouts(store, workers=0).read(0)
    store.close()
    store = fill(tmp_path / "a.h5", clips[1:])
    with pytest.raises(InputError, match="holds 4 of 12 frames"):
        LayoutCache(store)
    told: list[str] = []
    cache = cache_layouts(store, workers=1, progress=told.append)
    assert "clip 3 of 3" in told[-1]
    np.testing.assert_array_equal(cache.read(0), first)
    expected = layout_planes(SceneAt.labelled(store.labels(1), 3), *SIZE)
    np.testing.assert_array_equal(cache.read(1, 3)[0], expected)
    told.clear()
    cache_layouts(store, progress=told.append)
    assert not told  # complete: only read


def test_layouts_of_another_store_are_replaced(tmp_path: Path, clips: list[Clip]) -> None:
    other = fill(tmp_path / "a.h5", clips[1:])
    cache_layouts(other, workers=0)
    other.close()
    other.path.unlink()
    store = fill(tmp_path / "a.h5", clips[:1])
    with pytest.raises(InputError, match="made of another store"):
        LayoutCache(store)
    planes = cache_layouts(store, workers=0).read(0)[0]
    assert planes is not None and planes.shape == (len(Plane), *SIZE)
    assert layouts_path(store).parent == store.path.parent
