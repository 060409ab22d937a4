"""What is on disk is what was meant: files that take their name only when they are safe, and sha256 sums beside them.

Sums are kept in the format of sha256sum, so that `sha256sum -c SHA256SUMS` checks a folder without drivesim.
"""

from __future__ import annotations

import errno
import hashlib
import os
import re
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path

from drivesim.config import InputError

SUMS = "SHA256SUMS"
_REMEDY = "drivesim doctor on this folder says what is whole"
_LINE = re.compile(r"([0-9a-f]{64})  ([\w.-]+(?:/[\w.-]+)*)")


def file_hash(path: Path) -> str:
    """sha256 of a file; OSError if it cannot be read."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def check_writable(path: Path) -> None:
    """InputError if no file of this name can be written, OSError where the disk fails; leaves nothing behind.

    To be called before the work whose result shall stand there.
    """
    if path.is_dir():
        raise InputError(f"{path}: is a folder; give the name of a file")
    try:
        with tempfile.TemporaryFile(dir=path.parent):
            pass
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EIO):
            raise
        raise unwritable(path, error) from error


def unwritable(path: Path, error: OSError) -> InputError:
    """What to say of a file that cannot be written."""
    return InputError(f"{path}: cannot be written ({error.strerror}); give a file in a folder that is there")


def make_folder(path: Path) -> None:
    """Makes an output folder, if it is not there; InputError if nothing can be written there, OSError where the disk fails."""
    if path.exists() and not path.is_dir():
        raise InputError(f"{path}: is a file; give a folder with --out")
    try:
        path.mkdir(parents=True, exist_ok=True)
        if not os.access(path, os.R_OK | os.W_OK | os.X_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EIO):
            raise
        raise InputError(f"{path}: cannot be written ({error.strerror}); give another folder with --out") from error


def settle(scratch: Path, path: Path) -> None:
    """Gives a finished file its name once its bytes, and then the name, are safe against a power cut; OSError if not."""
    _sync(scratch)
    scratch.replace(path)
    _sync(path.parent)


def write_safely(path: Path, data: bytes) -> str:
    """Writes a file, whole or not at all: its sha256."""
    scratch = path.with_name(path.name + ".part")
    try:
        scratch.write_bytes(data)
        settle(scratch, path)
    except OSError:
        scratch.unlink(missing_ok=True)
        raise
    return hashlib.sha256(data).hexdigest()


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write_sums(path: Path, sums: Mapping[str, str]) -> None:
    """Writes sha256 by file name (relative to the folder of `path`)."""
    write_safely(path, _text(sums).encode())


def _text(sums: Mapping[str, str]) -> str:
    return "".join(f"{digest}  {name}\n" for name, digest in sorted(sums.items()))


def read_sums(path: Path) -> dict[str, str]:
    """sha256 by file name; InputError if the file is missing or not exactly what `write_sums` writes."""
    try:
        text = path.read_bytes().decode("ascii")
    except FileNotFoundError as error:
        raise InputError(f"{path}: no such file") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: damaged, not a list of sha256 sums; {_REMEDY}") from error
    found = [_LINE.fullmatch(line) for line in text.splitlines()]
    sums = {match[2]: match[1] for match in found if match}
    if None in found or _text(sums) != text or any(set(name.split("/")) & {".", ".."} for name in sums):
        raise InputError(f"{path}: damaged, not a list of sha256 sums; {_REMEDY}")
    return sums


def faults(folder: Path, sums: Mapping[str, str], names: Iterable[str] | None = None) -> dict[str, str]:
    """What is wrong with the files (`names`: with these of them), by name: "is missing" or "is not what was written"."""
    wrong: dict[str, str] = {}
    for name in sums if names is None else names:
        try:
            if file_hash(folder / name) != sums[name]:
                wrong[name] = "is not what was written there (damaged or edited)"
        except (FileNotFoundError, NotADirectoryError):
            wrong[name] = "is missing"
        except OSError as error:
            wrong[name] = f"cannot be read ({error.strerror})"
    return wrong
