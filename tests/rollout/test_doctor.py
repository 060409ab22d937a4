"""The doctor finds every changed byte, and makes again what can be computed."""

from __future__ import annotations

import random
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from films import write_video
from outcome import results
from tiny_cascade import SCENARIO, SECONDS, SETTINGS, write_cascade

from drivesim.checkpoint import Checkpoint, sign_checkpoint, write_checkpoint
from drivesim.checksums import file_hash, read_sums, write_sums
from drivesim.config import InputError
from drivesim.engine.timeline import Timeline
from drivesim.rollout.doctor.examination import data_fault, examine
from drivesim.rollout.doctor.treatment import repair
from drivesim.rollout.future_folder import FutureFolder
from drivesim.rollout.labels.file import Rollout
from drivesim.rollout.labels.rows import box_rows
from drivesim.rollout.lock import FolderLock
from drivesim.rollout.request import Request
from drivesim.rollout.run import roll_out
from drivesim.scene.boxes import Boxes


@pytest.fixture(scope="session")
def request_(tmp_path_factory: pytest.TempPathFactory, checkpoints: Path) -> Request:
    (path := tmp_path_factory.mktemp("scenario") / "tiny.yaml").write_text(SCENARIO)
    return Request(path, SECONDS, futures=2, device="cpu", settings=SETTINGS, checkpoints=checkpoints)


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory, request_: Request) -> Path:
    roll_out(request_, out := tmp_path_factory.mktemp("made") / "out")
    return out


@pytest.fixture
def out(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made, tmp_path / "out"))


def change_a_byte(folder: Path, rng: random.Random) -> Path:
    """Changes one byte of a folder, any byte as likely as any other of its file, any file as likely as any other."""
    file = rng.choice(sorted(path for path in folder.rglob("*") if path.is_file()))
    data = bytearray(file.read_bytes())
    data[rng.randrange(len(data))] ^= rng.randrange(1, 256)
    file.write_bytes(data)
    return file


def test_a_whole_rollout_is_whole(made: Path) -> None:
    report = examine(made)
    assert report.healthy and not report.faults
    assert len(report.whole) == 2
    for i, line in enumerate(report.whole):
        assert re.fullmatch(rf"future-0{i}: 9 frames, 3 key frames, \d\d+ boxes", line)


def test_every_changed_byte_of_a_rollout_is_found(made: Path, tmp_path: Path) -> None:
    rng = random.Random(0)
    hit = set()
    for i in range(50):
        file = change_a_byte(out := Path(shutil.copytree(made, tmp_path / f"{i}")), rng)
        faults = examine(out).faults
        assert faults, f"{file} changed, and nothing found"
        hit.add(file.name)
        named = {str(file.relative_to(out))} if file.name not in ("SHA256SUMS", "manifest.json") else set(faults)
        assert named <= faults.keys()
        shutil.rmtree(out)
    assert hit == {"SHA256SUMS", "manifest.json", "scenario.yaml", "initial.png", "preview.png", "video.mp4", "rollout.h5"}


def test_every_changed_byte_of_checkpoints_is_found(checkpoints: Path, tmp_path: Path) -> None:
    assert examine(checkpoints).whole[-1] == "the four stages belong together"
    rng = random.Random(0)
    hit = set()
    for i in range(50):
        file = change_a_byte(folder := Path(shutil.copytree(checkpoints, tmp_path / f"{i}")), rng)
        one = examine(file.parent)
        assert one.faults, f"{file} changed, and nothing found"
        assert {f"{file.parent.name}/{name}" for name in one.faults} <= examine(folder).faults.keys()
        hit.add(file.name)
        shutil.rmtree(folder)
    assert hit == {"SHA256SUMS", "config.json", "train.yaml", "weights.safetensors"}


@pytest.mark.parametrize("name", ["future-01/video.mp4", "future-00/rollout.h5", "initial.png", "preview.png",
                                  "scenario.yaml", "SHA256SUMS"])  # fmt: skip
@pytest.mark.parametrize("how", ["changed", "missing"])
def test_repair_computes_what_is_damaged(out: Path, made: Path, request_: Request, name: str, how: str) -> None:
    if how == "changed":
        data = bytearray((out / name).read_bytes())
        data[len(data) // 2] ^= 255
        (out / name).write_bytes(data)
    else:
        (out / name).unlink()
    untouched = {path: path.stat().st_mtime_ns for path in out.glob("future-*/*") if name not in str(path)}
    if "future" in name:
        untouched = {path: time for path, time in untouched.items() if path.parent.name != name.split("/")[0]}
    before = examine(out)
    assert not before.healthy
    if (name, how) != ("SHA256SUMS", "missing"):  # as after a kill in the last moment: the same command writes it
        assert repair(before, request_.checkpoints).healthy
        assert results(out) == results(made)
        assert all(path.stat().st_mtime_ns == time for path, time in untouched.items())


def test_what_cannot_be_computed_is_refused(out: Path, request_: Request, tmp_path: Path) -> None:
    data = (out / "manifest.json").read_text()
    (out / "manifest.json").write_text(data.replace('"windows": 1', '"windows": 2', 1))
    report = examine(out)
    assert report.faults.keys() == {"manifest.json"}
    with pytest.raises(InputError, match=r"manifest\.json: does not match SHA256SUMS.*cannot be computed"):
        repair(report, request_.checkpoints)
    (out / "manifest.json").write_text(data)
    (out / "initial.png").unlink()
    with pytest.raises(InputError, match=r"weights\.[\w-]+/weights\.safetensors was"):
        repair(examine(out), write_cascade(tmp_path / "others", seed=3))


def test_an_unfinished_rollout(request_: Request, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = Request(**{**vars(request_), "seconds": 6.0, "futures": 1})
    with monkeypatch.context() as patch, pytest.raises(RuntimeError):
        patch.setattr(FutureFolder, "finish", lambda *_: (_ for _ in ()).throw(RuntimeError("the end")))
        roll_out(asked, out := tmp_path / "out")
    report = examine(out)
    assert not report.healthy and not report.faults
    assert "SHA256SUMS is not written yet: the last run did not come to its end (the end)" in report.unfinished
    assert "future-00: 2 of 2 windows are whole, the same command goes on" in report.unfinished
    film = out / "future-00" / ".state" / "0001.mp4"
    film.write_bytes(film.read_bytes()[:-1])
    assert re.search(r"1 of 2 windows.*0001\.mp4 is not what was written.*made again", examine(out).unfinished[-1])
    roll_out(asked, out)
    assert examine(out).healthy


def test_contents_are_checked_behind_right_sums(out: Path) -> None:
    """A film that was exchanged, sums and all."""
    film = "future-00/video.mp4"
    write_video(out / film, np.zeros((8, 64, 128, 3), np.uint8), 7.5)
    digest = file_hash(out / film)
    manifest = (out / "manifest.json").read_text()
    sums = read_sums(out / "SHA256SUMS")
    (out / "manifest.json").write_text(manifest.replace(sums[film], digest))
    write_sums(out / "SHA256SUMS", sums | {film: digest, "manifest.json": file_hash(out / "manifest.json")})
    assert examine(out).faults == {film: "has 8 frames, not 9"}


def rollout(**changes: object) -> Rollout:
    boxes = Boxes(
        np.array([1]), np.array([0]), np.array([[0.1, 0.2, 0.3, 0.4]], np.float32), np.zeros(1, np.float32),
        np.ones(1, np.float32), np.zeros((1, 7), np.float32),
    )  # fmt: skip
    values = {"time_s": np.arange(9) / 7.5, "latents": np.zeros((3, 8, 2, 4), np.float32),
              "keyframe_time_s": np.arange(3) / 1.875, "boxes": box_rows(0, boxes, "asked")}  # fmt: skip
    return Rollout(**(values | changes))  # type: ignore[arg-type]


def test_data_is_checked() -> None:
    timeline = Timeline(9, 1)
    assert data_fault(rollout(), timeline) is None
    assert "time_s" in str(data_fault(rollout(time_s=np.arange(9) / 30), timeline))
    assert "keyframes/time_s" in str(data_fault(rollout(keyframe_time_s=np.arange(2) / 1.875), timeline))
    assert "finite" in str(data_fault(rollout(latents=np.full((3, 8, 2, 4), np.nan)), timeline))
    wrong = [("x2", 1025, "inside the frame"), ("x1", 500, "inside the frame"), ("y1", -1, "inside the frame"),
             ("y2", np.nan, "inside the frame"), ("frame", 9, "not there"), ("score", 1.5, "score")]  # fmt: skip
    for field, value, words in wrong:
        rows = rollout().boxes.copy()
        rows[field] = value
        assert words in str(data_fault(rollout(boxes=rows), timeline)), field


def test_checkpoints_without_sums_can_be_signed(checkpoints: Path, tmp_path: Path) -> None:
    shutil.copytree(checkpoints, folder := tmp_path / "weights")
    (folder / "video-ldm" / "SHA256SUMS").unlink()
    report = examine(folder)
    assert report.faults.keys() == {"video-ldm/SHA256SUMS"}
    assert repair(report).healthy
    (folder / "video-ldm" / "train.yaml").write_text("another: recipe")
    with pytest.raises(InputError, match=r"train\.yaml: is not what was written.*cannot be computed"):
        repair(examine(folder))


def test_weights_that_are_not_finite(tmp_path: Path) -> None:
    import torch

    checkpoint = Checkpoint(format=1, kind="toy", model={}, training={})
    write_checkpoint(tmp_path, checkpoint, {"a": torch.tensor([1.0, float("nan")])}, {})
    assert "not finite (a)" in examine(tmp_path).faults["weights.safetensors"]


def test_stages_that_do_not_belong_together(checkpoints: Path, tmp_path: Path) -> None:
    shutil.copytree(checkpoints, folder := tmp_path / "weights")
    config = folder / "video-ldm" / "config.json"
    config.write_text(config.read_text().replace('"base": null', f'"base": "{"0" * 64}"'))
    sign_checkpoint(folder / "video-ldm")
    assert "trained on top of image weights" in examine(folder).faults["."]


def test_other_folders_and_busy_ones_are_refused(tmp_path: Path, out: Path) -> None:
    with pytest.raises(InputError, match="no such folder"):
        examine(tmp_path / "nowhere")
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="neither the output of a rollout nor a checkpoint"):
        examine(tmp_path / "empty")
    with FolderLock.hold(out), pytest.raises(InputError, match="process .* is working there"):
        examine(out)
    assert examine(out).healthy
