"""The whole chain at toy size, by the same calls that train the shipped weights: data, four stages, export, loading."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from drivesim.checkpoint import weights_hash
from drivesim.config import InputError
from drivesim.models.image_ldm import ImageLDM
from drivesim.models.latent_space import LatentSpace
from drivesim.models.super_resolution import SuperResolution
from drivesim.models.video_ldm import VideoLDM
from drivesim.training.__main__ import parse_overrides
from drivesim.training.job import export_run, run_training
from drivesim.training.stage import STAGE_NAMES


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with data/, checkpoints/ and a run folder a stage, all made by the tiny presets."""
    root = tmp_path_factory.mktemp("chain")
    (root / "checkpoints").mkdir()
    for stage in STAGE_NAMES:
        run_training(stage, root / stage, "tiny", data_folder=root / "data", checkpoints=root / "checkpoints",
                     device_name="cpu", workers=1, say=lambda _: None)  # fmt: skip
        export_run(root / stage, root / "checkpoints" / stage, [], root / "checkpoints", say=lambda _: None)
    return root


def test_exported_checkpoints_load_and_know_what_they_rest_on(trained: Path) -> None:
    checkpoints = trained / "checkpoints"
    space = LatentSpace.load(checkpoints / "autoencoder")
    image = ImageLDM.load(checkpoints / "image-ldm")
    VideoLDM.load(checkpoints / "video-ldm", image)
    SuperResolution.load(checkpoints / "super-resolution")
    bases = {stage: json.loads((checkpoints / stage / "config.json").read_text())["base"] for stage in STAGE_NAMES}
    assert bases["image-ldm"] == space.fingerprint()
    assert bases["video-ldm"] == weights_hash(checkpoints / "image-ldm")
    assert bases["autoencoder"] is bases["super-resolution"] is None


def test_latents_have_unit_variance_after_export(trained: Path) -> None:
    space = LatentSpace.load(trained / "checkpoints" / "autoencoder")
    assert (space.scale > 0).all()
    assert not torch.equal(space.scale, torch.ones_like(space.scale))


def test_every_stage_logs_held_out_figures_and_a_preview(trained: Path) -> None:
    for stage in STAGE_NAMES:
        lines = [json.loads(line) for line in (trained / stage / "log.jsonl").read_text().splitlines()]
        assert any(line.get("held_out") for line in lines), stage
        assert list((trained / stage).glob("preview-*.png")), stage


def test_a_base_that_is_another_is_refused(trained: Path, tmp_path: Path) -> None:
    other = ImageLDM.load(trained / "checkpoints" / "image-ldm")
    other.weights = "0" * 64
    with pytest.raises(InputError, match="trained on top of"):
        VideoLDM.load(trained / "checkpoints" / "video-ldm", other)


def test_training_starts_from_another_checkpoint(trained: Path, tmp_path: Path) -> None:
    """With a learning rate of next to nothing the exported weights are those of the checkpoint it started from."""
    run_training("image-ldm", tmp_path / "run", "tiny", data_folder=trained / "data", checkpoints=trained / "checkpoints",
                 init_from=trained / "checkpoints" / "image-ldm", overrides={"learning_rate": 1e-12, "samples": 2},
                 device_name="cpu", say=lambda _: None)  # fmt: skip
    export_run(tmp_path / "run", tmp_path / "out", [], trained / "checkpoints", say=lambda _: None)
    before, after = ImageLDM.load(trained / "checkpoints" / "image-ldm"), ImageLDM.load(tmp_path / "out")
    for (name, x), y in zip(before.state_dict().items(), after.state_dict().values(), strict=True):
        torch.testing.assert_close(x, y, rtol=1e-3, atol=1e-5, msg=name)


def test_overrides_are_yaml_and_unknown_ones_are_refused(tmp_path: Path, trained: Path) -> None:
    assert parse_overrides(["batch=4", "bf16=false", "crop=[64, 96]"]) == {"batch": 4, "bf16": False, "crop": [64, 96]}
    with pytest.raises(InputError, match="FIELD=VALUE"):
        parse_overrides(["batch"])
    with pytest.raises(InputError, match="bacth"):
        run_training("autoencoder", tmp_path / "run", "tiny", data_folder=trained / "data", checkpoints=tmp_path,
                     overrides={"bacth": 4}, device_name="cpu", say=lambda _: None)  # fmt: skip
