"""What the machine failed at, in one sentence: no space, no memory, a disk that is gone (exit code 1)."""

from __future__ import annotations

import errno
import re

from drivesim.config import MachineError

_AGAIN = "then give the same command again: what is finished is kept"
_OS = {
    errno.ENOSPC: f"no space is left on the disk; free some, {_AGAIN}",
    errno.EDQUOT: f"the disk quota is used up; free some space, {_AGAIN}",
    errno.EFBIG: f"the file grows larger than this disk or `ulimit -f` allows; lift the limit, {_AGAIN}",
    errno.EROFS: f"the disk can only be read; make it writable, {_AGAIN}",
    errno.EACCES: f"may not be read or written; change its permissions, {_AGAIN}",
    errno.EPERM: f"may not be read or written; change its permissions, {_AGAIN}",
    errno.ENOENT: f"is gone while it was in use (moved, deleted or unmounted); bring it back, {_AGAIN}",
    errno.ENOTDIR: f"is gone while it was in use (moved, deleted or unmounted); bring it back, {_AGAIN}",
    errno.EIO: f"the disk fails (input/output error); mend or remount it, {_AGAIN}",
    errno.ENXIO: f"the disk is gone; bring it back, {_AGAIN}",
    errno.ENODEV: f"the disk is gone; bring it back, {_AGAIN}",
    errno.ENOTCONN: f"the disk is not connected any more; mount it again, {_AGAIN}",
    errno.ESTALE: f"the disk is not connected any more; mount it again, {_AGAIN}",
    errno.EMFILE: f"too many open files for this process; raise `ulimit -n`, {_AGAIN}",
    errno.ENFILE: f"too many open files on this machine; close some programs, {_AGAIN}",
}
_MEMORY = re.compile(r"not enough memory|can't allocate memory|out of memory|insufficient memory|ALLOC_FAILED", re.IGNORECASE)


def explain(error: BaseException) -> MachineError | None:
    """The failure of the machine that `error` tells of; None if it tells of none."""
    if isinstance(error, MachineError):
        return error
    text = str(error)
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError" or _MEMORY.search(text):
        where = "GPU memory" if "CUDA" in text or "CUBLAS" in text else "memory"
        return MachineError(f"not enough {where}; close other programs (or give --device cpu), {_AGAIN}")
    number = error.errno if isinstance(error, OSError) else _number_in(text)
    if number in _OS:
        name = getattr(error, "filename", None)
        return MachineError(f"{name or 'the output'}: {_OS[number]}")
    return None


def _number_in(text: str) -> int | None:
    """The number of the system's error that a library has put into its message."""
    found = re.search(r"os error (\d+)", text)
    return int(found[1]) if found else None
