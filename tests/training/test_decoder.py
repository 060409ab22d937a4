"""The decoder of clips learns from noisy and generated latents, on crops, with layouts that are dropped at random."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from tiny_cascade import write_cascade

from drivesim.config import InputError
from drivesim.dataset.clips import ClipWriter
from drivesim.dataset.importers.unknown import unknown_labels
from drivesim.models.conditions.all_groups import LAYOUT_GROUPS
from drivesim.scene.clip import Clip
from drivesim.training.latent_data import unpack
from drivesim.training.loop import start_state, step
from drivesim.training.run import Run
from drivesim.training.stages.decoder import DecoderRecipe, DecoderStage, _cropped, moved_flicker, unsteady_error
from drivesim.world.generator import generate_clip

RECIPE = {"batch": 2, "samples": 8, "warmup": 0, "learning_rate": 1e-2, "bf16": False, "held_out_batches": 1, "frames": 3,
          "crop": [16, 16], "adversary_width": 8}  # fmt: skip


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("data") / "clips.h5"
    with ClipWriter(path) as writer:
        for seed in range(2):
            writer.append(generate_clip(seed, 4, 30.0, 32, 64))
    return path


def stage_of(store: Path, checkpoints: Path, **recipe: object) -> DecoderStage:
    stage = DecoderStage(DecoderRecipe.parse(RECIPE | recipe, "test"), checkpoints)
    stage.open([store], [store])
    return stage


@pytest.mark.parametrize("generated", [0.0, 1.0])
def test_only_the_decoder_of_clips_learns(store: Path, checkpoints: Path, tmp_path: Path, generated: float) -> None:
    stage = stage_of(store, checkpoints, generated=generated, drop_layout=0.0)
    before = {name: value.clone() for name, value in stage.space.state_dict().items()}
    state, device = start_state(stage, Run(tmp_path / "run", {})), torch.device("cpu")
    for first in (0, 2, 4):
        step(stage, state, stage.draw(first, range(first, first + 2)), device)
    changed = {name.split(".")[0] for name, value in stage.space.state_dict().items() if not torch.equal(value, before[name])}
    assert changed == {"clip_decoder", "temporal", "layout", "entries"}
    with torch.no_grad():
        figures = stage.evaluate()
    assert {"psnr", "edges", "flicker", "psnr_without_layout", "psnr_alone", "psnr_clean"} <= set(figures)
    assert all(map(math.isfinite, figures.values())) and figures["psnr"] != figures["psnr_without_layout"]
    assert stage.preview().shape == (4 * 32, 3 * 64, 3)


@pytest.mark.parametrize("plain", [True, False])
def test_at_the_start_a_clip_is_decoded_as_its_frames(plain: bool, store: Path, tmp_path: Path) -> None:
    """Also where the checkpoint has a decoder of clips."""
    with torch.no_grad():
        figures = stage_of(store, write_cascade(tmp_path, plain=plain)).evaluate()
    assert figures["psnr"] == pytest.approx(figures["psnr_alone"], abs=0.02)


def test_generated_latents_are_estimates_of_the_true_ones(store: Path, checkpoints: Path) -> None:
    stage = stage_of(store, checkpoints, generated=1.0, generated_time=0.0)
    batch = stage.draw(0, range(2))
    seen = stage._seen_latents(batch, unpack(batch))
    assert not torch.equal(seen, batch["latents"])
    torch.testing.assert_close(seen, batch["latents"], atol=0.3, rtol=0)
    plain = stage_of(store, checkpoints, generated=0.0, latent_noise=0.0).draw(0, range(2))
    assert torch.equal(stage._seen_latents(plain, unpack(plain)), plain["latents"])


def test_crops_of_frames_latents_and_layout_show_the_same_place(store: Path, checkpoints: Path) -> None:
    stage = stage_of(store, checkpoints, drop_layout=0.0)
    batch = stage.draw(0, range(2))
    conditions = unpack(batch)
    latents, shown = _cropped(batch["latents"], conditions, batch["crop"], (16, 16))
    assert latents.shape[3:] == (2, 2)
    for clip, (y, x) in enumerate(batch["crop"].tolist()):
        assert torch.equal(latents[clip], batch["latents"][clip, :, :, y : y + 2, x : x + 2])
        for name in LAYOUT_GROUPS:
            whole = conditions[name]["planes"].unflatten(0, (2, 3))[clip]
            part = shown[name]["planes"].unflatten(0, (2, 3))[clip]
            if whole.shape[-1] > 1:
                assert torch.equal(part, whole[:, :, 8 * y : 8 * y + 16, 8 * x : 8 * x + 16])


def test_footage_without_labels_at_its_own_rate_teaches_it(checkpoints: Path, tmp_path: Path) -> None:
    path = tmp_path / "own.h5"
    with ClipWriter(path) as writer:
        writer.append(Clip(generate_clip(0, 3, 7.5, 32, 64).frames, unknown_labels(3, 7.5, "own", "")))
    with pytest.raises(InputError, match="no clip has 3 frames at 30 fps"):
        stage_of(path, checkpoints)
    stage = stage_of(path, checkpoints, fps=7.5)
    conditions = unpack(stage.draw(0, range(2)))
    assert not any(conditions[name].given.any() for name in LAYOUT_GROUPS)
    with torch.no_grad():
        assert all(map(math.isfinite, stage.evaluate().values()))


def test_errors_that_move_with_what_they_are_on_are_steady() -> None:
    pattern = torch.rand(3, 16, 40, generator=torch.Generator().manual_seed(0))
    moving = torch.stack([pattern[:, :, 3 * k : 3 * k + 24] for k in range(3)])[None]  # 3 px to the left a frame
    flow = torch.zeros(1, 2, 2, 16, 24)
    flow[:, :, 0] = 3.0
    seen = torch.ones(1, 2, 1, 16, 24)
    seen[..., -3:] = 0
    assert unsteady_error(moving, flow, seen) == pytest.approx(0, abs=1e-5)
    assert unsteady_error(moving[:, :1].expand(-1, 3, -1, -1, -1), flow, seen) > 0.3
    assert unsteady_error(moving, flow, 0 * seen) == 0
    assert unsteady_error(moving[:, :1], flow[:, :0], seen[:, :0]) == 0


def test_what_changes_beyond_what_moves_is_flicker() -> None:
    clips = (generate_clip(seed, 4, 30.0, 64, 128, noise=False) for seed in range(9))
    clip = next(clip for clip in clips if clip.labels.time_of_day == "day")
    spoiled = clip.frames.astype(np.int16) + np.random.default_rng(0).integers(-20, 21, clip.frames.shape)
    true, found = (moved_flicker(x[None].clip(0, 255).astype(np.uint8), [clip.labels]) for x in (clip.frames, spoiled))
    assert 0 < true < found
    unknown = replace(clip.labels, roadside=None)
    assert moved_flicker(np.stack([clip.frames] * 2), [clip.labels, unknown]) == pytest.approx(true)
    assert np.isnan(moved_flicker(clip.frames[None], [unknown]))
