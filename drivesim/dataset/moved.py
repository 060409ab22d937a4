"""Given frames of a store's windows as the layout moves them to other frames, made once and kept beside it.

pair  int64 [P 2]  (to, from), frames counted through the store, sorted by clip     end  int64 [clips]  end of each clip's pairs
latents  float16 [P c h w]  of the frame `from` as it would be seen at `to`         seen  uint8 [P h w]  share of a cell times 255
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple, Protocol

import h5py
import numpy as np

from drivesim.config import InputError
from drivesim.dataset.clips import ClipStore
from drivesim.dataset.latents import FrameLatents
from drivesim.dataset.layouts import is_known
from drivesim.dataset.progress_line import ProgressLine
from drivesim.layout.flow import Flow, flow
from drivesim.layout.maps import LayoutMaps
from drivesim.layout.raster import layout_maps
from drivesim.layout.scene_at import SceneAt
from drivesim.models.road_ahead import REACH
from drivesim.scene.clip import ClipLabels
from drivesim.tables import Tables, add_table, committed, create_file, open_file

KIND, VERSION = "drivesim moved frames", 1

Move = Callable[[np.ndarray, Sequence[Flow]], tuple[np.ndarray, np.ndarray]]
"""Latents [n c h w] of given frames and flow to each, to moved latents [n c h w] and shares seen [n h w]."""


@dataclass(frozen=True)
class MovedUse:
    """Windows of `length` frames at `fps`, in which frames are moved to others: `pairs` (to, from), counted in the window."""

    length: int
    fps: float
    pairs: frozenset[tuple[int, int]]


class MovedFrame(NamedTuple):
    """Latents float16 [c h w], and share of each cell that the given frame shows, float32 [h w]."""

    latents: np.ndarray
    seen: np.ndarray


def moved_path(store: ClipStore, key: str) -> Path:
    """Where the moved frames of a store lie: beside it, named after what they are made for and by."""
    return store.path.with_name(f"{store.path.stem}.moved-{key[:12]}.h5")


def moved_key(autoencoder: str, uses: Collection[MovedUse]) -> str:
    """Names what is made: for these uses, by the encoder and decoder of this fingerprint."""
    said = sorted((use.length, use.fps, sorted(use.pairs)) for use in uses)
    return hashlib.sha256(f"{autoencoder} {VERSION} {said}".encode()).hexdigest()


class MovedFrames(Protocol):
    """Frames of a store as they are moved to others, made before or as they are read."""

    def read(self, clip: int, to: int, source: int) -> MovedFrame | None:
        """Frame `source` of a clip as it would be seen at frame `to`; None where nobody knows, or it is too far."""


class MovedCache:
    """All moved frames of a store, read from its file as they are asked for, in the process that opened it."""

    def __init__(self, store: ClipStore, path: Path) -> None:
        """Raises InputError if the file is missing or incomplete."""
        self.store, self._file = store, open_file(path, KIND, VERSION)
        rows = committed(self._file)
        if rows["end"] < len(store):
            raise InputError(f"{path}: holds {rows['end']} of {len(store)} clips; make the rest")
        pairs = self._file["pair"][: rows["pair"]].tolist()
        self._rows = {(to, source): row for row, (to, source) in enumerate(pairs)}

    def read(self, clip: int, to: int, source: int) -> MovedFrame | None:
        """Frame `source` of a clip as it would be seen at frame `to`; None where nobody knows, or it is too far."""
        first = self.store.first(clip)
        row = self._rows.get((first + to, first + source))
        if row is None:
            return None
        return MovedFrame(self._file["latents"][row], self._file["seen"][row].astype(np.float32) / 255)


class PairFlows:
    """Flow between frames of a store's clips, made as it is asked for: for frames that are there in training alone."""

    def __init__(self, store: ClipStore) -> None:
        self.store = store
        self._labels = lru_cache(maxsize=2)(self._read)
        self._drawn = lru_cache(maxsize=32)(self._draw)

    def flow(self, clip: int, to: int, source: int) -> Flow | None:
        """From each pixel of frame `to` of a clip to its place in frame `source`; None where nobody knows, or it is too far."""
        if not _moves(self._labels(clip), to, source):
            return None
        return flow(*self._drawn(clip, to), *self._drawn(clip, source))

    def _read(self, clip: int) -> ClipLabels:
        return self.store.labels(clip)

    def _draw(self, clip: int, frame: int) -> tuple[SceneAt, LayoutMaps]:
        scene = SceneAt.labelled(self._labels(clip), frame)
        return scene, layout_maps(scene, self.store.height, self.store.width)


def cache_moved(
    store: ClipStore,
    latents: FrameLatents,
    move: Move,
    key: str,
    uses: Collection[MovedUse],
    progress: Callable[[str], None] | None = None,
) -> MovedCache:
    """Makes the moved frames of every clip that has none yet; resumable, and follows a growing store."""
    path = moved_path(store, key)
    if path.exists():
        with open_file(path, KIND, VERSION) as file:
            current = file.attrs["store"] == store.fingerprint()
            complete = current and committed(file)["end"] >= len(store)
        if complete:
            return MovedCache(store, path)
        if not current:
            path.unlink()
    if not path.exists():
        shape = latents.shape

        def lay_out(file: h5py.File) -> None:
            add_table(file, "pair", (2,), np.int64)
            add_table(file, "end", (), np.int64)
            add_table(file, "latents", shape, np.float16, chunk=1)
            add_table(file, "seen", shape[1:], np.uint8, chunk=1)
            file.attrs["store"] = store.fingerprint()

        create_file(path, KIND, VERSION, lay_out)
    with Tables(path, KIND, VERSION) as tables:
        first = tables.length("end")
        line = ProgressLine(f"{path.name}: clip", first, len(store), progress)
        for clip in range(first, len(store)):
            for pairs, flows in _flows(store, clip, uses):
                moved, seen = move(latents.read(clip)[[source for _, source in pairs]], flows)
                tables.append("pair", np.array(pairs) + store.first(clip))
                tables.append("latents", moved.astype(np.float16))
                tables.append("seen", np.rint(seen * 255).astype(np.uint8))
            tables.append("end", np.array([tables.length("pair")]))
            tables.commit()
            line(clip + 1)
    return MovedCache(store, path)


def _flows(
    store: ClipStore, clip: int, uses: Collection[MovedUse], batch: int = 16
) -> Iterator[tuple[list[tuple[int, int]], list[Flow]]]:
    """The pairs of a clip that are used and known, and the flow of each, some at a time."""
    labels = store.labels(clip)
    pairs = [pair for pair in clip_pairs(store, clip, uses) if _moves(labels, *pair)]
    scenes = {frame: SceneAt.labelled(labels, frame) for frame in {frame for pair in pairs for frame in pair}}
    maps = {frame: layout_maps(scene, store.height, store.width) for frame, scene in scenes.items()}
    for start in range(0, len(pairs), batch):
        part = pairs[start : start + batch]
        yield part, [flow(scenes[to], maps[to], scenes[source], maps[source]) for to, source in part]


def clip_pairs(store: ClipStore, clip: int, uses: Collection[MovedUse]) -> list[tuple[int, int]]:
    """All pairs (to, from) of a clip's frames in any window of any use, sorted by where they are from."""
    found = set()
    for use in uses:
        step = round(store.fps(clip) / use.fps)
        if step < 1 or abs(store.fps(clip) - step * use.fps) > 1e-6 * use.fps:
            continue
        for start in range(store.frames(clip) - (use.length - 1) * step):
            found |= {(start + to * step, start + source * step) for to, source in use.pairs}
    return sorted(found, key=lambda pair: pair[::-1])


def _moves(labels: ClipLabels, to: int, source: int) -> bool:
    """Whether the layout of both frames is known, and the way between them is short enough."""
    along = labels.ego.along
    return is_known(labels, to) and is_known(labels, source) and abs(float(along[to] - along[source])) <= REACH
