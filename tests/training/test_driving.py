"""From a public folder to a rollout, by the commands that do it: the backbone, temporal layers on it, the cascade of both."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tiny_backbone import write_backbone
from tiny_cascade import SETTINGS
from typer.testing import CliRunner

from drivesim.cli.main import app
from drivesim.config import InputError, read_json
from drivesim.dataset.clips import ClipWriter
from drivesim.engine.cascade import Cascade
from drivesim.engine.settings import SamplingSettings
from drivesim.models.stable_diffusion.driving import DrivingDiffusion
from drivesim.models.stable_diffusion.latents import PublicLatents
from drivesim.training.job import export_run, run_training
from drivesim.video_format import FRAME_RATES
from drivesim.video_io import read_video
from drivesim.world.generator import generate_clip

TINY = {"scenarios": True, "token_width": 32, "encoder_layers": 1, "batch": 1, "samples": 2}
TINY_RUN = ("--preset", "tiny", "--device", "cpu")
VIDEO = {"batch": 1, "samples": 2, "model": {"context_widths": [16, 16], "embedding_width": 16, "head_width": 16}}


@pytest.fixture(scope="module")
def stores(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("data")
    for fps, frames in ((FRAME_RATES[0], 10), (FRAME_RATES[2], 17)):
        with ClipWriter(folder / f"{fps:g}.h5") as writer:
            writer.append(generate_clip(1, frames, fps, 16, 32))
    return sorted(folder.glob("*.h5"))


@pytest.fixture(scope="module")
def trained(backbone: Path, checkpoints: Path, stores: list[Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cascade of a fine-tuned public model, its autoencoder, temporal layers, and the house's own super-resolution."""
    folder, runs = tmp_path_factory.mktemp("cascade"), tmp_path_factory.mktemp("runs")
    shutil.copytree(checkpoints / "super-resolution", folder / "super-resolution")
    data = [word for store in stores for word in ("--data", store, "--held-out", store)]
    drivesim("train", "image-ldm", "--run", runs / "image", "--backbone", backbone, *data, *TINY_RUN, *settings(TINY))
    drivesim("train", "export", runs / "image", folder / "image-ldm")
    drivesim("train", "video-ldm", "--run", runs / "video", "--checkpoints", folder, *data, *TINY_RUN, *settings(VIDEO))
    drivesim("train", "export", runs / "video", folder / "video-ldm", "--checkpoints", folder)
    return folder


def settings(recipe: dict[str, Any]) -> list[str]:
    """The options that say these fields of a recipe."""
    return [word for field, value in recipe.items() for word in ("--set", f"{field}={json.dumps(value)}")]


def drivesim(*words: str | Path) -> None:
    """A command that succeeds."""
    done = CliRunner().invoke(app, [str(word) for word in words])
    assert done.exit_code == 0, (done.output, done.exception)


def test_it_serves_a_rollout(trained: Path, scenario: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(SamplingSettings, "preset", classmethod(lambda cls, quality: SETTINGS))
    words = ("--seconds", "1.1", "--futures", "1", "--device", "cpu", "--checkpoints", trained)
    drivesim("rollout", scenario, "--out", tmp_path / "out", *words)
    frames, _ = read_video(tmp_path / "out" / "future-00" / "video.mp4")
    assert frames.shape == (8, 64, 128, 3)
    assert {name.split("/")[0] for name in read_json(tmp_path / "out" / "manifest.json")["job"]["weights"]} == {
        "autoencoder", "image-ldm", "video-ldm", "super-resolution"}  # fmt: skip


def test_all_of_it_has_learned_and_loads_as_it_was(trained: Path, backbone: Path) -> None:
    cascade, public = Cascade.load(trained, torch.device("cpu")), PublicLatents.load(backbone)
    assert isinstance(cascade.image, DrivingDiffusion) and cascade.is_shown_layout
    fresh = DrivingDiffusion.of_backbone(backbone, "a road", cascade.image.groups, 32, 1)
    assert not torch.equal(fresh.unet.conv_in.weight, cascade.image.unet.conv_in.weight)
    assert cascade.image.tokens.weight.abs().max() > 0 and cascade.image.entry.weight.abs().max() > 0
    assert cascade.latent_space.fingerprint() == public.fingerprint()
    latents = torch.randn(1, 3, 4, 2, 4)
    with torch.no_grad():
        alone = public.half().float().decode(latents[0])
        assert torch.allclose(cascade.latent_space.decode_clip(latents, 1, 3)[0], alone[1:], atol=1e-4)


def test_what_does_not_fit_is_said_in_a_sentence(
    trained: Path, stores: list[Path], tmp_path: Path, backbone: Path, checkpoints: Path
) -> None:
    mixed = Path(shutil.copytree(trained, tmp_path / "mixed"))
    shutil.rmtree(mixed / "autoencoder")
    shutil.copytree(checkpoints / "autoencoder", mixed / "autoencoder")
    with pytest.raises(InputError, match="trained on latents of encoder"):
        Cascade.load(mixed, torch.device("cpu"))
    other = write_backbone(tmp_path / "other", seed=3)
    run_training("image-ldm", tmp_path / "run", "tiny", stores, stores, overrides=TINY, device_name="cpu", say=lambda _: None,
                 backbone=other)  # fmt: skip
    with pytest.raises(InputError, match="is not the autoencoder"):
        export_run(tmp_path / "run", trained / "another", [], None, say=lambda _: None)
    with pytest.raises(InputError, match="no such group"):
        run_training("image-ldm", tmp_path / "none", "tiny", stores, stores, overrides=TINY | {"groups": ["rain"]},
                     device_name="cpu", say=lambda _: None, backbone=backbone)  # fmt: skip
    assert np.isfinite(read_json(trained / "image-ldm" / "config.json")["training"]["held_out"]["loss"])
