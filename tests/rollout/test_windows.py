"""Rollouts that end before their time go on after the last window that is whole, and end with the same bits."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from outcome import results
from rollouts import Crash, crash_at, with_
from tiny_cascade import SCENARIO, SECONDS, SETTINGS

from drivesim.config import MachineError
from drivesim.engine.progress import Progress
from drivesim.rollout.future_folder import FutureFolder
from drivesim.rollout.request import Request
from drivesim.rollout.run import roll_out


@pytest.mark.parametrize(("stage", "unit"), [("predict", 1), ("predict", 3), ("interpolate", 4), ("upsample", 7),
                                             ("write", 1), ("write", 5)])  # fmt: skip
def test_resuming_after_a_crash_gives_the_same_bits(request_: Request, long: Path, tmp_path: Path, stage: str, unit: int) -> None:
    asked = with_(request_, seconds=6.0, futures=1)
    with pytest.raises(Crash):
        roll_out(asked, tmp_path / "cut", on_change=crash_at(stage, unit))
    manifest, work = roll_out(asked, tmp_path / "cut")
    assert results(tmp_path / "cut") == results(long)
    assert manifest.complete == [0] and work.remaining() == 0


@pytest.fixture(scope="module")
def three_windows(checkpoints: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Request, Path]:
    """A rollout, and a folder with `whole` and with `cut`, of which only the joining is missing."""
    ((folder := tmp_path_factory.mktemp("windows")) / "tiny.yaml").write_text(SCENARIO)
    asked = Request(
        folder / "tiny.yaml", 10.0, 1.875, futures=1, device="cpu", settings=SETTINGS, checkpoints=checkpoints
    )
    roll_out(asked, folder / "whole")
    with pytest.MonkeyPatch.context() as patch, pytest.raises(Crash):
        patch.setattr(FutureFolder, "finish", lambda *_: (_ for _ in ()).throw(Crash))
        roll_out(asked, folder / "cut")
    return asked, folder


@pytest.mark.parametrize(
    ("name", "kept"),
    [("0002.carry.safetensors", 2), ("0002.mp4", 2), ("0002.safetensors", 2), ("0002.sha256", 2), ("0001.sha256", 0),
     ("0001.mp4", 0), ("0000.safetensors", 0)],
)  # fmt: skip
@pytest.mark.parametrize("how", ["lost", "one byte", "cut"])
def test_damaged_windows_are_made_again(
    three_windows: tuple[Request, Path], tmp_path: Path, name: str, kept: int, how: str
) -> None:
    """From the last window on up to which all is whole, and of which it is still known where it goes on."""
    asked, folder = three_windows
    shutil.copytree(folder / "cut", out := tmp_path / "out")
    data = bytearray((file := out / "future-00" / ".state" / name).read_bytes())
    file.unlink()
    if how == "one byte":
        data[len(data) // 2] ^= 4
    if how != "lost":
        file.write_bytes(data[:50] if how == "cut" else data)
    told: list[str] = []
    _, work = roll_out(asked, out, say=told.append)
    assert work.units["predict"] == (3 - kept) * SETTINGS.prediction.steps
    assert results(out) == results(folder / "whole")
    if (name, how) != ("0002.sha256", "lost"):  # which looks as if the window had never been finished
        assert any(f"after {kept} whole window" in line for line in told)


def test_a_window_that_is_damaged_while_others_are_made_is_noticed(
    request_: Request, long: Path, tmp_path: Path
) -> None:
    asked = with_(request_, seconds=6.0, futures=1)

    def damage(progress: Progress) -> None:
        if progress.units["predict"] == 3:
            (tmp_path / "out" / "future-00" / ".state" / "0000.mp4").write_bytes(b"")

    with pytest.raises(MachineError, match=r"0000\.mp4 is not what was written.*same command again"):
        roll_out(asked, tmp_path / "out", on_change=damage)
    roll_out(asked, tmp_path / "out")
    assert results(tmp_path / "out") == results(long)


class Killed(BaseException):
    """The process ends there and then."""


@pytest.mark.parametrize("seconds", [SECONDS, 6.0])
def test_killed_between_the_carry_and_the_manifest(
    request_: Request, one: Path, long: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seconds: float
) -> None:
    asked, whole = with_(request_, seconds=seconds, futures=1), one if seconds == SECONDS else long

    def killed(*_: object) -> None:
        raise Killed

    for _ in range(2):  # at the end of every window
        with monkeypatch.context() as patch, pytest.raises(Killed):
            patch.setattr(FutureFolder, "_note", lambda self, record, note=FutureFolder._note:
                          killed() if record.windows else note(self, record))  # fmt: skip
            roll_out(asked, tmp_path / "cut")
    manifest, _ = roll_out(asked, tmp_path / "cut")
    assert results(tmp_path / "cut") == results(whole)
    made, expected = manifest.futures["future-00"], json.loads((whole / "manifest.json").read_text())["futures"]["future-00"]
    assert (made.state, made.windows, made.frames) == ("complete", expected["windows"], expected["frames"])


def test_killed_before_the_state_is_removed(request_: Request, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def killed(*_: object, **__: object) -> None:
        raise Killed

    asked = with_(request_, futures=1)
    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr(shutil, "rmtree", killed)
        roll_out(asked, out := tmp_path / "out")
    assert (out / "future-00" / ".state").is_dir()
    _, work = roll_out(asked, out)
    assert not (out / "future-00" / ".state").exists() and not work.units["predict"]
