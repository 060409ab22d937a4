"""The whole chain at toy size, by the same calls that train the shipped weights: data, four stages, export, loading."""

from __future__ import annotations

import json
import math
import shutil
from pathlib import Path

import pytest
import torch
import yaml

from drivesim.checkpoint import weights_hash
from drivesim.config import InputError, read_json, read_yaml
from drivesim.models.image_ldm import ImageLDM
from drivesim.models.latent_space import LatentSpace
from drivesim.models.super_resolution import SuperResolution
from drivesim.models.video_ldm import VideoLDM
from drivesim.training.__main__ import parse_overrides
from drivesim.training.job import export_run, grown, run_training
from drivesim.video_format import STAGE_NAMES


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


def test_a_decoder_trained_alone_keeps_the_latents_that_others_rest_on(trained: Path, tmp_path: Path) -> None:
    checkpoints = trained / "checkpoints"
    before = LatentSpace.load(checkpoints / "autoencoder")
    run_training("autoencoder", tmp_path / "run", "tiny", data_folder=trained / "data", checkpoints=checkpoints,
                 overrides={"decoder_only": True}, device_name="cpu", workers=1, say=lambda _: None)  # fmt: skip
    export_run(tmp_path / "run", tmp_path / "better", [], checkpoints, say=lambda _: None)
    after = LatentSpace.load(tmp_path / "better")
    assert after.fingerprint() == before.fingerprint()
    assert not torch.equal(after.autoencoder.decoder.stem.weight, before.autoencoder.decoder.stem.weight)


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


def test_what_has_grown_begins_with_the_old_values_and_zeros() -> None:
    old = torch.ones(2, 3)
    assert grown(old, torch.empty(3, 4)).tolist() == [[1, 1, 1, 0], [1, 1, 1, 0], [0, 0, 0, 0]]
    for other in (torch.empty(2, 3), torch.empty(2, 2), torch.empty(1, 9), torch.empty(3)):  # as it is: refused when it is loaded
        assert grown(old, other) is old or torch.equal(grown(old, other), old)


def test_a_begun_run_goes_on_without_the_checkpoint_it_started_from(trained: Path, tmp_path: Path) -> None:
    shutil.copytree(trained / "checkpoints" / "autoencoder", tmp_path / "origin")
    told: list[str] = []
    data = sorted((trained / "data").glob("world*seed1.h5"))[:1]
    for origin, minutes in ((tmp_path / "origin", 0.0), (tmp_path / "gone", math.inf)):
        run_training("autoencoder", tmp_path / "run", "tiny", data, data_folder=trained / "data", init_from=origin,
                     minutes=minutes, device_name="cpu", say=told.append)  # fmt: skip
    recipe = read_yaml(tmp_path / "run" / "train.yaml")
    assert recipe["init_from"] == weights_hash(tmp_path / "origin")
    assert sum("measured on rendered worlds" in line for line in told) == 2
    export_run(tmp_path / "run", tmp_path / "out", [], None, say=lambda _: None)
    training = read_json(tmp_path / "out" / "config.json")["training"]
    assert training["samples"] == 4
    assert training["device"] == recipe["device"] != "unknown"


def test_the_device_of_a_run_that_did_not_note_it_is_unknown(trained: Path, tmp_path: Path) -> None:
    shutil.copytree(trained / "autoencoder", tmp_path / "run")
    recipe = read_yaml(tmp_path / "run" / "train.yaml")
    del recipe["device"]
    (tmp_path / "run" / "train.yaml").write_text(yaml.safe_dump(recipe))
    export_run(tmp_path / "run", tmp_path / "out", [], None, say=lambda _: None)
    assert read_json(tmp_path / "out" / "config.json")["training"]["device"] == "unknown"


def test_overrides_are_yaml_and_unknown_ones_are_refused(tmp_path: Path, trained: Path) -> None:
    assert parse_overrides(["batch=4", "bf16=false", "crop=[64, 96]"]) == {"batch": 4, "bf16": False, "crop": [64, 96]}
    with pytest.raises(InputError, match="FIELD=VALUE"):
        parse_overrides(["batch"])
    with pytest.raises(InputError, match=r"--set x=\{a: the value is no YAML"):
        parse_overrides(["x={a"])
    with pytest.raises(InputError, match="bacth"):
        run_training("autoencoder", tmp_path / "run", "tiny", data_folder=trained / "data", checkpoints=tmp_path,
                     overrides={"bacth": 4}, device_name="cpu", say=lambda _: None)  # fmt: skip
