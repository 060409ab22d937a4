"""`drivesim rollout` and `drivesim compose` with tiny weights and the draft preset's smaller sibling."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tiny_cascade import SCENARIO, SETTINGS, write_cascade
from typer.testing import CliRunner

from drivesim.checkpoint import sign_checkpoint
from drivesim.cli.main import app
from drivesim.engine.settings import SamplingSettings
from drivesim.rollout.labels.file import read_rollout
from drivesim.video_io import read_image, read_video


@pytest.fixture(scope="module")
def checkpoints(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_cascade(tmp_path_factory.mktemp("checkpoints"))


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with tiny.yaml; the presets sample small frames in few steps."""
    (tmp_path / "tiny.yaml").write_text(SCENARIO)
    monkeypatch.setattr(SamplingSettings, "preset", classmethod(lambda cls, quality: SETTINGS))
    return tmp_path


def run(command: str, folder: Path, checkpoints: Path, *more: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, [command, str(folder / "tiny.yaml"), "--checkpoints", str(checkpoints), *more])
    return result.exit_code, result.output


def test_rollout_says_what_it_wrote_and_where_the_time_went(folder: Path, checkpoints: Path) -> None:
    out = folder / "out"
    code, text = run("rollout", folder, checkpoints, "--out", str(out), "--seconds", "2", "--futures", "1")
    assert code == 0, text
    assert "predict" in text and "upsample" in text and str(out / "future-00" / "video.mp4") in text
    code, text = run("rollout", folder, checkpoints, "--out", str(out), "--seconds", "2", "--only", "3")
    assert code == 0 and (out / "future-03" / "video.mp4").is_file() and not (out / "future-01").exists()
    code, text = run("rollout", folder, checkpoints, "--out", str(out), "--seconds", "2", "--futures", "1")
    assert code == 0 and "nothing was missing" in text


def test_free_futures_and_films_of_labels_are_made_on_request(folder: Path, checkpoints: Path) -> None:
    short = ("--seconds", "1", "--futures", "1", "--fps", "1.875")
    code, text = run("rollout", folder, checkpoints, "--out", str(folder / "out"), *short)
    future = folder / "out" / "future-00"
    assert code == 0 and not (future / "labels.mp4").exists(), text
    film, labels = (future / "video.mp4").read_bytes(), read_rollout(future / "rollout.h5").boxes
    assert run("rollout", folder, checkpoints, "--out", str(folder / "out"), *short, "--labels-video")[0] == 0
    drawn, plain = read_video(future / "labels.mp4")[0], read_video(future / "video.mp4")[0]
    assert drawn.shape == plain.shape and (drawn != plain).any() and (future / "video.mp4").read_bytes() == film
    code, text = run("rollout", folder, checkpoints, "--out", str(folder / "out"), *short, "--free")
    assert code == 2 and "traffic was simulated, is free" in text
    code, text = run("rollout", folder, checkpoints, "--out", str(folder / "free"), *short, "--free")
    assert code == 0, text
    free = read_rollout(folder / "free" / "future-00" / "rollout.h5").boxes
    assert set(free["frame"]) == {0} and set(labels["frame"]) > {0}


def test_another_job_exits_with_2_and_fresh_takes_the_folder(folder: Path, checkpoints: Path) -> None:
    out = str(folder / "out")
    run("rollout", folder, checkpoints, "--out", out, "--seconds", "2", "--futures", "1")
    code, text = run("rollout", folder, checkpoints, "--out", out, "--seconds", "2", "--futures", "1", "--seed", "1")
    assert code == 2 and "--fresh" in text and "Traceback" not in text
    more = ("--seconds", "2", "--futures", "1", "--seed", "1", "--fresh")
    assert run("rollout", folder, checkpoints, "--out", out, *more)[0] == 0


def test_compose_writes_one_picture_or_several(folder: Path, checkpoints: Path) -> None:
    code, text = run("compose", folder, checkpoints, "--out", str(folder / "frame.png"))
    assert code == 0 and (folder / "frame.png").is_file(), text
    code, text = run("compose", folder, checkpoints, "--out", str(folder / "frames.png"), "--variants", "2")
    assert code == 0 and "frames-01.png" in text
    assert (folder / "frames-00.png").read_bytes() == (folder / "frame.png").read_bytes()


def test_frames_of_another_height(folder: Path, checkpoints: Path) -> None:
    """A folder keeps the height that it was begun with, and one that the weights cannot make begins none."""
    code, text = run("compose", folder, checkpoints, "--out", str(folder / "frame.png"), "--height", "32")
    assert code == 0 and read_image(folder / "frame.png").shape == (128, 256, 3), text
    out = ("--out", str(folder / "out"), "--seconds", "1", "--futures", "1", "--fps", "1.875")
    code, text = run("rollout", folder, checkpoints, *out, "--height", "24")
    assert code == 2 and "--height 24: these weights make frames of multiples of 16 pixels" in text
    code, text = run("rollout", folder, checkpoints, *out, "--height", "32")
    assert code == 0 and read_video(folder / "out" / "future-00" / "video.mp4")[0].shape[1:] == (128, 256, 3), text
    code, text = run("rollout", folder, checkpoints, *out)
    assert code == 2 and "sampling.height was 32, is 16" in text


def test_a_video_model_moves_onto_another_image_model_when_asked_to(folder: Path, checkpoints: Path) -> None:
    """A folder so made is mended without being asked: its weights are known."""
    shutil.copytree(checkpoints, mixed := folder / "mixed")
    values = json.loads((config := mixed / "video-ldm" / "config.json").read_text())
    config.write_text(json.dumps(values | {"base": "0" * 64}))
    sign_checkpoint(mixed / "video-ldm")
    out = ("--out", str(folder / "out"), "--seconds", "1", "--futures", "1", "--fps", "1.875")
    code, text = run("rollout", folder, mixed, *out)
    assert code == 2 and "trained on top of image weights 000000000000" in text
    code, text = run("rollout", folder, mixed, *out, "--transfer")
    assert code == 0, text
    whole = (picture := folder / "out" / "initial.png").read_bytes()
    picture.unlink()
    code, text = run_doctor(folder / "out", mixed)
    assert code == 0 and picture.read_bytes() == whole, text


def run_doctor(out: Path, checkpoints: Path) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["doctor", str(out), "--repair", "--checkpoints", str(checkpoints)])
    return result.exit_code, result.output


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("compose", "--out", "OUT.png", "--height", "100"), "--height 100: give a multiple of 8 pixels"),
        (("rollout", "--out", "OUT", "--fps", "25"), "fps"),
        (("rollout", "--out", "OUT", "--quality", "superb"), "--quality superb"),
        (("rollout", "--out", "OUT", "--device", "abacus"), "--device abacus"),
        (("compose", "--out", "OUT.txt"), "suffix"),
        (("compose", "--out", "OUT.png", "--variants", "0"), "--variants 0"),
    ],
)
def test_mistakes_exit_with_2(folder: Path, checkpoints: Path, arguments: tuple[str, ...], message: str) -> None:
    command, *rest = (word.replace("OUT", str(folder / "out")) for word in arguments)
    code, text = run(command, folder, checkpoints, *rest)
    assert code == 2 and message in text


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_control_c_and_sigterm_keep_finished_windows(
    folder: Path, checkpoints: Path, number: signal.Signals, code: int
) -> None:
    out = folder / "out"
    program = (
        "import signal; signal.signal(signal.SIGINT, signal.default_int_handler);"  # in the background it is ignored
        "from tiny_cascade import SETTINGS; from drivesim.engine.settings import SamplingSettings;"
        "SamplingSettings.preset = classmethod(lambda cls, quality: SETTINGS);"
        "from drivesim.cli.main import main; main()"
    )
    command = [sys.executable, "-c", program, "rollout", str(folder / "tiny.yaml"), "--checkpoints", str(checkpoints)]
    command += ["--out", str(out), "--seconds", "300", "--futures", "1"]
    paths = [str(Path(__file__).parents[1] / "toys"), os.environ.get("PYTHONPATH", "")]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(paths), "OMP_NUM_THREADS": "1"}
    process = subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True)
    end = time.monotonic() + 600
    while not list(out.glob("future-00/.state/0000.sha256")) and process.poll() is None and time.monotonic() < end:
        time.sleep(0.05)
    process.send_signal(number)
    try:
        _, errors = process.communicate(timeout=600)
    finally:
        process.kill()
    assert process.returncode == code, errors
    assert "the same command goes on" in errors and "Traceback" not in errors
    assert json.loads((out / "manifest.json").read_text())["futures"]["future-00"]["state"] == "running"
    assert json.loads((out / "progress.json").read_text())["state"] == "interrupted"
    assert not (out / ".lock").exists()
