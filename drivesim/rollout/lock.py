"""One process at a time in an output folder, and a folder that goes away under a rollout is noticed."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import Self

from drivesim.config import InputError, MachineError

LOCK = ".lock"


class FolderLock:
    """The lock of a folder: a file that names the process which holds it. A killed process holds it no more."""

    def __init__(self, folder: Path, handle: int) -> None:
        self.folder = folder
        self._handle = handle

    @classmethod
    @contextmanager
    def hold(cls, folder: Path) -> Iterator[Self]:
        """Holds the lock of a folder that exists; InputError naming the process that holds it, if another one does."""
        path = folder / LOCK
        while True:
            try:
                handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
            except PermissionError as error:
                raise InputError(f"{folder}: cannot be written ({error.strerror}); give another folder with --out") from error
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                lock = cls(folder, handle)
                if lock._is_there():  # not if the last holder removed it after it was opened here
                    break
            except OSError as error:
                holder = os.read(handle, 4096)
                os.close(handle)
                if error.errno not in (errno.EAGAIN, errno.EACCES):
                    raise InputError(f"{path}: files cannot be locked on this disk; give a folder on another with --out") from error
                raise InputError(f"{folder}: {_name(holder)} is working there; wait for it or give another --out") from error
            os.close(handle)
        try:
            me = {"pid": os.getpid(), "host": socket.gethostname(), "started": f"{datetime.now():%Y-%m-%d %H:%M:%S}"}
            os.truncate(handle, 0)
            os.write(handle, json.dumps(me).encode())
            yield lock
        finally:
            with suppress(OSError):
                if lock._is_there():
                    path.unlink()
            os.close(handle)

    @staticmethod
    def holder(folder: Path) -> str | None:
        """The process that holds the lock of a folder, in words; None if nobody does. Writes nothing."""
        try:
            handle = os.open(folder / LOCK, os.O_RDONLY)
        except FileNotFoundError:
            return None
        try:
            fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except OSError:
            return _name(os.read(handle, 4096))
        finally:
            os.close(handle)
        return None

    def check(self) -> None:
        """MachineError if the folder is no more where it was: nothing may be written then, it would go astray."""
        if not self._is_there():
            raise MachineError(
                f"{self.folder}: is gone while a rollout works there (moved, deleted or unmounted); "
                "bring it back, then give the same command again: what is finished is kept"
            )

    def _is_there(self) -> bool:
        held = os.fstat(self._handle)
        try:
            found = (self.folder / LOCK).stat()
        except OSError:
            return False
        return (found.st_dev, found.st_ino) == (held.st_dev, held.st_ino)


def _name(holder: bytes) -> str:
    """The process that wrote `holder` into its lock, in words."""
    try:
        values = json.loads(holder)
        return f"another rollout (process {values['pid']} on {values['host']}, since {values['started']})"
    except (ValueError, KeyError, TypeError):
        return "another rollout"
