"""Layout planes of every frame of a store, made once of its labels and kept beside it: training reads these.

planes  uint8 [F p h w]  see layout.planes, one compressed chunk a frame      known  uint8 [F]  whether the labels tell of them
"""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path

import h5py
import numpy as np

from drivesim.config import InputError
from drivesim.dataset.clips import ClipStore
from drivesim.dataset.progress_line import ProgressLine
from drivesim.dataset.workers import in_order
from drivesim.layout.planes import PLANES_VERSION, Plane, layout_planes
from drivesim.layout.scene_at import SceneAt
from drivesim.scene.clip import ClipLabels
from drivesim.tables import Tables, add_table, committed, create_file, open_file

KIND, VERSION = "drivesim layouts", PLANES_VERSION


def layouts_path(store: ClipStore) -> Path:
    """Where the layouts of a store lie: beside it."""
    return store.path.with_name(f"{store.path.stem}.layouts-{VERSION}.h5")


class LayoutCache:
    """All layouts of a store; frames are counted as in the store. Safe after fork: every process opens the file for itself."""

    def __init__(self, store: ClipStore) -> None:
        """Raises InputError if the file is missing, incomplete, or made of another store."""
        self.store, self.path = store, layouts_path(store)
        self._process = 0
        self._opened: h5py.File | None = None
        file = self._file()
        self._known: np.ndarray = file["known"][: committed(file)["known"]] > 0
        if file.attrs["store"] != store.fingerprint():
            raise InputError(f"{self.path}: made of another store; delete it to have it made anew")
        if len(self._known) < store.total_frames:
            raise InputError(f"{self.path}: holds {len(self._known)} of {store.total_frames} frames; make the rest")

    def read(self, i: int, start: int = 0, stop: int | None = None, step: int = 1) -> list[np.ndarray | None]:
        """Planes uint8 [p h w] of frames of clip i, those that `ClipStore.pictures` gives for the same window.

        None where the labels do not tell of them.
        """
        first, last = self.store.span(i, start, stop)
        planes = self._file()["planes"]
        return [planes[frame] if self._known[frame] else None for frame in range(first, last, step)]

    def _file(self) -> h5py.File:
        if self._opened is None or self._process != os.getpid():
            self._opened, self._process = open_file(self.path, KIND, VERSION), os.getpid()
        return self._opened


def cache_layouts(
    store: ClipStore, workers: int | None = None, progress: Callable[[str], None] | None = None
) -> LayoutCache:
    """Makes the layouts of every clip that has none yet; resumable, and follows a growing store.

    `workers` processes (None: one a core; 0: in this process). Layouts that another store left there are replaced. A cache
    that is complete is only read, so that several processes can ask for it at once. Raises InputError if something else is
    there, or if it is being written.
    """
    path = layouts_path(store)
    if path.exists():
        with open_file(path, KIND, VERSION) as file:
            current = file.attrs["store"] == store.fingerprint()
            complete = current and committed(file)["known"] >= store.total_frames
        if complete:
            return LayoutCache(store)
        if not current:
            path.unlink()
    if not path.exists():

        def lay_out(file: h5py.File) -> None:
            add_table(file, "planes", (len(Plane), store.height, store.width), np.uint8, chunk=1, compression="lzf")
            add_table(file, "known", (), np.uint8)
            file.attrs["store"] = store.fingerprint()

        create_file(path, KIND, VERSION, lay_out)
    with Tables(path, KIND, VERSION) as tables:
        first = int(np.searchsorted(store.ends, tables.length("known"), side="right"))  # clips are written whole
        line = ProgressLine(f"{path.name}: clip", first, len(store), progress)
        work = partial(_clip_planes, (store.height, store.width))
        with closing(in_order(work, map(store.labels, range(first, len(store))), workers)) as made:
            for clip, frames in enumerate(made, first):
                for planes in frames:
                    nothing = np.zeros(tables["planes"].shape[1:], np.uint8)
                    tables.append("planes", (nothing if planes is None else planes)[None])
                tables.append("known", np.array([planes is not None for planes in frames], np.uint8))
                tables.commit()
                line(clip + 1)
    return LayoutCache(store)


def _clip_planes(size: tuple[int, int], labels: ClipLabels) -> list[np.ndarray | None]:
    """The planes of each frame of a clip, None where its labels do not tell of them."""
    return [
        layout_planes(SceneAt.labelled(labels, frame), *size) if is_known(labels, frame) else None
        for frame in range(len(labels))
    ]


def is_known(labels: ClipLabels, frame: int) -> bool:
    """Whether the labels tell what stands and moves in a frame."""
    boxes = labels.boxes[frame]
    whole = None not in (labels.pose, labels.roadside, labels.road, labels.camera)
    return whole and boxes is not None and bool(np.isfinite(boxes.cuboid).all() and np.isfinite(labels.ego.along[frame]))
