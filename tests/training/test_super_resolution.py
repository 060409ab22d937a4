"""Super-resolution that is shown the layout: crops of frames and layout agree, and what reads it learns."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch

from drivesim.config import InputError
from drivesim.dataset.clips import ClipWriter
from drivesim.models.conditions.all_groups import LAYOUT_GROUPS
from drivesim.models.conditions.layout.vehicles import KIND_PLANE
from drivesim.training.latent_data import unpack
from drivesim.training.loop import start_state, step
from drivesim.training.run import Run
from drivesim.training.stages.super_resolution import SuperResolutionRecipe, SuperResolutionStage, spoil
from drivesim.world.generator import generate_clip

MODEL = {"widths": [8, 16], "blocks": [1, 1], "sharpener_width": 8, "sharpener_blocks": 1, "temporal_widths": [4, 4],
         "layout": True, "bodies": True}  # fmt: skip
RECIPE = {"batch": 2, "samples": 8, "warmup": 0, "learning_rate": 1e-2, "bf16": False, "held_out_batches": 1, "crop": 32,
          "frames": 2, "steps": 1}  # fmt: skip


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("data") / "clips.h5"
    with ClipWriter(path) as writer:
        writer.append(generate_clip(0, 3, 30.0, 64, 128))
    return path


@pytest.mark.parametrize("temporal", [False, True])
def test_what_reads_the_layout_learns(store: Path, checkpoints: Path, tmp_path: Path, temporal: bool) -> None:
    recipe = RECIPE | {"model": MODEL | {"temporal": temporal}, "drop_layout": 0.0}
    stage = SuperResolutionStage(SuperResolutionRecipe.parse(recipe, "test"), checkpoints)
    stage.open([store], [store])
    torch.nn.init.normal_(stage.model.network.head.weight, std=0.1)
    torch.nn.init.normal_(stage.model.sharpener.head.weight, std=0.1)
    before = {name: value.clone() for name, value in stage.model.state_dict().items()}
    state, device = start_state(stage, Run(tmp_path / "run", {})), torch.device("cpu")
    for first in (0, 2, 4):
        step(stage, state, stage.draw(first, range(first, first + 2)), device)
    changed = {name.split(".")[0] for name, value in stage.model.state_dict().items() if not torch.equal(value, before[name])}
    assert changed == {"layout", "entries", *(["temporal"] if temporal else ["network", "sharpener"])}
    with torch.no_grad():
        figures = stage.evaluate()
    assert all(map(math.isfinite, figures.values())) and figures["psnr"] != figures["psnr_without_layout"]
    assert {"flicker", "detail_estimate", "psnr_bicubic", "psnr_vehicles", "psnr_bicubic_vehicles"} <= set(figures)


def test_the_layout_is_that_of_the_patch_and_is_dropped(store: Path, checkpoints: Path) -> None:
    stage = SuperResolutionStage(SuperResolutionRecipe.parse(RECIPE | {"model": MODEL, "drop_layout": 0.5}, "test"), checkpoints)
    stage.open([store], [store])
    conditions = unpack(stage.draw(0, range(40)), "high")
    given = torch.stack([conditions[name].given for name in LAYOUT_GROUPS])
    assert given.shape == (4, 80) and 0.2 < float(given.any(dim=0).float().mean()) < 0.8
    assert conditions["ground_map"]["planes"].shape[2:] == (32, 32)


def test_patches_show_vehicles_more_often_than_chance(store: Path, checkpoints: Path) -> None:
    shown = []
    for share in (0.0, 1.0):
        recipe = RECIPE | {"model": MODEL, "drop_layout": 0.0, "vehicles": share}
        stage = SuperResolutionStage(SuperResolutionRecipe.parse(recipe, "test"), checkpoints)
        stage.open([store], [store])
        vehicles = unpack(stage.draw(0, range(80)), "high")["vehicles"]
        shown.append(float((vehicles["planes"][vehicles.given][:, KIND_PLANE] > 0).float().mean()))
    assert shown[1] > 1.1 * shown[0] > 0


def test_stills_are_moved_as_clips(store: Path, checkpoints: Path) -> None:
    """Their first frame is that of the clip; the others follow from it, in high and low resolution alike; the layout is unknown."""
    temporal = {"model": MODEL | {"temporal": True}, "drop_layout": 0.0, "vehicles": 0.0}
    batches = []
    for stills in (0.0, 1.0):
        stage = SuperResolutionStage(SuperResolutionRecipe.parse(RECIPE | temporal | {"stills": stills}, "test"), checkpoints)
        stage.open([store], [store])
        batches.append(stage.draw(0, range(12)))
    clips, moved = batches
    torch.testing.assert_close(moved["high"][:, 0], clips["high"][:, 0], rtol=0, atol=0)
    assert not torch.equal(moved["high"][:, 1], clips["high"][:, 1]) and not torch.equal(moved["high"][:, 1], moved["high"][:, 0])
    assert torch.equal(moved["noise"], clips["noise"]) and torch.equal(moved["t"], clips["t"])
    assert all(unpack(clips, "high")[name].given.any() and not unpack(moved, "high")[name].given.any() for name in LAYOUT_GROUPS)
    for temporal_layers, frames in ((False, 2), (True, 1)):
        recipe = RECIPE | {"model": MODEL | {"temporal": temporal_layers}, "frames": frames, "stills": 0.5}
        with pytest.raises(InputError, match="stills: are moved as clips for temporal layers"):
            SuperResolutionStage(SuperResolutionRecipe.parse(recipe, "test"), checkpoints)


def test_texture_is_learned_off_markings_and_vehicles_alone(store: Path, checkpoints: Path) -> None:
    stages = []
    for texture in (0.0, 1.0):
        recipe = RECIPE | {"model": MODEL, "drop_layout": 0.0, "texture": texture}
        stages.append(SuperResolutionStage(SuperResolutionRecipe.parse(recipe, "test"), checkpoints))
        stages[-1].open([store], [store])
    batch = stages[1].draw(0, range(20))
    told, textured = unpack(batch, "high"), batch["textured"]
    vehicles, ground, roadside = (told[name]["planes"].unflatten(0, (20, 2)) for name in ("vehicles", "ground_map", "roadside"))
    assert textured.shape == (20, 2, 1, 32, 32) and 0.1 < float(textured.mean()) < 0.9
    kept_off = (vehicles[:, :, KIND_PLANE] > 0) | (ground[:, :, 2] > 0)
    assert float((textured[:, :, 0] * kept_off).sum()) == 0
    stands = (roadside[:, :, 0] > 0) & ~kept_off
    assert 0 < float((textured[:, :, 0] * stands).sum()) < float(stands.sum())  # what grows, not what was built
    (_, loss, noted), (_, with_texture, more) = (next(stage.losses(batch, 0)) for stage in stages)
    assert set(more) - set(noted) == {"texture"} and float(more["texture"]) > 0
    torch.testing.assert_close(with_texture, loss + more["texture"])


def test_what_is_spoiled() -> None:
    """Edges are astray by so much, as many pixels as said have specks, and nothing else changes."""
    edge = np.broadcast_to(np.linspace(0, 255, 128).round().astype(np.uint8)[:, None], (2, 64, 128, 3)).copy()
    rng = np.random.default_rng(0)
    np.testing.assert_array_equal(spoil(edge, 0, 0, rng), edge)
    astray = (spoil(edge, 0.5, 0, rng).astype(float) - edge)[:, 8:-8, 8:-8, 0] / 2  # 2 grey values a pixel
    assert abs(astray.mean()) < 0.1 and 0.35 < astray.std() < 0.65
    assert not np.array_equal(astray[0], astray[1])
    grey = np.full((1, 200, 200, 3), 128, np.uint8)
    specks = np.abs(spoil(grey, 0, 0.01, rng).astype(int) - 128).max(axis=3)
    assert 0.005 < (specks > 20).mean() < 0.03 and (specks == 0).mean() > 0.8
