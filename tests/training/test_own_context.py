"""Given frames that are the model's own: made of the batch alone, moved as the frames of the store are, met in training."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from drivesim.dataset.clips import ClipWriter
from drivesim.models.image_ldm import ImageLDM
from drivesim.training.clip_tasks import OWN, with_own
from drivesim.training.latent_data import unpack
from drivesim.training.loop import train
from drivesim.training.run import Run
from drivesim.training.stages.video_ldm import VideoLDMRecipe, VideoLDMStage
from drivesim.world.generator import generate_clip

RECIPE = {
    "batch": 2, "samples": 4, "warmup": 0, "learning_rate": 1e-2, "bf16": False, "held_out_batches": 1, "prediction": 1.0,
    "drop_motion": 0.0, "model": {"context_widths": (16, 16), "embedding_width": 16, "head_width": 8},
}  # fmt: skip


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("films") / "keys.h5"
    with ClipWriter(path) as writer:
        writer.append(generate_clip(3, 10, 1.875, 16, 32))
    return path


def stage_of(film: Path, checkpoints: Path, **recipe: object) -> VideoLDMStage:
    stage = VideoLDMStage(VideoLDMRecipe.parse(RECIPE | recipe, "test"), checkpoints)
    image = stage.model.image
    assert isinstance(image, ImageLDM)
    torch.nn.init.normal_(image.unet.conv_out.weight, std=0.1, generator=torch.Generator().manual_seed(0))
    stage.open([film], [film])
    return stage


def test_the_second_given_frame_is_the_models_own(film: Path, checkpoints: Path) -> None:
    stage = stage_of(film, checkpoints, own=1.0)
    batch = stage.draw(0, range(6))
    own = batch["own"]
    assert torch.equal(own, batch["mask"][:, OWN] > 0) and own.any() and not own.all()
    mixed, again = (stage.with_own(batch, unpack(batch)) for _ in range(2))
    assert all(torch.equal(value.nan_to_num(), again[name].nan_to_num()) for name, value in mixed.items())
    changed = (mixed["given"] != batch["latents"]).flatten(2).any(dim=2)
    assert torch.equal(changed, own[:, None] & (torch.arange(10) == OWN))
    moved = (mixed["moved"] != batch["moved"]).flatten(3).any(dim=3)
    assert not moved[~own].any() and moved[own][:, OWN + 1, 0].any() and not moved[:, OWN].any() and not moved[:, 2:, 1].any()
    assert torch.equal(mixed["latents"], batch["latents"])  # what is to be learned stays
    losses = [next(stage.losses(batch | {"own": flag}, 0))[1] for flag in (own, own & False)]
    assert not torch.equal(*losses)


def test_a_frame_is_moved_as_those_of_the_store_are(film: Path, checkpoints: Path) -> None:
    stage = stage_of(film, checkpoints, own=1.0)
    batch = stage.draw(0, range(6))
    rows = batch["own"].nonzero()[:, 0]
    mixed = with_own(stage.latent_data.space, batch, rows, batch["latents"][rows, OWN])
    assert batch["moved_seen"][rows][:, 2:, 0].any()
    torch.testing.assert_close(mixed["moved"], batch["moved"], atol=3e-2, rtol=3e-2)  # the store's by bfloat16
    torch.testing.assert_close(mixed["moved_seen"], batch["moved_seen"], atol=3e-3, rtol=0)


def test_what_is_drawn_else_stays_the_same(film: Path, checkpoints: Path) -> None:
    without, batch = (stage_of(film, checkpoints, own=own).draw(0, range(3)) for own in (0.0, 0.5))
    assert all(torch.equal(value.nan_to_num(), batch[name].nan_to_num()) for name, value in without.items())
    assert batch.keys() - without.keys() == {"own", "own_noise", "own_flow", "own_seen", "own_moves"}


def test_a_run_goes_on_where_it_stopped_and_says_how_it_fares_on_its_own(film: Path, checkpoints: Path, tmp_path: Path) -> None:
    def run(where: str, seconds: float = math.inf) -> VideoLDMStage:
        stage = stage_of(film, checkpoints, own=1.0)
        train(stage, Run(tmp_path / where, {}), torch.device("cpu"), lambda _: None, seconds)
        return stage

    run("whole")
    run("parts", 0.0)
    stage = run("parts")
    states = [load_file(tmp_path / part / "state.safetensors") for part in ("whole", "parts")]
    assert all(torch.equal(tensor, states[1][name]) for name, tensor in states[0].items())
    with torch.no_grad():
        figures = stage.held_out_figures(0)
    assert figures["predict_2_own"] != figures["predict_2"] and math.isfinite(figures["predict_2_own_with_layout"])
