"""A folder that takes its name when all in it is written: what is half-written never looks finished, and nothing is overwritten."""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from drivesim.config import InputError

_MARK = ".being-exported"


@contextmanager
def new_folder(path: Path) -> Iterator[Path]:
    """A scratch folder, PATH.part, which becomes `path` if the body ends without an error, and is removed if not.

    InputError if there is something at `path` already, if it cannot be written, or if another process is at it. What a killed
    process has left is removed.
    """
    _check_free(path)
    scratch = path.with_name(f"{path.name}.part")
    handle = _begin(scratch, path)
    try:
        yield scratch
        (scratch / _MARK).unlink()
        os.sync()  # what has its name is whole after a power cut, too
        scratch.replace(path)
    except BaseException:
        shutil.rmtree(scratch, ignore_errors=True)
        raise
    finally:
        os.close(handle)


def _check_free(path: Path) -> None:
    if not path.name or path.is_mount():
        raise InputError(f"{path}: give the name of a new folder with --out")
    if path.exists() and not path.is_dir():
        raise InputError(f"{path}: is a file; give the name of a new folder with --out")
    if path.is_dir() and any(path.iterdir()):
        raise InputError(f"{path}: is not empty, and nothing is overwritten; remove it or give another --out")


def _begin(scratch: Path, path: Path) -> int:
    """Makes the scratch folder and locks its mark: the open file."""
    try:
        if scratch.exists():
            _remove_remnant(scratch)
        scratch.mkdir(parents=True)
        handle = os.open(scratch / _MARK, os.O_RDWR | os.O_CREAT, 0o666)
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EIO):
            raise
        raise InputError(f"{path}: cannot be written ({error.strerror}); give another folder with --out") from error
    fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    return handle


def _remove_remnant(scratch: Path) -> None:
    """Removes what a killed process has left; InputError if that is something else, or a process is still at it."""
    if not (scratch / _MARK).is_file():
        raise InputError(f"{scratch}: stands where the export would be written first; remove it or give another --out")
    handle = os.open(scratch / _MARK, os.O_RDWR)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise InputError(f"{scratch}: another process is writing it; wait for it or give another --out") from error
    finally:
        os.close(handle)
    shutil.rmtree(scratch)
