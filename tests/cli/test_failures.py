"""What goes wrong in a rollout ends in one sentence and an exit code, and what was finished stays whole."""

from __future__ import annotations

import errno
import json
import os
import resource
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import torch

from tiny_rollout import drivesim  # isort: skip  (finds the two below)
from outcome import results
from tiny_cascade import SCENARIO, SETTINGS, write_cascade

from drivesim import checksums
from drivesim.checkpoint import sign_checkpoint
from drivesim.checksums import SUMS
from drivesim.engine.settings import SamplingSettings
from drivesim.engine.stream import FinishedWindow
from drivesim.rollout.future_folder import FutureFolder
from drivesim.rollout.manifest import FutureRecord
from drivesim.rollout.request import Request
from drivesim.rollout.run import roll_out
from drivesim.video_io import write_image

LONG = ("--seconds", "6", "--fps", "1.875", "--futures", "1")  # two windows, key frames alone


@pytest.fixture(scope="module")
def checkpoints(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_cascade(tmp_path_factory.mktemp("checkpoints"))


@pytest.fixture(autouse=True)
def _tiny(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(SamplingSettings, "preset", classmethod(lambda cls, quality: SETTINGS))


@pytest.fixture
def scenario(tmp_path: Path) -> Path:
    (tmp_path / "tiny.yaml").write_text(SCENARIO)
    return tmp_path / "tiny.yaml"


@pytest.fixture
def roll(scenario: Path, checkpoints: Path) -> Callable[..., tuple[int, str]]:
    """`drivesim rollout` into a folder, with more options."""

    def run(out: Path, *more: str, weights: Path = checkpoints) -> tuple[int, str]:
        return drivesim("rollout", scenario, "--out", out, "--checkpoints", weights, "--device", "cpu", *more)

    return run


@pytest.fixture(scope="module")
def whole(checkpoints: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, object]:
    """What a rollout of two windows makes when nothing goes wrong."""
    (folder := tmp_path_factory.mktemp("whole") / "tiny.yaml").write_text(SCENARIO)
    request = Request(folder, 6.0, 1.875, futures=1, device="cpu", settings=SETTINGS, checkpoints=checkpoints)
    roll_out(request, folder.parent / "out")
    return results(folder.parent / "out")


@contextmanager
def after_the_first_window(monkeypatch: pytest.MonkeyPatch, happens: Callable[[], None]) -> Iterator[None]:
    """Within it something happens whenever the first window of a future is safe."""
    commit = FutureFolder.commit

    def committed(self: FutureFolder, window: FinishedWindow, record: FutureRecord) -> None:
        commit(self, window, record)
        if window.index == 0:
            happens()

    with monkeypatch.context() as patch:
        patch.setattr(FutureFolder, "commit", committed)
        yield


def one_line(text: str) -> str:
    """The last line, which tells what is wrong."""
    assert "Traceback" not in text
    return text.strip().splitlines()[-1]


def fill(disk: Path) -> None:
    """Leaves no byte free."""
    with (disk / "other").open("wb", buffering=0) as file:
        for size in (2**16, 2**12, 1):
            while True:
                try:
                    if not file.write(b"\0" * size):
                        break
                except OSError as error:
                    assert error.errno == errno.ENOSPC
                    break


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    (disk := tmp_path / "disk").mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=20m", "tmpfs", str(disk)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("a file system cannot be mounted here")
    yield disk
    subprocess.run(["umount", "-l", str(disk)], check=True)


def test_a_disk_of_20_mb_that_another_file_fills(
    roll: Callable[..., tuple[int, str]], small_disk: Path, whole: dict[str, object], monkeypatch: pytest.MonkeyPatch
) -> None:
    out = small_disk / "out"
    with after_the_first_window(monkeypatch, lambda: fill(small_disk)):
        code, text = roll(out, *LONG)
    assert code == 1 and "no space is left on the disk; free some, then give the same command again" in one_line(text)
    code, text = roll(out, *LONG)
    assert code == 2 and "are free; free some" in one_line(text)  # it is seen before the start
    code, text = roll(out, *LONG, "--ignore-free-space")
    assert code == 1 and "no space is left" in one_line(text)
    assert drivesim("doctor", out)[0] == 1
    (small_disk / "other").unlink()
    assert roll(out, *LONG)[0] == 0
    assert results(out) == whole
    assert drivesim("doctor", out)[0] == 0


@pytest.mark.parametrize("write", [0, 3, 7, 12, 20, 24])
def test_a_disk_that_is_full_at_any_write(
    roll: Callable[..., tuple[int, str]], tmp_path: Path, whole: dict[str, object], monkeypatch: pytest.MonkeyPatch, write: int
) -> None:
    """Where nothing can be mounted: syncing fails, at one of the times that it is done."""
    sync, count = checksums._sync, 0

    def full(path: Path) -> None:
        nonlocal count
        count += 1
        if count > write:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
        sync(path)

    with monkeypatch.context() as patch:
        patch.setattr(checksums, "_sync", full)
        code, text = roll(tmp_path / "out", *LONG)
    assert code == 1 and "no space is left on the disk" in one_line(text)
    told = json.loads((tmp_path / "out" / "progress.json").read_text()) if write > 3 else {"state": "failed"}
    assert told["state"] == "failed"
    assert roll(tmp_path / "out", *LONG)[0] == 0
    assert results(tmp_path / "out") == whole


def test_a_file_that_may_not_grow(roll: Callable[..., tuple[int, str]], tmp_path: Path, whole: dict[str, object]) -> None:
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (40_000, limits[1]))
        code, text = roll(tmp_path / "out", *LONG)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert code == 1 and "larger than this disk or `ulimit -f` allows" in one_line(text)
    assert roll(tmp_path / "out", *LONG)[0] == 0
    assert results(tmp_path / "out") == whole


def test_a_folder_that_goes_away(
    roll: Callable[..., tuple[int, str]], tmp_path: Path, whole: dict[str, object], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when a disk is unmounted: nothing is written to where it was."""
    out = tmp_path / "out"
    with after_the_first_window(monkeypatch, lambda: [out.rename(tmp_path / "away"), out.mkdir()]):  # type: ignore[arg-type, return-value]
        code, text = roll(out, *LONG)
    assert code == 1 and f"{out}: is gone while a rollout works there" in one_line(text)
    assert not list(out.iterdir())
    shutil.rmtree(out)
    (tmp_path / "away").rename(out)
    assert roll(out, *LONG)[0] == 0
    assert results(out) == whole


@pytest.mark.parametrize("place", ["/proc/drivesim", "/sys/drivesim", "FILE", "FILE/below"])
def test_folders_that_cannot_be_written(roll: Callable[..., tuple[int, str]], tmp_path: Path, place: str) -> None:
    (tmp_path / "file").write_text("mine")
    out = Path(place.replace("FILE", str(tmp_path / "file")))
    code, text = roll(out)
    assert code == 2 and str(out) in one_line(text) and "with --out" in one_line(text)


def test_a_folder_without_permission(
    roll: Callable[..., tuple[int, str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "access", lambda path, mode: Path(path) != tmp_path / "out")
    code, text = roll(tmp_path / "out")
    assert code == 2 and "out: cannot be written (Permission denied)" in one_line(text)


def _too_much() -> None:
    torch.empty(2**60)


def _cuda() -> None:
    raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB.")


def _python() -> None:
    raise MemoryError


@pytest.mark.parametrize(("fails", "words"), [(_too_much, "not enough memory"), (_cuda, "not enough GPU memory"),
                                              (_python, "not enough memory")])  # fmt: skip
def test_out_of_memory(
    roll: Callable[..., tuple[int, str]], tmp_path: Path, whole: dict[str, object], monkeypatch: pytest.MonkeyPatch,
    fails: Callable[[], None], words: str,
) -> None:  # fmt: skip
    with after_the_first_window(monkeypatch, fails):
        code, text = roll(tmp_path / "out", *LONG)
    assert code == 1 and words in one_line(text) and "same command again" in one_line(text)
    state = json.loads((tmp_path / "out" / "progress.json").read_text())
    assert state["state"] == "failed" and words in state["message"]
    assert roll(tmp_path / "out", *LONG)[0] == 0
    assert results(tmp_path / "out") == whole


def test_a_broken_pipe_is_no_traceback() -> None:
    program = f"{sys.executable} -m drivesim.cli.main validate --schema | head -c 1"
    done = subprocess.run(["bash", "-c", program], capture_output=True, text=True, cwd=Path(__file__).parents[2], check=False)
    assert done.stdout == "{" and "Traceback" not in done.stderr and "Exception" not in done.stderr


@pytest.mark.parametrize("change", ["missing", "no weights", "damaged", "cut", "another model", "another autoencoder", "no sums"])
def test_weights(roll: Callable[..., tuple[int, str]], checkpoints: Path, tmp_path: Path, change: str) -> None:
    shutil.copytree(checkpoints, weights := tmp_path / "weights")
    folder = weights / "image-ldm"
    file = folder / "weights.safetensors"
    if change == "missing":
        shutil.rmtree(folder)
        words = f"{folder}: no checkpoint there (config.json is missing)"
    elif change == "no weights":
        file.unlink()
        words = f"{folder}: no weights*.safetensors there"
    elif change == "damaged":
        data = bytearray(file.read_bytes())
        data[-100] ^= 1
        file.write_bytes(data)
        words = f"{file}: is not what was written there (damaged or edited); copy or export the checkpoint again"
    elif change == "cut":
        file.write_bytes(file.read_bytes()[:-100])
        sign_checkpoint(folder)
        words = f"{file}: damaged weights"
    elif change == "another model":
        shutil.rmtree(folder)
        shutil.copytree(weights / "super-resolution", folder)
        words = "this is a checkpoint of kind super-resolution, expected image-ldm"
    elif change == "another autoencoder":
        config = json.loads((folder / "config.json").read_text())
        (folder / "config.json").write_text(json.dumps(config | {"base": "0" * 64}))
        sign_checkpoint(folder)
        words = "give the autoencoder it belongs to"
    else:
        (folder / SUMS).unlink()
        words = f"{folder / SUMS}: is missing"
    code, text = roll(tmp_path / "out", weights=weights)
    assert code == 2 and words in one_line(text)


@pytest.mark.parametrize(
    ("content", "words"),
    [(None, "photo.png"), (b"", "image"), (b"\x89PNG\r\n\x1a\n" + b"\0" * 99, "image")],
)
def test_photos(
    roll: Callable[..., tuple[int, str]], scenario: Path, tmp_path: Path, content: bytes | None, words: str
) -> None:
    scenario.write_text(SCENARIO + "photo: photo.png\n")
    if content is not None:
        (tmp_path / "photo.png").write_bytes(content)
    code, text = roll(tmp_path / "out")
    assert code == 2 and "photo.png" in one_line(text) and words in one_line(text)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("name", ["video.mp4", "rollout.h5"])
def test_finished_files_that_are_damaged(roll: Callable[..., tuple[int, str]], tmp_path: Path, name: str) -> None:
    roll(out := tmp_path / "out", "--futures", "1")
    file = out / "future-00" / name
    file.write_bytes(file.read_bytes()[:-10])
    code, text = roll(out, "--futures", "1")
    assert code == 2 and f"{file}: is not what was written there" in one_line(text) and "--repair" in one_line(text)
    code, text = drivesim("doctor", out)
    assert code == 1 and f"DAMAGED     future-00/{name}" in text


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--seconds", "1e9"), "seconds: 1e+09 is no length of a video"),
        (("--seconds", "nan"), "seconds: nan"),
        (("--seconds", "inf"), "seconds: inf"),
        (("--seconds=-5",), "seconds: -5"),
        (("--fps", "nan"), "fps: nan"),
        (("--fps", "inf"), "fps: inf"),
        (("--fps", "1e300"), "fps: 1e+300"),
        (("--futures", "0"), "--futures 0"),
        (("--futures=-1",), "--futures -1"),
        (("--futures", str(10**30)), "ask for 1 to 1000"),
        (("--only", str(10**30)), "futures are numbered from 0 to 999"),
        (("--seed=-1",), "--seed: give a whole number"),
        (("--seed", str(10**4000)), "--seed: give a whole number"),
        (("--seconds", "86400", "--fps", "30", "--futures", "1000"), "are needed there and"),
    ],
)
def test_absurd_sizes(roll: Callable[..., tuple[int, str]], tmp_path: Path, options: tuple[str, ...], words: str) -> None:
    code, text = roll(tmp_path / "out", *options)
    assert code == 2 and words in one_line(text)
    assert not (tmp_path / "out").exists()


def test_the_prediction_of_disk_use_is_said(roll: Callable[..., tuple[int, str]], tmp_path: Path) -> None:
    code, text = roll(tmp_path / "out", "--futures", "1", "--seconds", "2")
    assert code == 0 and "of disk, " in text.splitlines()[0] and text.splitlines()[0].endswith("are free")


def test_an_empty_photo_frame_is_still_a_photo(scenario: Path, tmp_path: Path, checkpoints: Path) -> None:
    """A photo of another size is cut and scaled, black or not."""
    write_image(tmp_path / "photo.png", np.zeros((8, 16, 3), np.uint8))
    scenario.write_text(SCENARIO + "photo: photo.png\n")
    code, text = drivesim("compose", scenario, "--out", tmp_path / "frame.png", "--checkpoints", checkpoints, "--device", "cpu")
    assert code == 0, text
