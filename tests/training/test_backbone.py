"""Training on a public backbone, by the calls that train everything else: fine-tuning, temporal layers, export, resumption."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch import nn
from typer.testing import CliRunner

from drivesim.cli.main import app
from drivesim.config import InputError, read_json, read_yaml
from drivesim.dataset.clips import ClipStore, ClipWriter
from drivesim.engine.settings import TextSampling
from drivesim.engine.text.text_to_video import TextToVideo
from drivesim.models.stable_diffusion.network import StableDiffusion
from drivesim.models.video_ldm import VideoLDM
from drivesim.scene.clip import Clip
from drivesim.training.job import export_run, run_training
from drivesim.training.loop import start_state, step
from drivesim.training.run import Run
from drivesim.training.stages.all_stages import build_stage
from drivesim.training.stages.fine_tuning import FineTuningStage
from drivesim.training.stages.text_video import TextVideoStage
from drivesim.video_format import FRAME_RATES, StageName

KEYS, _, FULL = FRAME_RATES


@pytest.fixture
def stores(tmp_path: Path, make_clip: Callable[..., Clip]) -> list[Path]:
    """Captioned clips of both rates."""
    paths = []
    for fps, frames in ((KEYS, 12), (FULL, 17)):
        paths.append(tmp_path / f"{fps:g}.h5")
        with ClipWriter(paths[-1]) as writer:
            writer.append(make_clip(0, frames, fps, 16, 32))
            writer.append(make_clip(1, frames, fps, 16, 32))
    return paths


def run(name: StageName, folder: Path, backbone: Path, stores: list[Path], minutes: float = math.inf, **overrides: object) -> None:
    run_training(name, folder, "tiny", stores, stores, overrides=overrides, minutes=minutes, device_name="cpu",
                 say=lambda _: None, backbone=backbone)  # fmt: skip


def command(name: StageName, folder: Path, backbone: Path, stores: list[Path], *more: str) -> None:
    data = [word for store in stores for word in ("--data", store, "--held-out", store)]
    drivesim("train", name, "--run", folder, "--backbone", backbone, "--preset", "tiny", "--device", "cpu", *data, *more)


def drivesim(*words: str | Path) -> None:
    """A command that succeeds."""
    done = CliRunner().invoke(app, [str(word) for word in words])
    assert done.exit_code == 0, (done.output, done.exception)


@pytest.mark.parametrize(("name", "recipe"), [("image-ldm", {}), ("video-ldm", {"spatial": "joint", "stills": 2})])
def test_a_resumed_run_equals_one_that_was_not_interrupted(
    name: StageName, recipe: dict[str, object], backbone: Path, stores: list[Path], tmp_path: Path
) -> None:
    run(name, tmp_path / "whole", backbone, stores, **recipe)
    run(name, tmp_path / "parts", backbone, stores, minutes=0.0, **recipe)
    run(name, tmp_path / "parts", backbone, stores, **recipe)
    states = [load_file(tmp_path / part / "state.safetensors") for part in ("whole", "parts")]
    assert states[0].keys() == states[1].keys()
    assert all(torch.equal(tensor, states[1][key]) for key, tensor in states[0].items())
    assert list((tmp_path / "whole").glob("preview-*.png"))


def test_a_fine_tuned_backbone_is_a_folder_like_that_and_temporal_layers_rest_on_it(
    backbone: Path, stores: list[Path], tmp_path: Path
) -> None:
    """By the commands that do it."""
    command("image-ldm", tmp_path / "image", backbone, stores, "--set", "learning_rate=0.01")
    tuned = tmp_path / "tuned"
    for _ in range(2):  # written once more over itself
        drivesim("train", "export", tmp_path / "image", tuned)
    before, after = StableDiffusion.load(backbone), StableDiffusion.load(tuned)
    assert not torch.equal(before.unet.conv_in.weight, after.unet.conv_in.weight)
    assert all(torch.equal(a, b) for a, b in zip(before.text.parameters(), after.text.parameters(), strict=True))
    assert read_json(tuned / "drivesim.json")["samples"] == 4
    with pytest.raises(InputError, match="was not written by `train export`"):
        export_run(tmp_path / "image", backbone, [], None, say=lambda _: None)

    command("video-ldm", tmp_path / "video", tuned, stores, "--set", "spatial=all", "--set", "learning_rate=0.01")
    assert read_yaml(tmp_path / "video" / "train.yaml")["backbone_weights"] == after.weights
    drivesim("train", "export", tmp_path / "video", tmp_path / "temporal")
    maker = TextToVideo.load(tuned, tmp_path / "temporal", TextSampling(height=16, width=32), torch.device("cpu"))
    first, later = maker.image, maker.video.image  # whose U-Net has learned with the temporal layers, and is used
    assert isinstance(later, StableDiffusion) and torch.equal(first.unet.conv_in.weight, after.unet.conv_in.weight)
    assert not torch.equal(later.unet.conv_in.weight, first.unet.conv_in.weight)
    assert all(torch.equal(a, b) for a, b in zip(first.text.parameters(), later.text.parameters(), strict=True))
    with pytest.raises(InputError, match="trained on top of"):
        VideoLDM.load(tmp_path / "temporal", before)


@pytest.mark.parametrize(("name", "spatial"), [("image-ldm", None), ("video-ldm", "frozen"), ("video-ldm", "joint")])
def test_a_step_changes_what_the_paper_says_alone(
    name: StageName, spatial: str | None, backbone: Path, stores: list[Path], tmp_path: Path
) -> None:
    values: dict[str, object] = {"batch": 2, "samples": 4, "warmup": 0, "bf16": False}
    values |= {"spatial": spatial, "stills": 2, "checkpointing": True} if spatial else {}
    values |= {"model": {"context_widths": [16, 16], "embedding_width": 16, "head_width": 16}} if name == "video-ldm" else {}
    stage = build_stage(name, values, tmp_path, backbone)
    stage.open(stores, stores)
    assert isinstance(stage, FineTuningStage | TextVideoStage)
    image = stage.model if isinstance(stage, FineTuningStage) else stage.image
    before = [p.clone() for p in (*image.text.parameters(), *image.unet.parameters())]
    state = start_state(stage, Run(tmp_path / "run", {}))
    step(stage, state, stage.draw(0, range(2)), torch.device("cpu"))
    after = [*image.text.parameters(), *image.unet.parameters()]
    moved = {i < len(list(image.text.parameters())) for i, p in enumerate(after) if not torch.equal(p, before[i])}
    assert moved == (set() if spatial == "frozen" else {False}), "of a backbone that is tuned the U-Net, else nothing"
    if isinstance(stage, TextVideoStage):
        fresh = build_stage(name, values, tmp_path, backbone).modules["model"]
        assert any(not torch.equal(p, q) for p, q in zip(stage.model.parameters(), fresh.parameters(), strict=True))


def test_many_frames_are_interpolated_at_once_and_made_anew(backbone: Path, stores: list[Path], tmp_path: Path) -> None:
    sizes = {"context_widths": [16, 16], "embedding_width": 16, "head_width": 16}
    recipe = {"batch": 2, "bf16": False, "held_out_batches": 1, "model": sizes | {"context": "repeated", "base_frames": 4}}
    stage = build_stage("video-ldm", recipe, tmp_path, backbone)
    stage.open(stores, stores)
    assert isinstance(stage, TextVideoStage)
    batch = stage.draw(0, range(2))
    assert batch["latents"].shape[1] == 13 and (batch["fps"] == FULL).all(), "13 frames at once there are of 30 a second alone"
    assert batch["mask"].nonzero()[:, 1].tolist() == 2 * [0, 4, 8, 12]
    nn.init.normal_(stage.image.unet.conv_out.weight)
    (_, loss, _), (_, other, _) = (next(stage.losses(drawn, 0)) for drawn in (batch, _first_noise_changed(batch)))
    assert loss != other, "given frames count as others do"
    loss.backward()
    assert stage.model.temporal.context.entry.weight.grad.any()
    with torch.no_grad():
        assert stage.evaluate().keys() == {"interpolate_30", "interpolate_30_estimate"}
        assert stage.preview().shape[:2] == (2 * 16, 7 * 32)


def _first_noise_changed(batch: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Of the first frame, which is given."""
    noise = batch["noise"].clone()
    noise[:, 0] += 1.0
    return batch | {"noise": noise}


def test_captions_are_drawn_and_dropped(backbone: Path, stores: list[Path], tmp_path: Path) -> None:
    for chance in (0.0, 1.0):
        stage = build_stage("image-ldm", {"drop_caption": chance}, tmp_path, backbone)
        stage.open(stores, stores)
        assert isinstance(stage, FineTuningStage)
        empty = (stage.draw(0, range(6))["caption"] == stage.model.text.ids([""])).all(dim=1)
        assert empty.all() if chance else not empty.any()


def test_footage_teaches_the_tasks_that_it_has_frames_for(backbone: Path, stores: list[Path], tmp_path: Path) -> None:
    """Of key frames alone prediction is learned; of none an error says what is missing."""
    run("video-ldm", tmp_path / "run", backbone, stores[:1])
    figures = [line for line in (tmp_path / "run" / "log.jsonl").read_text().splitlines() if "held_out" in line]
    assert "predict_2" in figures[0] and "interpolate" not in figures[0]
    with ClipWriter(tmp_path / "still.h5") as writer:
        writer.append(ClipStore(stores[0]).read(0, 0, 1))
    with pytest.raises(InputError, match="no clip has 10 frames"):
        run("video-ldm", tmp_path / "none", backbone, [tmp_path / "still.h5"])


def test_what_does_not_fit_is_said_in_a_sentence(
    backbone: Path, stores: list[Path], tmp_path: Path, make_clip: Callable[..., Clip]
) -> None:
    silent = tmp_path / "silent.h5"
    with ClipWriter(silent) as writer:
        clip = make_clip(0, 3, 30.0, 16, 32)
        writer.append(replace(clip, labels=replace(clip.labels, caption=None)))
    with pytest.raises(InputError, match="no clip has a caption"):
        run("image-ldm", tmp_path / "a", backbone, [silent])
    with pytest.raises(InputError, match="autoencoder has none"):
        run("autoencoder", tmp_path / "b", backbone, stores)
    with pytest.raises(InputError, match="model_index.json is missing"):
        run("image-ldm", tmp_path / "c", tmp_path, stores)
    with pytest.raises(InputError, match="4 widths, the backbone has 2 levels"):
        run("video-ldm", tmp_path / "d", backbone, stores, model={"context_widths": [16] * 4})
    with pytest.raises(InputError, match="fine-tuned from itself"):
        run_training("image-ldm", tmp_path / "e", "tiny", stores, stores, init_from=_checkpoint(tmp_path), device_name="cpu",
                     say=lambda _: None, backbone=backbone)  # fmt: skip


def _checkpoint(folder: Path) -> Path:
    """Something with weights to start from."""
    from safetensors.numpy import save_file

    (folder / "config.json").write_text("{}")
    save_file({"x": np.zeros(1, np.float32)}, folder / "weights.safetensors")
    return folder
