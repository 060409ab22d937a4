"""Every frame is encoded once, in the right place, whatever was interrupted before."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest

from drivesim.config import InputError
from drivesim.dataset.batches import ClipWindows
from drivesim.dataset.clips import ClipStore, ClipWriter
from drivesim.dataset.latents import LatentCache, cache_latents, latents_path
from drivesim.scene.clip import Clip


def encode(frames: np.ndarray) -> np.ndarray:
    """Two channels at an eighth of the size: corner pixel and its colour's negative."""
    corner = frames[:, ::8, ::8, 0].astype(np.float32)
    return np.stack([corner, -corner], axis=1)


def fill(path: Path, make_clip: Callable[..., Clip], *seeds: int) -> ClipStore:
    with ClipWriter(path) as writer:
        for seed in seeds:
            writer.append(make_clip(seed, 7, 30.0, 16, 32))
    return ClipStore(path)


def test_latents_lie_where_their_frames_lie(tmp_path: Path, make_clip: Callable[..., Clip]) -> None:
    store = fill(tmp_path / "a.h5", make_clip, 0, 1)
    cache = cache_latents(store, encode, "0123456789abcdef", batch=4)
    assert latents_path(store, "0123456789abcdef").name == "a.latents-0123456789ab.h5"
    assert cache.shape == (2, 2, 4)
    np.testing.assert_array_equal(cache.read(1, 1, 7, 3), encode(store.pictures(1, 1, 7, 3)))
    batch = ClipWindows([store], 3, latents=[cache]).batch(np.random.default_rng(0), 5)
    assert batch.latents is not None and batch.frames is not None and batch.latents.dtype == np.float16
    np.testing.assert_array_equal(batch.latents[4], encode(batch.frames[4]))


def test_encoding_goes_on_where_it_stopped(tmp_path: Path, make_clip: Callable[..., Clip]) -> None:
    store = fill(tmp_path / "a.h5", make_clip, 0, 1)
    seen: list[int] = []

    def failing(frames: np.ndarray) -> np.ndarray:
        seen.append(len(frames))
        if len(seen) == 4:
            raise KeyboardInterrupt
        return encode(frames)

    with pytest.raises(KeyboardInterrupt):
        cache_latents(store, failing, "key", batch=4)
    with pytest.raises(InputError, match="holds 8 of 14 frames"):
        LatentCache(store, latents_path(store, "key"), "key")
    seen.clear()
    told: list[str] = []
    cache_latents(store, failing, "key", batch=4, progress=told.append)
    assert seen == [4, 2] and "frame 14 of 14" in told[-1]
    store.close()
    cache = cache_latents(fill(tmp_path / "a.h5", make_clip, 2), encode, "key")
    assert len(cache.read(2)) == 7
    cache_latents(cache.store, failing, "key")
    assert seen == [4, 2]


def test_a_complete_cache_is_only_read(tmp_path: Path, make_clip: Callable[..., Clip]) -> None:
    store = fill(tmp_path / "a.h5", make_clip, 0)
    path = latents_path(store, "key")
    cache_latents(store, encode, "key")
    with h5py.File(path):  # whoever reads it keeps writers out
        assert len(cache_latents(store, encode, "key").read(0)) == 7


def test_another_encoder_or_store_is_not_mixed_up(tmp_path: Path, make_clip: Callable[..., Clip]) -> None:
    store, other = fill(tmp_path / "a.h5", make_clip, 0), fill(tmp_path / "b.h5", make_clip, 1)
    path = tmp_path / "latents.h5"
    cache_latents(store, encode, "key", path)
    for wrong, key in ((other, "key"), (store, "other key")):
        with pytest.raises(InputError, match=r"latents\.h5: made of another store"):
            LatentCache(wrong, path, key)
    cache = cache_latents(other, encode, "key", path)
    np.testing.assert_array_equal(cache.read(0), encode(other.pictures(0)))
    with pytest.raises(InputError, match=r"a\.h5: holds no drivesim latents"):
        cache_latents(other, encode, "key", tmp_path / "a.h5")
