"""Moved frames of a store are those that its windows use, moved by the flow of its labels, and none that nobody knows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from drivesim.config import InputError
from drivesim.dataset.clips import ClipStore, ClipWriter
from drivesim.dataset.latents import LatentCache, cache_latents
from drivesim.dataset.moved import MovedCache, MovedUse, cache_moved, clip_pairs, moved_key, moved_path
from drivesim.layout.flow import Flow, flow
from drivesim.layout.raster import layout_maps
from drivesim.layout.scene_at import SceneAt
from drivesim.models.road_ahead import REACH
from drivesim.world.generator import generate_clip

SIZE = (32, 64)
USES = (MovedUse(3, 2.0, frozenset({(1, 0), (2, 0), (1, 2)})),)
KEY = moved_key("encoder", USES)


def mark(frames: np.ndarray) -> np.ndarray:
    """One channel at an eighth of the size."""
    return frames[:, ::8, ::8, 0].astype(np.float32)[:, None] / 255


class Mover:
    """Moves nothing, says what it saw of the flow, and remembers what it was asked."""

    def __init__(self) -> None:
        self.flows: list[Flow] = []

    def __call__(self, latents: np.ndarray, flows: Sequence[Flow]) -> tuple[np.ndarray, np.ndarray]:
        self.flows += flows
        shares = [one.seen.reshape(SIZE[0] // 8, 8, SIZE[1] // 8, 8).mean(axis=(1, 3)) for one in flows]
        return latents, np.stack(shares)


@pytest.fixture
def store(tmp_path: Path) -> ClipStore:
    """Two clips, of which nobody knows what stands in the second."""
    clips = [generate_clip(seed, 4, 2.0, *SIZE) for seed in (3, 4)]
    clips[1] = replace(clips[1], labels=replace(clips[1].labels, roadside=None))
    with ClipWriter(tmp_path / "a.h5") as writer:
        for clip in clips:
            writer.append(clip)
    return ClipStore(tmp_path / "a.h5")


@pytest.fixture
def latents(store: ClipStore) -> LatentCache:
    return cache_latents(store, mark, "key")


def test_pairs_are_those_of_all_windows(store: ClipStore) -> None:
    assert clip_pairs(store, 0, USES) == [(1, 0), (2, 0), (2, 1), (3, 1), (1, 2), (2, 3)]
    slow = MovedUse(2, 1.0, frozenset({(1, 0)}))  # every other frame
    assert clip_pairs(store, 0, [slow]) == [(2, 0), (3, 1)]
    assert clip_pairs(store, 0, [MovedUse(2, 3.0, frozenset({(1, 0)}))]) == []


def test_frames_are_moved_by_the_flow_of_the_labels(store: ClipStore, latents: LatentCache) -> None:
    mover = Mover()
    cache = cache_moved(store, latents, mover, KEY, USES)
    labels = store.labels(0)
    near = [pair for pair in clip_pairs(store, 0, USES) if abs(np.ptp(labels.ego.along[list(pair)])) <= REACH]
    assert near and len(mover.flows) == len(near)
    scenes = [SceneAt.labelled(labels, frame) for frame in range(4)]
    maps = [layout_maps(scene, *SIZE) for scene in scenes]
    for number, (to, source) in enumerate(near):
        found = cache.read(0, to, source)
        assert found is not None
        np.testing.assert_array_equal(found.latents, latents.read(0)[source])
        expected = flow(scenes[to], maps[to], scenes[source], maps[source])
        np.testing.assert_array_equal(mover.flows[number].right, expected.right)
        share = expected.seen.reshape(SIZE[0] // 8, 8, SIZE[1] // 8, 8).mean(axis=(1, 3))
        np.testing.assert_allclose(found.seen, share, atol=1 / 255)
    assert cache.read(0, 0, 1) is None and cache.read(1, 1, 0) is None


def test_it_goes_on_where_it_stopped(store: ClipStore, latents: LatentCache) -> None:
    def failing(latents: np.ndarray, flows: Sequence[Flow]) -> tuple[np.ndarray, np.ndarray]:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        cache_moved(store, latents, failing, KEY, USES)
    with pytest.raises(InputError, match="holds 0 of 2 clips"):
        MovedCache(store, moved_path(store, KEY))
    whole = cache_moved(store, latents, Mover(), KEY, USES)
    assert whole.read(0, 1, 0) is not None
    again = Mover()
    cache_moved(store, latents, again, KEY, USES)
    assert not again.flows
    assert moved_key("encoder", USES) == KEY != moved_key("another", USES)
