"""The labels in a rollout.h5, frame after frame, so that memory does not grow with the length of the film."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import h5py
import numpy as np

from drivesim.config import InputError
from drivesim.rollout.labels.file import KIND, OLDER, VERSION
from drivesim.rollout.labels.rows import BOX_ROW, rows_of_earlier_versions
from drivesim.tables import committed, open_file

_BLOCK = 512  # rows read together


class LabelTables:
    """The tables of a rollout.h5 that say what its frames show. Use as a context manager."""

    def __init__(self, path: Path) -> None:
        """InputError if the file is missing, damaged, or of version 1, which had neither ego nor camera."""
        self.path = path
        self._file = open_file(path, KIND, VERSION, older=OLDER)
        if self._file.attrs["version"] == 1:
            self._file.close()
            raise InputError(f"{path}: an earlier version made it, without ego and camera; make the rollout anew to export it")
        self._lengths = committed(self._file)

    @property
    def frames(self) -> int:
        """How many frames are labelled."""
        return self._lengths["time_s"]

    def camera(self) -> np.void:
        """The camera, a row of CAMERA_ROW, which is the same for the whole film; InputError if it is not."""
        first = None
        for block in self._blocks("camera"):
            first = block[0] if first is None else first
            names = [name for name in block.dtype.names or () if name not in ("frame", "time_s")]
            if any((block[name] != first[name]).any() for name in names):
                raise InputError(f"{self.path}: the camera moves within the ego, which exports cannot say")
        if first is None:
            raise InputError(f"{self.path}: holds no frame; make the rollout anew")
        return first

    def ego(self) -> Iterator[np.void]:
        """A row of EGO_ROW for every frame."""
        for block in self._blocks("ego"):
            yield from block

    def boxes(self) -> Iterator[np.ndarray]:
        """The rows of BOX_ROW [n] of every frame, none for frames without."""
        blocks = map(rows_of_earlier_versions, self._blocks("boxes"))
        rows = next(blocks, None)
        for frame in range(self.frames):
            parts = []
            while rows is not None and len(rows):
                end = int(np.searchsorted(rows["frame"], frame, side="right"))
                parts.append(rows[:end])
                rows = rows[end:]
                if len(rows):
                    break
                rows = next(blocks, None)
            yield np.concatenate(parts) if parts else np.zeros(0, BOX_ROW)

    @property
    def judged(self) -> bool:
        """Whether anybody looked if the film shows what is labelled."""
        return any(rows_of_earlier_versions(block)["trust"].any() for block in self._blocks("boxes"))

    def _blocks(self, name: str) -> Iterator[np.ndarray]:
        table: h5py.Dataset = self._file[name]
        try:
            for start in range(0, self._lengths[name], _BLOCK):
                yield table[start : min(start + _BLOCK, self._lengths[name])]
        except OSError as error:
            raise InputError(f"{self.path}: damaged ({error}); drivesim doctor says what is whole") from error

    def __enter__(self) -> LabelTables:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()
