"""The folder of a rollout is taken, gone on with or refused for what it holds, and nothing in it is overwritten."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
from pathlib import Path

import pytest
from outcome import results
from rollouts import with_
from tiny_cascade import SCENARIO, SETTINGS, write_cascade

from drivesim.config import InputError
from drivesim.engine.settings import SamplingSettings
from drivesim.rollout.folder import RolloutFolder
from drivesim.rollout.manifest import is_rollout
from drivesim.rollout.request import Request
from drivesim.rollout.run import roll_out


@pytest.mark.parametrize("left", [".DS_Store", "Thumbs.db", "desktop.ini", "._out"])
def test_what_desktops_leave_in_a_folder_does_not_count(request_: Request, tmp_path: Path, left: str) -> None:
    (out := tmp_path / "out").mkdir()
    (out / left).write_bytes(b"desktop")
    assert not is_rollout(out)
    (out / "mine.txt").write_text("mine")
    with pytest.raises(InputError, match="not empty"):
        roll_out(request_, out)


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
    with pytest.raises(InputError, match=r"image\.rescale was 0\.0, is 0\.5"):
        roll_out(with_(request_, futures=2), out)


def test_manifests_with_one_interpolation_had_both_alike(request_: Request, out: Path) -> None:
    manifest = json.loads((out / "manifest.json").read_text())
    manifest["job"]["sampling"].pop("first_interpolation")
    (out / "manifest.json").write_text(json.dumps(manifest))
    (out / "SHA256SUMS").unlink()
    other = SamplingSettings(**{**SETTINGS.model_dump(), "first_interpolation": {"steps": 2}})
    with pytest.raises(InputError, match=r"sampling\.first_interpolation\.steps was 1, is 2"):
        roll_out(with_(request_, settings=other), out)
    continued, _ = roll_out(with_(request_, futures=2), out)
    assert continued.complete == [0, 1]


def test_manifests_that_do_not_say_where_upsampling_began_had_noise_alone(request_: Request, out: Path) -> None:
    manifest = json.loads((out / "manifest.json").read_text())
    manifest["job"]["sampling"]["super_resolution"].pop("noise")
    (out / "manifest.json").write_text(json.dumps(manifest))
    (out / "SHA256SUMS").unlink()
    with pytest.raises(InputError, match=r"sampling\.super_resolution\.noise was 1\.0, is 0\.5"):
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
