"""What the machine failed at is told in one sentence; everything else is not called a failure of the machine."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest
import safetensors.torch
import torch
from safetensors import SafetensorError

from drivesim.config import InputError, MachineError
from drivesim.failures import explain


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (OSError(errno.ENOSPC, "x", "a.mp4"), "a.mp4: no space is left on the disk"),
        (OSError(errno.EDQUOT, "x", "a.mp4"), "a.mp4: the disk quota is used up"),
        (OSError(errno.EROFS, "x"), "the output: the disk can only be read"),
        (OSError(errno.EIO, "x", "a"), "input/output error"),
        (OSError(errno.ENOTCONN, "x", "a"), "not connected any more"),
        (OSError(errno.ESTALE, "x", "a"), "not connected any more"),
        (OSError(errno.EMFILE, "x", "a"), "too many open files"),
        (FileNotFoundError(errno.ENOENT, "x", "a"), "a: is gone while it was in use"),
        (SafetensorError("Error while serializing: I/O error: No space left on device (os error 28)"), "no space is left"),
        (MemoryError(), "not enough memory"),
        (torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB"), "not enough GPU memory"),
        (RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"), "not enough GPU memory"),
        (MachineError("the machine is on fire"), "the machine is on fire"),
    ],
)
def test_failures_of_the_machine(error: Exception, words: str) -> None:
    failure = explain(error)
    assert failure is not None and words in str(failure) and "\n" not in str(failure)


@pytest.mark.parametrize("error", [ValueError("x"), KeyError("memory"), RuntimeError("shape"), InputError("a: wrong"),
                                   BrokenPipeError(errno.EPIPE, "x"), KeyboardInterrupt()])  # fmt: skip
def test_other_errors_are_none(error: BaseException) -> None:
    assert explain(error) is None


def test_errors_as_libraries_raise_them(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError) as raised:
        torch.empty(2**60)
    assert "not enough memory" in str(explain(raised.value))
    with pytest.raises(SafetensorError) as refused:
        safetensors.torch.save_file({"a": torch.zeros(1)}, tmp_path / "nowhere" / "x")
    assert "is gone" in str(explain(refused.value))
