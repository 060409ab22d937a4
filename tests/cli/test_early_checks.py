"""What can be known before the work is told before the work: devices, places to write, what training rests on."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from tiny_cascade import SCENARIO
from typer.testing import CliRunner

from drivesim.checkpoint import sign_checkpoint
from drivesim.cli.main import app
from drivesim.dataset import synthesis
from drivesim.engine.cascade import Cascade
from drivesim.training import job

DEVICES = ("mps", "cuda:7", "cuda:", "xla", "toaster", "meta", "cpu:0", "")
USERS = {
    "compose": ("SCENARIO", "--out", "frame.png"),
    "rollout": ("SCENARIO", "--out", "out"),
    "evaluate fidelity": ("--only", "world"),
    "evaluate scenarios": (),
    "train image-ldm": ("--run", "run", "--preset", "tiny"),
    "train video-ldm": ("--run", "run", "--preset", "tiny"),
}


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where a scenario stands above the working folder, which is empty; loading networks or rendering is a failure."""

    def work(*_: object, **__: object) -> None:
        raise AssertionError("work began")

    (tmp_path / "tiny.yaml").write_text(SCENARIO)
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    monkeypatch.setattr(Cascade, "load", work)
    monkeypatch.setattr(synthesis, "in_order", work)
    monkeypatch.setattr(job, "fill_store", work)
    return tmp_path / "tiny.yaml"


def refused(place: Path, command: str, *arguments: str) -> str:
    """What a command says that ends with exit code 2 and leaves nothing in the working folder."""
    words = [str(place) if word == "SCENARIO" else word for word in arguments]
    done = CliRunner().invoke(app, [*command.split(), *words])
    assert done.exit_code == 2, (done.output, done.exception)
    assert not list(Path().iterdir())
    return done.output


@pytest.mark.parametrize("command", USERS)
def test_names_of_devices(command: str, place: Path) -> None:
    for device in DEVICES:
        text = refused(place, command, *USERS[command], "--device", device)
        assert text.startswith(f"--device {device}: ") and "use auto" in text and text.count("\n") == 1, text


def test_the_devices_that_are_there_are_named(place: Path) -> None:
    if torch.cuda.is_available():
        pytest.skip("this machine has a GPU")
    command = [sys.executable, "-m", "drivesim.training", "autoencoder", "--run-folder", "run", "--device", "mps"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (
        2,
        "--device mps: not a device name that drivesim works with; use auto or cpu\n",
    )
    assert not list(Path().iterdir())


@pytest.mark.parametrize(
    ("command", "out"),
    [
        ("compose SCENARIO --out", "picture"),
        ("data show --world --out", "picture"),
        ("evaluate scenarios --out", "picture"),
        ("evaluate fidelity --json", "file"),
        ("data generate", "file"),
    ],
)
def test_places_that_cannot_be_written(command: str, out: str, place: Path) -> None:
    first, *more = command.split("SCENARIO") if "SCENARIO" in command else (command,)
    words = [*(["SCENARIO"] if more else []), *" ".join(more).split()]
    suffix = ".png" if out == "picture" else ".h5"
    (folder := place.with_name(f"folder{suffix}")).mkdir()
    for path, reason in (
        (f"missing/there{suffix}", "cannot be written (No such file or directory)"),
        (f"{place}/below{suffix}", "cannot be written (Not a directory)"),
        (f"/proc/there{suffix}", "/proc/there"),
        (str(folder), "folder"),
    ):
        assert reason in refused(place, first, *words, path)
    if out == "picture":
        for name in ("frame.txt", "frame", "frame.mp4"):
            assert "no image format for the suffix" in refused(place, first, *words, name)


@pytest.mark.parametrize("command", ["layout", "rollout"])
def test_folders_that_cannot_be_written(command: str, place: Path) -> None:
    for path in (str(place), f"{place}/below", "/proc/there"):
        text = refused(place, command, str(place), "--out", path)
        assert text.startswith(f"{path}: ") and "with --out" in text and text.count("\n") == 1, text


def test_motion_of_what_is_no_rollout_is_one_sentence(place: Path) -> None:
    assert refused(place, "evaluate motion", "missing") == (
        "missing: no finished future there (future-00/video.mp4); roll out the scenario first\n"
    )


@pytest.mark.parametrize("stage", ["image-ldm", "video-ldm", "super-resolution"])
@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--set", "bach=3"), '--set bach: the recipe of STAGE has no such field; did you mean "batch"?'),
        (("--set", "batch=0"), "batch: Input should be greater than or equal to 1"),
        (("--set", "learning_rate=.nan"), "learning_rate: Input should be"),
        (("--set", "evaluate_every=0"), "evaluate_every: Input should be"),
        (("--set", "model={MODEL: [9, -1]}"), "recipe of STAGE: its model cannot be built ("),
        (("--init-from", "missing"), "missing: no checkpoint there"),
        (("--init-from", "CHECKPOINTS/autoencoder"), "this is a checkpoint of kind autoencoder, expected"),
        (("--held-out", "missing.h5"), "missing.h5: no such file"),
        (("--held-out", "SCENARIO"), "tiny.yaml: cannot be read as HDF5"),
        (("--data", "missing.h5"), "missing.h5: no such file"),
        (("--checkpoints", "missing"), "missing/autoencoder: no checkpoint there"),
        (("--run", "SCENARIO"), "cannot be made or written"),
    ],
)
def test_what_training_rests_on(
    stage: str, options: tuple[str, str], words: str, place: Path, checkpoints: Path
) -> None:
    widths = "context_widths" if stage == "video-ldm" else "widths"
    given = [word.replace("CHECKPOINTS", str(checkpoints)).replace("MODEL", widths) for word in options]
    rest = [] if "--checkpoints" in given else ["--checkpoints", str(checkpoints)]
    assert words.replace("STAGE", stage) in refused(place, f"train {stage}", "--run", "run", "--preset", "tiny", *rest, *given)


def test_a_damaged_checkpoint_is_found_before_rendering(place: Path, checkpoints: Path, tmp_path: Path) -> None:
    shutil.copytree(checkpoints, tmp_path / "damaged")
    file = tmp_path / "damaged" / "autoencoder" / "weights.safetensors"
    file.write_bytes(file.read_bytes()[:-100])
    text = refused(place, "train image-ldm", "--run", "run", "--preset", "tiny", "--checkpoints", str(tmp_path / "damaged"))
    assert "weights.safetensors: is not what was written there" in text


@pytest.mark.parametrize(
    ("stage", "model"),
    [
        ("autoencoder", "{encoder_widths: [4, 4, 4], decoder_widths: [4, 4, 4]}"),
        ("image-ldm", "{widths: [8, 8], blocks: 1, head_width: 8, token_width: 32}"),
        ("video-ldm", "{context_widths: [4, 4], embedding_width: 8, head_width: 4}"),
        ("super-resolution", "{widths: [4, 4], blocks: [1, 1]}"),
    ],
)
def test_weights_to_start_from_that_do_not_fit_are_found_before_rendering(
    stage: str, model: str, place: Path, checkpoints: Path
) -> None:
    origin, sizes = checkpoints / stage, ("--set", f"model={model}")
    options = ("--run", "run", "--preset", "tiny", "--checkpoints", str(checkpoints), "--init-from", str(origin), *sizes)
    text = refused(place, f"train {stage}", *options)
    assert text.startswith(f"{origin}: its tensors do not fit the {stage} model of this recipe: ")
    assert "of another shape" in text and text.rstrip().endswith("--set model={...}")


def test_an_autoencoder_that_the_image_model_does_not_know_is_found_before_rendering(
    place: Path, checkpoints: Path, tmp_path: Path
) -> None:
    shutil.copytree(checkpoints, folder := tmp_path / "mixed")
    values = json.loads((config := folder / "image-ldm" / "config.json").read_text())
    config.write_text(json.dumps(values | {"base": "0" * 64}))
    sign_checkpoint(folder / "image-ldm")
    text = refused(place, "train video-ldm", "--run", "run", "--preset", "tiny", "--checkpoints", str(folder))
    assert "trained on latents of encoder 000000000000" in text
