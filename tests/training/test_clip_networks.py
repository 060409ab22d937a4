"""Temporal layers for a public decoder and a public upscaler, by the calls that train everything else."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from tiny_backbone import write_upscaler
from torch import nn

from drivesim.config import InputError
from drivesim.dataset.clips import ClipWriter
from drivesim.models.stable_diffusion.clip_decoder import ClipDecoder
from drivesim.models.stable_diffusion.clip_upscaler import ClipUpscaler
from drivesim.models.stable_diffusion.latents import PublicLatents
from drivesim.models.stable_diffusion.upscaler import Upscaler
from drivesim.scene.clip import Clip
from drivesim.training.job import export_run, run_training
from drivesim.training.loop import start_state, step
from drivesim.training.run import Run
from drivesim.training.stages.all_stages import build_stage
from drivesim.training.stages.public_decoder import PublicDecoderStage
from drivesim.training.stages.public_upscaler import PublicUpscalerStage
from drivesim.video_format import TrainedName

STAGES: tuple[TrainedName, ...] = ("decoder", "super-resolution")


@pytest.fixture(scope="module")
def upscaler(backbone: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_upscaler(tmp_path_factory.mktemp("upscaler"))


@pytest.fixture
def store(tmp_path: Path, make_clip: Callable[..., Clip]) -> Path:
    with ClipWriter(tmp_path / "clips.h5") as writer:
        for seed in range(2):
            writer.append(make_clip(seed, 4, 30.0, 32, 64))
    return tmp_path / "clips.h5"


@pytest.mark.parametrize("name", STAGES)
def test_a_run_goes_on_where_it_stopped_and_its_export_loads(
    name: TrainedName, backbone: Path, upscaler: Path, store: Path, tmp_path: Path
) -> None:
    folder = upscaler if name == "super-resolution" else backbone

    def run(where: str, minutes: float = math.inf) -> None:
        run_training(name, tmp_path / where, "tiny", [store], [store], minutes=minutes, device_name="cpu", say=lambda _: None,
                     backbone=folder)  # fmt: skip

    run("whole")
    run("parts", minutes=0.0)
    run("parts")
    states = [load_file(tmp_path / part / "state.safetensors") for part in ("whole", "parts")]
    assert all(torch.equal(tensor, states[1][key]) for key, tensor in states[0].items())
    assert list((tmp_path / "whole").glob("preview-*.png"))
    exported = tmp_path / "exported"
    export_run(tmp_path / "whole", exported, [], None, say=lambda _: None)
    if name == "decoder":
        assert ClipDecoder.load(exported, PublicLatents.load(backbone)).reach == 4
    else:
        ClipUpscaler.load(exported, Upscaler.load(upscaler))


@pytest.mark.parametrize("name", STAGES)
def test_a_step_moves_the_temporal_layers_alone(
    name: TrainedName, backbone: Path, upscaler: Path, store: Path, tmp_path: Path
) -> None:
    model = {"model": {"embedding_width": 16, "head_width": 16}} if name == "super-resolution" else {}
    values = {"batch": 2, "samples": 4, "warmup": 0, "bf16": False, "frames": 3, "learning_rate": 1e-2, "held_out_batches": 1}
    stage = build_stage(name, values | model, tmp_path, upscaler if name == "super-resolution" else backbone)
    assert isinstance(stage, PublicDecoderStage | PublicUpscalerStage)
    stage.open([store], [store])
    frozen: nn.Module = stage.codec if isinstance(stage, PublicDecoderStage) else stage.upscaler
    public = [tensor.clone() for tensor in frozen.state_dict().values()]
    own = [parameter.clone() for parameter in stage.model.parameters()]
    with torch.no_grad():
        before = stage.evaluate()
    state = start_state(stage, Run(tmp_path / "run", {}))
    for first in (0, 2):
        step(stage, state, stage.draw(first, range(first, first + 2)), torch.device("cpu"))
    assert all(torch.equal(a, b) for a, b in zip(public, frozen.state_dict().values(), strict=True))
    assert not all(torch.equal(a, b) for a, b in zip(own, stage.model.parameters(), strict=True))
    with torch.no_grad():
        after = stage.evaluate()
    alone = [figure for figure in before if figure.endswith("_alone")]
    assert alone and all(before[figure] == before[figure.removesuffix("_alone")] == after[figure] for figure in alone)
    assert all(math.isfinite(value) for value in after.values()) and after != before


def test_small_frames_get_noise_of_all_levels_up_to_the_largest(upscaler: Path, store: Path, tmp_path: Path) -> None:
    values = {"frames": 2, "crop": 32, "level": 5, "model": {"embedding_width": 16, "head_width": 16}}
    stage = build_stage("super-resolution", values, tmp_path, upscaler)
    stage.open([store], [store])
    batch = stage.draw(0, range(64))
    assert set(batch["level"].tolist()) == set(range(6)) and batch["low"].shape == (64, 2, 3, 8, 8)


def test_what_does_not_fit_is_said_in_a_sentence(backbone: Path, upscaler: Path, store: Path, tmp_path: Path) -> None:
    for name, folder in (("decoder", upscaler), ("super-resolution", backbone)):
        with pytest.raises(InputError, match="holds a StableDiffusion"):
            run_training(name, tmp_path / "run", "tiny", [store], [store], device_name="cpu", backbone=folder)
