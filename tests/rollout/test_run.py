"""Whole rollouts of a tiny cascade: the output folder, resuming, and what is refused."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import socket
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from outcome import results
from tiny_cascade import SCENARIO, SETTINGS, write_cascade

from drivesim.checksums import file_hash
from drivesim.config import InputError, MachineError
from drivesim.engine.progress import Progress
from drivesim.engine.settings import SamplingSettings
from drivesim.rollout.folder import RolloutFolder
from drivesim.rollout.future_folder import FutureFolder
from drivesim.rollout.labels.file import read_rollout
from drivesim.rollout.labels.rows import SOURCES
from drivesim.rollout.manifest import is_rollout
from drivesim.rollout.request import Request
from drivesim.rollout.run import compose_frames, roll_out
from drivesim.video_io import read_image, read_video, write_image


@pytest.fixture
def request_(scenario: Path, checkpoints: Path) -> Request:
    return Request(scenario, device="cpu", settings=SETTINGS, checkpoints=checkpoints)


def with_(request: Request, **changes: object) -> Request:
    return Request(**(vars(request) | changes))


class Crash(Exception):
    pass


def crash_at(phase: str, unit: int):  # type: ignore[no-untyped-def]
    def on_change(progress: Progress) -> None:
        if progress.units[phase] >= unit:
            raise Crash

    return on_change


@pytest.fixture(scope="module")
def one(checkpoints: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """SCENARIO with one future of one window."""
    return rolled(tmp_path_factory.mktemp("one"), checkpoints)


@pytest.fixture(scope="module")
def long(checkpoints: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """SCENARIO with one future of two windows."""
    return rolled(tmp_path_factory.mktemp("long"), checkpoints, seconds=6.0)


def rolled(folder: Path, checkpoints: Path, **changes: object) -> Path:
    (folder / "tiny.yaml").write_text(SCENARIO)
    asked = Request(folder / "tiny.yaml", futures=1, device="cpu", settings=SETTINGS, checkpoints=checkpoints)
    roll_out(with_(asked, **changes), folder / "out")
    return folder / "out"


@pytest.fixture
def out(one: Path, tmp_path: Path) -> Path:
    """A folder of one's own with what `one` holds."""
    return Path(shutil.copytree(one, tmp_path / "out"))


@pytest.mark.parametrize("left", [".DS_Store", "Thumbs.db", "desktop.ini", "._out"])
def test_what_desktops_leave_in_a_folder_does_not_count(request_: Request, tmp_path: Path, left: str) -> None:
    (out := tmp_path / "out").mkdir()
    (out / left).write_bytes(b"desktop")
    assert not is_rollout(out)
    (out / "mine.txt").write_text("mine")
    with pytest.raises(InputError, match="not empty"):
        roll_out(request_, out)


def test_the_output_folder(request_: Request, tmp_path: Path) -> None:
    manifest, work = roll_out(request_, out := tmp_path / "out")
    files = {str(p.relative_to(out)) for p in out.rglob("*") if p.is_file()}
    films = {f"future-0{i}/{name}" for i in (0, 1) for name in ("video.mp4", "rollout.h5")}
    assert files == films | {"manifest.json", "scenario.yaml", "initial.png", "preview.png", "SHA256SUMS"}
    assert not list(out.glob("future-0*/.state"))
    assert (out / "scenario.yaml").read_text() == SCENARIO
    assert read_image(out / "initial.png").shape == (64, 128, 3)

    frames, fps = read_video(out / "future-00" / "video.mp4")
    assert frames.shape == (22, 64, 128, 3) and fps == 7.5
    data = read_rollout(out / "future-00" / "rollout.h5")
    np.testing.assert_allclose(data.time_s, np.arange(22) / 7.5)
    np.testing.assert_allclose(data.keyframe_time_s, np.arange(7) / 1.875)
    assert data.latents.shape == (7, 8, 2, 4)
    asked = data.boxes[data.boxes["source"] == SOURCES.index("asked")]
    assert asked["frame"].tolist() == list(range(22)) and (asked["track"] == 0).all(), "the car ahead has a box in every frame"
    assert len(data.ego) == len(data.camera) == 22
    other = read_rollout(out / "future-01" / "rollout.h5")
    np.testing.assert_array_equal(data.latents[0], other.latents[0])
    assert np.abs(data.latents[1:] - other.latents[1:]).min(axis=(1, 2, 3)).max() > 0

    written = json.loads((out / "manifest.json").read_text())
    assert written == manifest.model_dump(mode="json")
    assert written["job"]["scenario"] == hashlib.sha256(SCENARIO.encode()).hexdigest()
    stages = ("autoencoder", "image-ldm", "video-ldm", "super-resolution")
    weights = {f"{stage}/{name}" for stage in stages for name in ("config.json", "weights.safetensors")}
    assert set(written["job"]["weights"]) == weights
    assert written["files"] == {name: file_hash(out / name) for name in sorted(files - {"manifest.json", "SHA256SUMS"})}
    subprocess.run(["sha256sum", "--strict", "-c", "SHA256SUMS"], cwd=out, check=True)
    assert written["job"]["seed"] == 5 and written["job"]["sampling"]["prediction"]["steps"] == 2
    assert written["machine"]["threads"] == torch.get_num_threads()
    assert {"drivesim", "torch"} <= set(written["versions"]) and written["peak_memory_mib"]["process"] > 10
    assert written["futures"]["future-00"]["state"] == "complete" and written["futures"]["future-01"]["frames"] == 22
    assert written["seconds"]["predict"] > 0 and work.remaining() == 0


def test_free_futures_are_labelled_in_their_first_frame_alone(request_: Request, tmp_path: Path) -> None:
    manifest, _ = roll_out(free := Request(**{**vars(request_), "futures": 1, "free": True}), out := tmp_path / "out")
    assert manifest.scenario["traffic"] == "free"
    assert read_rollout(out / "future-00" / "rollout.h5").boxes["frame"].tolist() == [0]
    before = results(out)
    roll_out(free, out)
    assert results(out) == before
    with pytest.raises(InputError, match=r"traffic was free, is simulated"):
        roll_out(request_, out)


def test_the_same_seed_gives_the_same_files_and_another_does_not(request_: Request, one: Path, tmp_path: Path) -> None:
    for name, seed in (("b", 5), ("c", 6)):
        roll_out(with_(request_, seed=seed, futures=1), tmp_path / name)
    assert results(one) == results(tmp_path / "b")
    a, c = results(one), results(tmp_path / "c")
    assert all(a[name] != c[name] for name in a if name != "scenario.yaml")


def test_one_future_alone_is_the_same_as_beside_others(request_: Request, tmp_path: Path) -> None:
    request_ = with_(request_, seconds=1.0)
    roll_out(with_(request_, futures=3), tmp_path / "all")
    roll_out(with_(request_, only=2), tmp_path / "one")
    everything, one = results(tmp_path / "all"), results(tmp_path / "one")
    assert {name for name in one if "future" in name} == {"future-02/video.mp4", "future-02/rollout.h5"}
    assert all(one[name] == everything[name] for name in one if name != "preview.png")
    roll_out(with_(request_, futures=3), tmp_path / "one")
    assert results(tmp_path / "one") == everything


@pytest.fixture(scope="module")
def followed(checkpoints: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[dict[str, Any]]]:
    """SCENARIO rolled out in one go: two futures of two windows; and what another process can read meanwhile."""
    out, states = (folder := tmp_path_factory.mktemp("whole")) / "out", []

    def look(progress: Progress) -> None:
        states.append(json.loads((out / "progress.json").read_text()))

    (folder / "tiny.yaml").write_text(SCENARIO)
    asked = Request(folder / "tiny.yaml", 6.0, futures=2, device="cpu", settings=SETTINGS, checkpoints=checkpoints)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("drivesim.rollout.progress_file.INTERVAL", 0.0)
        roll_out(asked, out, on_change=look)
    return out, states


@pytest.fixture
def whole(followed: tuple[Path, list[dict[str, Any]]]) -> Path:
    """The former of the two."""
    return followed[0]


def test_another_process_can_follow_it(followed: tuple[Path, list[dict[str, Any]]]) -> None:
    out, states = followed
    assert [state["done"] for state in states] == sorted(state["done"] for state in states)
    assert {state["stage"] for state in states} == {"compose", "predict", "interpolate", "decode", "upsample", "write"}
    assert all(state["total"] == states[-1]["total"] == states[-1]["done"] for state in states)
    assert states[0]["futures"]["future-01"] == {"windows": 0, "of": 2, "frames": 0}
    assert states[-1]["futures"]["future-00"] == {"windows": 2, "of": 2, "frames": 45}
    assert not (out / "progress.json").exists()


@pytest.mark.parametrize(("stage", "unit"), [("predict", 1), ("predict", 3), ("interpolate", 4), ("upsample", 7),
                                             ("write", 1), ("write", 5)])  # fmt: skip
def test_resuming_after_a_crash_gives_the_same_bits(request_: Request, long: Path, tmp_path: Path, stage: str, unit: int) -> None:
    asked = with_(request_, seconds=6.0, futures=1)
    with pytest.raises(Crash):
        roll_out(asked, tmp_path / "cut", on_change=crash_at(stage, unit))
    manifest, work = roll_out(asked, tmp_path / "cut")
    assert results(tmp_path / "cut") == results(long)
    assert manifest.complete == [0] and work.remaining() == 0


def test_resuming_in_the_second_future_keeps_the_first(request_: Request, whole: Path, tmp_path: Path) -> None:
    asked = with_(request_, seconds=6.0, futures=2)
    with pytest.raises(Crash):
        roll_out(asked, tmp_path / "cut", on_change=crash_at("write", 14))
    manifest, work = roll_out(asked, tmp_path / "cut")
    assert results(tmp_path / "cut") == results(whole)
    assert manifest.complete == [0, 1]
    assert work.units["predict"] < 8 and work.remaining() == 0


def test_a_finished_rollout_is_left_as_it_is(request_: Request, out: Path) -> None:
    before = {p: p.stat().st_mtime_ns for p in out.rglob("*.mp4")}
    _, work = roll_out(with_(request_, futures=1), out)
    assert before == {p: p.stat().st_mtime_ns for p in out.rglob("*.mp4")}
    assert sum(work.seconds.values()) == 0


@pytest.mark.parametrize("change", ["scenario", "seed", "sampling", "weights", "fps"])
def test_another_job_is_refused_in_the_same_folder(request_: Request, out: Path, tmp_path: Path, change: str) -> None:
    other = with_(request_, futures=1)
    if change == "scenario":
        request_.scenario.write_text(SCENARIO.replace("sedan", "van"))
    elif change == "seed":
        other = with_(other, seed=6)
    elif change == "fps":
        other = with_(other, fps=1.875)
    elif change == "sampling":
        other = with_(other, settings=SamplingSettings(**{**SETTINGS.model_dump(), "image": {"steps": 4}}))
    else:
        other = with_(other, checkpoints=write_cascade(tmp_path / "other", seed=1))
    told = {
        "scenario": r"scenario\.vehicles\.0\.kind was sedan, is van",
        "seed": "seed was 5, is 6",
        "fps": r"fps was 7\.5, is 1\.875",
        "sampling": r"sampling\.image\.steps was 3, is 4",
        "weights": r"weights\.image-ldm/weights\.safetensors was [0-9a-f]{12}, is [0-9a-f]{12}",
    }
    with pytest.raises(InputError, match=rf"holds another rollout \(.*{told[change]}.*\); start anew with --fresh"):
        roll_out(other, out)
    before = results(out)
    roll_out(other, out, fresh=True)
    assert results(out) != before


def test_manifests_with_a_batch_are_continued_and_those_without_rescaling_refused(request_: Request, out: Path) -> None:
    manifest = json.loads((out / "manifest.json").read_text())
    manifest["job"]["sampling"]["interpolation"]["batch"] = 2
    (out / "manifest.json").write_text(json.dumps(manifest))
    (out / "SHA256SUMS").unlink()
    continued, _ = roll_out(with_(request_, futures=2), out)
    assert continued.complete == [0, 1]
    manifest["job"]["sampling"]["image"].pop("rescale")
    (out / "manifest.json").write_text(json.dumps(manifest))
    (out / "SHA256SUMS").unlink()
    with pytest.raises(InputError, match=r"image\.rescale was 0\.0, is 0\.7"):
        roll_out(with_(request_, futures=2), out)


def test_of_a_changed_scenario_the_values_are_named(request_: Request, out: Path) -> None:
    request_.scenario.write_text(SCENARIO.replace("ahead: 14", "ahead: 15"))
    with pytest.raises(InputError, match=r"scenario\.vehicles\.0\.ahead was 14\.0, is 15\.0"):
        roll_out(with_(request_, futures=1), out)


def test_foreign_folders_are_never_touched(request_: Request, tmp_path: Path) -> None:
    (out := tmp_path / "out").mkdir()
    (out / "thesis.txt").write_text("mine")
    for fresh in (False, True):
        with pytest.raises(InputError, match="not empty"):
            roll_out(request_, out, fresh)
    assert [p.name for p in out.iterdir()] == ["thesis.txt"]
    with pytest.raises(InputError, match="is a file"):
        roll_out(request_, out / "thesis.txt")
    (out / "manifest.json").write_text('{"made_by": "somebody else"}')
    with pytest.raises(InputError, match="not the manifest of a rollout"):
        roll_out(request_, out, fresh=True)


def test_fresh_removes_only_what_a_rollout_made(request_: Request, tmp_path: Path) -> None:
    roll_out(with_(request_, futures=3, seconds=1.0), out := tmp_path / "out")
    (out / "notes.txt").write_text("mine")
    (out / "future-02" / "labels.json").write_text("mine")
    (out / "report.html").write_text("of the earlier one")
    roll_out(with_(request_, futures=1, seconds=1.0, seed=9), out, fresh=True)
    assert (out / "notes.txt").read_text() == (out / "future-02" / "labels.json").read_text() == "mine"
    assert not (out / "report.html").exists()
    assert not (out / "future-01").exists() and not (out / "future-02" / "video.mp4").exists()


def test_two_processes_cannot_work_in_one_folder(request_: Request, out: Path) -> None:
    request_ = with_(request_, futures=1)
    manifest, _ = roll_out(request_, out)
    who = rf"process {os.getpid()} on {re.escape(socket.gethostname())}, since \d{{4}}-"
    with RolloutFolder.open(out, manifest), pytest.raises(InputError, match=who):
        roll_out(request_, out)
    assert not (out / ".lock").exists()
    roll_out(request_, out)


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


@pytest.mark.parametrize("seconds", [3.0, 6.0])
def test_killed_between_the_carry_and_the_manifest(
    request_: Request, one: Path, long: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seconds: float
) -> None:
    asked, whole = with_(request_, seconds=seconds, futures=1), one if seconds == 3.0 else long

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


@pytest.mark.parametrize("name", ["future-00/video.mp4", "future-00/rollout.h5", "initial.png", "scenario.yaml"])
def test_finished_files_are_never_overwritten(request_: Request, out: Path, name: str) -> None:
    (out / name).write_bytes(b"mine")
    with pytest.raises(InputError, match=rf"{name}: is not what was written.*--repair"):
        roll_out(with_(request_, futures=2), out)
    assert (out / name).read_bytes() == b"mine"


@pytest.mark.parametrize("name", ["future-00/video.mp4", "future-00/rollout.h5", "initial.png", "preview.png", "scenario.yaml"])
def test_files_that_are_gone_are_made_again(request_: Request, out: Path, name: str) -> None:
    asked, before = with_(request_, futures=1), results(out)
    (out / name).unlink()
    roll_out(asked, out)
    assert results(out) == before
    subprocess.run(["sha256sum", "--strict", "-c", "SHA256SUMS"], cwd=out, check=True)


def test_a_changed_manifest_is_refused(request_: Request, out: Path) -> None:
    text = (out / "manifest.json").read_text()
    (out / "manifest.json").write_text(text.replace('"windows": 1', '"windows": 7'))
    with pytest.raises(InputError, match=r"manifest\.json: does not match SHA256SUMS"):
        roll_out(with_(request_, futures=1), out)


def test_a_photo_is_the_first_frame(request_: Request, tmp_path: Path) -> None:
    photo = np.random.default_rng(0).integers(0, 255, (60, 140, 3), np.uint8)
    write_image(tmp_path / "photo.png", photo)
    request_.scenario.write_text(SCENARIO + "photo: photo.png\n")
    manifest, work = roll_out(with_(request_, futures=1), out := tmp_path / "out")
    assert manifest.job.photo is not None and work.units["compose"] == 0
    np.testing.assert_array_equal(read_image(out / "initial.png"), compose_frames(request_)[0])
    write_image(tmp_path / "photo.png", 255 - photo)
    with pytest.raises(InputError, match="photo"):
        roll_out(with_(request_, futures=1), out)
    with pytest.raises(InputError, match="no variants"):
        compose_frames(request_, variants=2)


def test_variants_of_the_first_frame(request_: Request, one: Path) -> None:
    frames = compose_frames(request_, variants=3)
    assert [f.shape for f in frames] == [(64, 128, 3)] * 3
    assert not np.array_equal(frames[0], frames[1])
    np.testing.assert_array_equal(compose_frames(request_)[0], frames[0])
    np.testing.assert_array_equal(read_image(one / "initial.png"), frames[0])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"only": 1, "futures": 2}, "--only and --futures"),
        ({"only": -1}, "--only -1"),
        ({"futures": 0}, "--futures 0"),
        ({"fps": 25.0}, "fps"),
        ({"seconds": 0.0}, "seconds"),
    ],
)
def test_senseless_requests_are_refused_before_anything_is_written(
    request_: Request, tmp_path: Path, changes: dict[str, object], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        roll_out(with_(request_, **changes), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_missing_weights_are_named(request_: Request, checkpoints: Path, tmp_path: Path) -> None:
    shutil.copytree(checkpoints, tmp_path / "weights")
    shutil.rmtree(tmp_path / "weights" / "video-ldm")
    with pytest.raises(InputError, match="video-ldm"):
        roll_out(with_(request_, checkpoints=tmp_path / "weights"), tmp_path / "out")
    assert not (tmp_path / "out").exists()
