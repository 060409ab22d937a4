"""An image LDM learns from stores whose labels tell of the layout: cached, dropped at random, weighed by vehicles."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch

from drivesim.dataset.clips import ClipWriter
from drivesim.dataset.layouts import layouts_path
from drivesim.models.conditions.all_groups import GROUPS, LAYOUT_GROUPS
from drivesim.models.conditions.layout.vehicles import KIND_PLANE
from drivesim.training.latent_data import foreground_weight, unpack
from drivesim.training.loop import start_state, step
from drivesim.training.run import Run
from drivesim.training.stages.image_ldm import ImageLDMRecipe, ImageLDMStage
from drivesim.training.stages.video_ldm import VideoLDMRecipe, VideoLDMStage
from drivesim.world.generator import generate_clip

TINY = {"widths": (16, 16), "blocks": 1, "head_width": 8, "token_width": 32, "encoder_layers": 1}
RECIPE = {"batch": 4, "samples": 8, "warmup": 0, "learning_rate": 1e-2, "bf16": False, "held_out_batches": 1, "model": TINY}


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("data") / "clips.h5"
    with ClipWriter(path) as writer:
        for seed in range(2):
            writer.append(generate_clip(seed, 3, 2.0, 16, 32))
    return path


def stage_of(store: Path, checkpoints: Path, **recipe: object) -> ImageLDMStage:
    stage = ImageLDMStage(ImageLDMRecipe.parse(RECIPE | recipe, "test"), checkpoints)
    stage.open([store], [store])
    return stage


def test_a_tiny_model_learns_from_the_layout(store: Path, checkpoints: Path, tmp_path: Path) -> None:
    stage = stage_of(store, checkpoints)
    assert stage.model.entry is not None and not stage.model.entry.weight.any()
    torch.nn.init.normal_(stage.model.unet.conv_out.weight)
    state, device = start_state(stage, Run(tmp_path / "run", {})), torch.device("cpu")
    for first in (0, 4):
        step(stage, state, stage.draw(first, range(first, first + 4)), device)
    assert stage.model.entry.weight.any()
    stage.model.eval()
    with torch.no_grad():
        figures = stage.evaluate()
    without = {"loss_without_boxes", "loss_without_layout", "loss_without_conditions"}
    assert set(figures) == {"loss", "loss_look_alone", *without}
    assert all(map(math.isfinite, figures.values())) and figures["loss"] != figures["loss_without_layout"]


def shares(stage: ImageLDMStage) -> dict[str, float]:
    """How often each group is given."""
    conditions = unpack(stage.draw(0, range(60)))
    return {name: float(conditions[name].given.float().mean()) for name in GROUPS}


def test_the_layout_is_dropped_by_groups_and_as_a_whole(store: Path, checkpoints: Path) -> None:
    never = dict.fromkeys(GROUPS, 0.0)
    assert set(shares(stage_of(store, checkpoints, drop=never, drop_layout=0, drop_all=0, look_alone=0)).values()) == {1.0}
    alone = shares(stage_of(store, checkpoints, drop=never | {"roadside": 1.0}, drop_layout=0, drop_all=0, look_alone=0))
    assert alone == dict.fromkeys(GROUPS, 1.0) | {"roadside": 0.0}
    whole = shares(stage_of(store, checkpoints, drop=never, drop_layout=1, drop_all=0, look_alone=0))
    assert whole == dict.fromkeys(GROUPS, 1.0) | dict.fromkeys(LAYOUT_GROUPS, 0.0)
    assert set(shares(stage_of(store, checkpoints, drop=never, drop_layout=0, drop_all=1, look_alone=0)).values()) == {0.0}
    look = shares(stage_of(store, checkpoints, drop=never, drop_layout=0, drop_all=1, look_alone=1))
    assert look == dict.fromkeys(GROUPS, 0.0) | {"look": 1.0}
    some = shares(stage_of(store, checkpoints, drop=never, drop_layout=0, drop_all=0, look_alone=0.5))
    assert some.pop("look") == 1.0 and len(set(some.values())) == 1 and 0.3 < some.pop("boxes") < 0.7


def test_cells_of_vehicles_weigh_more(store: Path, checkpoints: Path) -> None:
    stage = stage_of(store, checkpoints, drop=dict.fromkeys(GROUPS, 0.0), drop_layout=0, drop_all=0, look_alone=0)
    conditions = unpack(stage.draw(0, range(12))).drop(boxes=True)
    shown = conditions["vehicles"]["planes"][:, KIND_PLANE] > 0
    weight = foreground_weight(conditions, 2, 4, 3.0)
    torch.testing.assert_close(weight.mean(dim=(1, 2)), torch.ones(12))
    some = shown.flatten(1).any(dim=1) & ~shown.flatten(1).all(dim=1)
    assert some.any()
    covered = torch.nn.functional.max_pool2d(shown.float(), 8) > 0
    assert all(weight[row][covered[row]].max() > weight[row].min() for row in some.nonzero()[:, 0])
    assert (foreground_weight(conditions.drop(vehicles=True), 2, 4, 3.0) == 1).all()


def test_a_model_without_layout_makes_none(tmp_path: Path, checkpoints: Path) -> None:
    with ClipWriter(tmp_path / "clips.h5") as writer:
        writer.append(generate_clip(1, 2, 2.0, 16, 32))
    groups = [name for name in GROUPS if name not in LAYOUT_GROUPS]
    stage = stage_of(tmp_path / "clips.h5", checkpoints, model=TINY | {"groups": groups})
    assert not unpack(stage.draw(0, range(2)))["vehicles"].given.any()
    assert not layouts_path(stage.frames.stores[0]).exists()


VIDEO = {
    "batch": 2, "samples": 4, "warmup": 0, "learning_rate": 1e-2, "bf16": False, "held_out_batches": 1,
    "model": {"context_widths": (16, 16), "embedding_width": 16, "head_width": 8}, "drop_layout": 0.0,
}  # fmt: skip


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("films")
    for name, frames, fps in (("keys", 10, 1.875), ("full", 17, 30.0)):
        with ClipWriter(folder / f"{name}.h5") as writer:
            writer.append(generate_clip(3, frames, fps, 16, 32))
    return [folder / "keys.h5", folder / "full.h5"]


def video_stage_of(films: list[Path], checkpoints: Path, **recipe: object) -> VideoLDMStage:
    stage = VideoLDMStage(VideoLDMRecipe.parse(VIDEO | recipe, "test"), checkpoints)
    stage.open(films, films)
    return stage


def test_a_tiny_video_model_learns_from_the_layout_of_every_frame(
    films: list[Path], checkpoints: Path, tmp_path: Path
) -> None:
    stage = video_stage_of(films, checkpoints)
    entry = stage.model.temporal.context.entry
    assert entry is not None and stage.model.temporal.level is not None
    torch.nn.init.normal_(stage.model.temporal.context.estimate.weight, std=0.1)
    state, device = start_state(stage, Run(tmp_path / "run", {})), torch.device("cpu")
    for first in (0, 2):
        batch = stage.draw(first, range(first, first + 2))
        given = unpack(batch)["vehicles"].given.reshape(2, -1)
        assert (given == given[:, :1]).all()  # dropped clip by clip
        assert batch["context_noise"].shape == (2, batch["latents"].shape[1], 3, *batch["latents"].shape[2:])
        step(stage, state, batch, device)
    assert entry.weight.any() and stage.model.temporal.level.weight.any()
    with torch.no_grad():
        figures = stage.evaluate()
    assert {"predict_0", "predict_2", "predict_2_with_layout", "interpolate_30_with_layout_estimate"} <= figures.keys()
    assert all(map(math.isfinite, figures.values())) and figures["predict_2"] != figures["predict_2_with_layout"]


def test_image_layers_learn_with_stills_beside_the_clips(films: list[Path], checkpoints: Path, tmp_path: Path) -> None:
    stage = video_stage_of(films, checkpoints, spatial="joint", stills=3)
    image = stage.model.image
    before = {name: value.clone() for name, value in image.named_parameters()}
    state, batch = start_state(stage, Run(tmp_path / "run", {})), stage.draw(0, range(2))
    assert batch["stills/latents"].shape == (2, 3, *batch["latents"].shape[2:]) and batch["stills/t"].unique().numel() > 2
    (_, loss, _), (_, alone, _) = (next(stage.losses(drawn, 0)) for drawn in (batch, _without_stills(batch)))
    assert loss > alone
    step(stage, state, batch, torch.device("cpu"))
    assert all(not torch.equal(value, before[name]) for name, value in image.named_parameters() if name.startswith("unet.up"))
    plain = video_stage_of(films, checkpoints).draw(0, range(2))
    for name, value in plain.items():  # clips are drawn as without stills
        torch.testing.assert_close(batch[name], value, rtol=0, atol=0, equal_nan=True)


def _without_stills(batch: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {name: value for name, value in batch.items() if not name.startswith("stills/")}


def test_noise_of_given_frames_is_drawn_as_the_recipe_says(films: list[Path], checkpoints: Path) -> None:
    def levels(**recipe: float) -> torch.Tensor:
        stage = video_stage_of(films, checkpoints, **recipe)
        return stage.draw(0, range(40))["level"]

    drawn = levels(context_noise=0.5, context_clean=0.25)
    assert 0.05 < (drawn == 0).float().mean() < 0.5 and 0.3 < drawn.max() < 0.5
    assert not levels(context_clean=1.0).any()


def test_given_frames_are_moved_by_the_layout(films: list[Path], checkpoints: Path) -> None:
    def drawn(**recipe: float) -> dict[str, torch.Tensor]:
        stage = video_stage_of(films, checkpoints, **recipe)
        return stage.draw(0, range(6))

    batch = drawn(prediction=1.0, drop_motion=0.0)
    given = batch["mask"].sum(dim=1) > 0
    assert given.any() and batch["metres"].isnan().all()  # the layout knows better
    seen = batch["moved_seen"][given]
    assert seen[:, 2, 0].any() and (seen.amax(dim=(3, 4)) <= 1).all() and not batch["moved_seen"][~given].any()
    assert (batch["moved"].abs().amax(dim=3) > 0)[batch["moved_seen"] > 0].all()
    assert not drawn(prediction=1.0, drop_motion=1.0)["moved_seen"].any()


def test_vehicles_weigh_more_in_the_loss_of_clips(films: list[Path], checkpoints: Path) -> None:
    """Where all of the error is in cells of vehicles, `foreground` raises the loss; where none is, it lowers it."""

    def loss(foreground: float, of_vehicles: bool) -> float:
        stage = video_stage_of(films, checkpoints, foreground=foreground, estimate=0.0, drop={"vehicles": 0.0})
        for parameter in stage.model.image.unet.conv_out.parameters():
            torch.nn.init.zeros_(parameter)
        batch = stage.draw(0, range(4))
        shape = batch["latents"].shape
        shown = unpack(batch)["vehicles"]["planes"][:, KIND_PLANE].float()
        vehicles = torch.nn.functional.adaptive_avg_pool2d(shown, shape[-2:]).reshape(*shape[:2], 1, *shape[-2:]) > 0
        assert 0.01 < vehicles.float().mean() < 0.6
        batch |= {"latents": torch.zeros(shape), "mask": torch.zeros(shape[:2])}
        batch["noise"] = (vehicles == of_vehicles).float().expand(shape)
        with torch.no_grad():
            ((_, value, _),) = stage.losses(batch, 0)
        return float(value)

    assert loss(9.0, True) > 1.15 * loss(0.0, True) > 0
    assert loss(9.0, False) < 0.85 * loss(0.0, False)
