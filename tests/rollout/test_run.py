"""Whole rollouts of a tiny cascade: the output folder, futures, and what starts them."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from outcome import results
from rollouts import Crash, crash_at, with_
from tiny_cascade import SCENARIO, SETTINGS

from drivesim.checkpoint import sign_checkpoint
from drivesim.checksums import file_hash
from drivesim.config import InputError
from drivesim.engine.progress import Progress
from drivesim.rollout.labels.file import read_rollout
from drivesim.rollout.labels.rows import SOURCES
from drivesim.rollout.request import Request
from drivesim.rollout.run import compose_frames, roll_out
from drivesim.video_io import read_image, read_video, write_image


def test_the_output_folder(request_: Request, tmp_path: Path) -> None:
    manifest, work = roll_out(request_, out := tmp_path / "out")
    files = {str(p.relative_to(out)) for p in out.rglob("*") if p.is_file()}
    films = {f"future-0{i}/{name}" for i in (0, 1) for name in ("video.mp4", "rollout.h5")}
    assert files == films | {"manifest.json", "scenario.yaml", "initial.png", "preview.png", "SHA256SUMS"}
    assert not list(out.glob("future-0*/.state"))
    assert (out / "scenario.yaml").read_text() == SCENARIO
    assert read_image(out / "initial.png").shape == (64, 128, 3)

    frames, fps = read_video(out / "future-00" / "video.mp4")
    assert frames.shape == (9, 64, 128, 3) and fps == 7.5
    data = read_rollout(out / "future-00" / "rollout.h5")
    np.testing.assert_allclose(data.time_s, np.arange(9) / 7.5)
    np.testing.assert_allclose(data.keyframe_time_s, np.arange(3) / 1.875)
    assert data.latents.shape == (3, 8, 2, 4)
    asked = data.boxes[data.boxes["source"] == SOURCES.index("asked")]
    assert asked["frame"].tolist() == list(range(9)) and (asked["track"] == 0).all(), "the car ahead has a box in every frame"
    assert len(data.ego) == len(data.camera) == 9
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
    assert written["futures"]["future-00"]["state"] == "complete" and written["futures"]["future-01"]["frames"] == 9
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


def test_first_frames_need_no_temporal_layers_of_their_image_model(request_: Request, tmp_path: Path) -> None:
    """So that who fine-tunes an image LDM sees what it makes; a rollout needs those that belong to it."""
    assert request_.checkpoints is not None
    shutil.copytree(request_.checkpoints, folder := tmp_path / "weights")
    config = folder / "video-ldm" / "config.json"
    config.write_text(config.read_text().replace('"base": null', f'"base": "{"0" * 64}"'))
    sign_checkpoint(folder / "video-ldm")
    asked = with_(request_, checkpoints=folder)
    assert (compose_frames(asked)[0] == compose_frames(request_)[0]).all()
    with pytest.raises(InputError, match="trained on top of image weights"):
        roll_out(asked, tmp_path / "out")
