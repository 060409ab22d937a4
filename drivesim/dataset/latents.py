"""Latents of every frame of a store, encoded once and kept beside it: training the later stages reads these."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import h5py
import numpy as np

from drivesim.config import InputError
from drivesim.dataset.clips import ClipStore
from drivesim.dataset.progress_line import ProgressLine
from drivesim.tables import Tables, add_table, committed, create_file, open_file

KIND, VERSION = "drivesim latents", 1

Encode = Callable[[np.ndarray], np.ndarray]  # uint8 [f h w 3] to latents [f c h/8 w/8]


def latents_path(store: ClipStore, key: str) -> Path:
    """Where the latents of a store lie by default: beside it, named after the encoder's weights."""
    return store.path.with_name(f"{store.path.stem}.latents-{key[:12]}.h5")


class FrameLatents(Protocol):
    """Latents of the frames of a store, made before or as they are read."""

    @property
    def shape(self) -> tuple[int, int, int]:
        """Shape (c, h, w) of one latent."""

    def read(self, i: int, start: int = 0, stop: int | None = None, step: int = 1) -> np.ndarray:
        """Latents float16 [f c h w] of clip i, the frames that `ClipStore.pictures` gives for the same window."""


class LatentCache:
    """All latents of a store in memory, float16; frames are counted as in the store."""

    def __init__(self, store: ClipStore, path: Path, key: str) -> None:
        """Raises InputError if the file is missing, incomplete, or made of another store or by another encoder."""
        self.store = store
        with open_file(path, KIND, VERSION) as file:
            made_of = (file.attrs["key"], file.attrs["store"])
            self._latents: np.ndarray = file["latents"][: committed(file)["latents"]]
        if made_of != (key, store.fingerprint()):
            raise InputError(f"{path}: made of another store or by another encoder; delete it to have it made anew")
        if len(self._latents) < store.total_frames:
            raise InputError(f"{path}: holds {len(self._latents)} of {store.total_frames} frames; make the rest")

    @property
    def shape(self) -> tuple[int, int, int]:
        """Shape (c, h, w) of one latent."""
        c, h, w = self._latents.shape[1:]
        return c, h, w

    def read(self, i: int, start: int = 0, stop: int | None = None, step: int = 1) -> np.ndarray:
        """Latents float16 [f c h w] of clip i, the frames that `ClipStore.pictures` gives for the same window."""
        first, last = self.store.span(i, start, stop)
        return self._latents[first:last:step]


def cache_latents(
    store: ClipStore,
    encode: Encode,
    key: str,
    path: Path | None = None,
    batch: int = 32,
    progress: Callable[[str], None] | None = None,
) -> LatentCache:
    """Encodes every frame that is not yet encoded, `batch` at a time; resumable, and follows a growing store.

    `key` is the hash of the encoder's weights; latents that another encoder or another store left at `path` (default
    `latents_path`) are replaced. A cache that is complete is only read, so that several processes can ask for it at once.
    Raises InputError if something else is there, or if it is being written.
    """
    path = latents_path(store, key) if path is None else path
    if path.exists():
        with open_file(path, KIND, VERSION) as file:
            current = (file.attrs["key"], file.attrs["store"]) == (key, store.fingerprint())
            complete = current and committed(file)["latents"] >= store.total_frames
        if complete:
            return LatentCache(store, path, key)
        if not current:
            path.unlink()
    if not path.exists():
        shape = encode(store.pictures(0, 0, 1)).shape[1:]

        def lay_out(file: h5py.File) -> None:
            add_table(file, "latents", shape, np.float16, chunk=1)
            file.attrs["key"], file.attrs["store"] = key, store.fingerprint()

        create_file(path, KIND, VERSION, lay_out)
    with Tables(path, KIND, VERSION) as tables:
        done = tables.length("latents")
        tell = ProgressLine(f"{path.name}: frame", done, store.total_frames, progress)
        for start in range(done, store.total_frames, batch):
            stop = min(start + batch, store.total_frames)
            tables.append("latents", np.asarray(encode(store.all_pictures(start, stop)), np.float16))
            tables.commit()
            tell(stop)
    return LatentCache(store, path, key)
