"""HDF5 files of growing tables in which a crash loses only what was not yet committed.

Every dataset without a fixed length is a table. The dataset `committed` holds their lengths and is written last, after
the rows are flushed; whatever lies beyond is cut off when the file is opened again. Three choices make that hold: the
metadata cache evicts nothing, so the file changes its structure only in `commit`; small tables are not compressed, so a
growing chunk stays where it is; and the file keeps to the old HDF5 format, whose files have no "in use" mark that a
killed process would leave behind.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any, Self

import h5py
import numpy as np

from drivesim.config import InputError


def open_file(path: Path, kind: str, version: int, mode: str = "r", older: Collection[int] = ()) -> h5py.File:
    """An open file of this kind and version, or one of the `older` ones.

    InputError naming it if it is missing, truncated, busy or foreign.
    """
    if not path.is_file():
        raise InputError(f"{path}: no such file")
    try:
        if not path.stat().st_size:
            raise OSError("empty file")
        file = h5py.File(path, mode)
    except OSError as error:
        if isinstance(error, BlockingIOError) or "already open" in str(error):
            raise InputError(f"{path}: is in use, and being written; wait until that has ended") from error
        raise InputError(f"{path}: cannot be read as HDF5, it is truncated or no such file ({error})") from error
    found = (file.attrs.get("kind"), file.attrs.get("version"))
    if found[0] == kind and found[1] in (version, *older):
        return file
    file.close()
    if found[0] != kind:
        raise InputError(f"{path}: holds no {kind} (kind {found[0]!r}); give a file that drivesim wrote as {kind}")
    known = ", ".join(map(str, (*older, version)))
    raise InputError(f"{path}: {kind} of format version {found[1]}, this drivesim reads {known}; make it anew")


def create_file(path: Path, kind: str, version: int, lay_out: Callable[[h5py.File], None]) -> None:
    """Makes a file with what `lay_out` puts into it; it takes its name when it is complete."""
    if not path.parent.is_dir():
        raise InputError(f"{path}: cannot be written, its folder does not exist; create it first")
    scratch = path.with_name(path.name + ".part")
    with h5py.File(scratch, "w") as file:
        lay_out(file)
        file.attrs["kind"], file.attrs["version"] = kind, version
        lengths = file.create_dataset("committed", data=np.zeros(len(_tables(file)), np.int64))
        lengths.attrs["columns"] = _tables(file)
        lengths.attrs["description"] = "How many rows of each table count; what lies beyond was being written when a process died."
    scratch.replace(path)


def add_table(file: h5py.File, name: str, row: tuple[int, ...], dtype: Any, chunk: int = 1024, **filters: Any) -> None:
    """An empty table whose rows have the shape `row`, stored `chunk` rows together."""
    file.create_dataset(name, (0, *row), dtype, maxshape=(None, *row), chunks=(chunk, *row), **filters)


def _tables(file: h5py.File) -> list[str]:
    """Names of the tables, sorted."""
    names: list[str] = []

    def visit(name: str, item: h5py.Dataset | h5py.Group) -> None:
        if isinstance(item, h5py.Dataset) and item.maxshape[:1] == (None,):
            names.append(name)

    file.visititems(visit)
    return sorted(names)


def committed(file: h5py.File) -> dict[str, int]:
    """Rows of each table that count; what lies beyond was being written when a process died."""
    return dict(zip(_tables(file), file["committed"][:].tolist(), strict=True))


class Tables:
    """Appends rows to the tables of one file; what `commit` has seen survives a crash."""

    def __init__(self, path: Path, kind: str, version: int, older: Collection[int] = ()) -> None:
        """Opens the file and cuts off what was not committed; InputError as `open_file`."""
        self.file = open_file(path, kind, version, "r+", older)
        cache = self.file.id.get_mdc_config()
        cache.incr_mode = cache.flash_incr_mode = cache.decr_mode = 0
        cache.evictions_enabled = False
        self.file.id.set_mdc_config(cache)
        self._data = {name: self.file[name] for name in _tables(self.file)}
        self.rewind()

    def __getitem__(self, name: str) -> h5py.Dataset:
        return self._data[name]

    def length(self, name: str) -> int:
        """Rows of a table, committed or not."""
        return len(self._data[name])

    def append(self, name: str, rows: np.ndarray) -> None:
        """Appends rows, the first axis of `rows`."""
        data, start = self._data[name], len(self._data[name])
        if len(rows):
            data.resize(start + len(rows), axis=0)
            data[start:] = rows

    def commit(self) -> None:
        """Makes all rows appended so far permanent."""
        self.file.flush()
        self.file["committed"][...] = [len(data) for data in self._data.values()]
        self.file.flush()

    def rewind(self) -> None:
        """Drops the rows that were not committed."""
        for name, length in committed(self.file).items():
            if len(self._data[name]) != length:
                self._data[name].resize(length, axis=0)

    def close(self) -> None:
        """Drops what was not committed and closes the file."""
        if self.file:
            self.rewind()
            self.file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
