"""Image LDM: latents of single frames, noised at every level, under conditions that are dropped at random."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from pydantic import Field, field_validator
from torch import Tensor, nn

from drivesim.config import Config
from drivesim.dataset.batches import ClipWindows
from drivesim.dataset.sheets import draw_boxes
from drivesim.diffusion.ddim import sample
from drivesim.diffusion.guidance import guide
from drivesim.models.backbone import DrivingModel, LatentCodec
from drivesim.models.conditions.all_groups import GROUPS, LAYOUT_GROUPS, no_conditions
from drivesim.models.conditions.conditions import Conditions
from drivesim.models.image_ldm import ImageLDM, ImageLDMConfig
from drivesim.models.latent_space import LatentSpace
from drivesim.scene.boxes import Boxes
from drivesim.tensors import numpy_stream, torch_stream
from drivesim.training.latent_data import (
    LatentData,
    asked_boxes,
    diffusion_error,
    diffusion_time,
    drawn_drops,
    foreground_weight,
    known_conditions,
    pack,
    shows_layout,
    stack,
    unpack,
)
from drivesim.training.stage import Batch, Chance, ModelDescription, Recipe, chances, mean_figures, seeded
from drivesim.video_format import StageName

PREVIEW_GUIDANCE, PREVIEW_STEPS = 2.0, 25


class ConditionedRecipe(Recipe):
    """Chances of conditions to be left out: `drop` by group, each by itself, `drop_layout` for all layout maps, and `drop_all`.

    Nothing given is the null branch of guidance; boxes alone are missing wherever the video model samples. Groups that `drop`
    does not name have the chance that they say themselves. For a share `look_alone` of the frames all but the look is left out,
    which is what the papers' first frames are told. Cells of vehicles count `foreground` times more than others in training.
    """

    drop: dict[str, Chance] = Field({}, validate_default=True)
    drop_layout: Chance = 0.1
    drop_all: float = Field(0.1, ge=0, le=1)
    look_alone: Chance = 0.1
    foreground: float = Field(2.0, ge=0)

    @field_validator("drop")
    @classmethod
    def _every_group(cls, drop: dict[str, float]) -> dict[str, float]:
        return chances({name: group.dropout.picture for name, group in GROUPS.items()}, drop)


class ImageLDMRecipe(ConditionedRecipe):
    """As of ConditionedRecipe, for a `model` with as many latent channels as the autoencoder that it rests on."""

    model: ImageLDMConfig = ImageLDMConfig()


def picture(frames: ClipWindows, recipe: ConditionedRecipe, i: int, rng: np.random.Generator, steps: int) -> Batch:
    """Sample number i of a frame: latents and noise [c h w], t of `steps`, conditions of one row with groups dropped."""
    labelled = frames.batch(rng, 1, pictures=False)
    dropped = drawn_drops(recipe.drop, recipe.drop_layout, rng, recipe.drop_all)
    if recipe.sample_rng("look-alone", i).random() < recipe.look_alone:
        dropped = {name: name != "look" for name in GROUPS}
    labels = labelled.labels[0]
    asked = replace(labelled, labels=(replace(labels, boxes=asked_boxes(labels.boxes, rng)),))
    conditions = known_conditions(asked).drop(**dropped)
    assert labelled.latents is not None
    latents = torch.from_numpy(labelled.latents[0, 0]).float()
    return {
        "latents": latents,
        "noise": torch.from_numpy(rng.standard_normal(latents.shape, np.float32)),
        "t": diffusion_time(i, rng, steps),
        **{name: value[0] for name, value in pack(conditions).items()},
    }


class ConditionedStage:
    """Trains an image model on the latents of every frame of the stores, under conditions."""

    name: StageName = "image-ldm"

    def __init__(self, recipe: ConditionedRecipe, codec: LatentCodec, model: DrivingModel, config: Config) -> None:
        self.recipe, self.model, self.config = recipe, model, config
        self.latent_data = LatentData(codec, shows_layout(model.groups))
        self.modules: dict[str, nn.Module] = {"model": self.model}
        self.networks = self.model.networks

    def open(self, data: list[Path], held_out: list[Path]) -> None:
        """Frames of the stores, with latents and, for models that are shown it, layout."""
        self.frames = self.latent_data.windows(data, 1, None)
        self.held_out = self.latent_data.windows(held_out, 1, None)

    def draw(self, step: int, index: range) -> Batch:
        """latents and noise [b c h w], t int64 [b], conditions of b rows with groups dropped."""
        steps = len(self.model.schedule)
        return stack([picture(self.frames, self.recipe, i, self.recipe.sample_rng(self.name, i), steps) for i in index])

    def _error(self, batch: Batch, conditions: Conditions) -> Tensor:
        """Error of each cell [b h w]."""
        model, latents, noise, t = self.model, batch["latents"], batch["noise"], batch["t"]
        noisy = model.schedule.add_noise(latents, noise, t).contiguous(memory_format=torch.channels_last)
        output = model(noisy, t, conditions)
        return diffusion_error(model.prediction, model.schedule, output, latents, noise, t)

    def losses(self, batch: Batch, samples: int) -> Iterator[tuple[str, Tensor, dict[str, Tensor]]]:
        """Mean squared error of the prediction, weighted."""
        conditions = unpack(batch)
        error = self._error(batch, conditions)
        weight = foreground_weight(conditions, error.shape[1], error.shape[2], self.recipe.foreground)
        yield "model", (error * weight).mean(), {"error": error.mean().detach()}

    def held_out_figures(self, part: int) -> dict[str, float]:
        """Loss on 32 held-out frames at fixed times, noise: given all, without boxes or layout, with the look alone, or none."""
        device = next(self.model.parameters()).device
        cases: dict[str, Iterable[str]] = {
            "loss": (),
            "loss_without_boxes": ("boxes",),
            "loss_without_layout": LAYOUT_GROUPS,
            "loss_look_alone": GROUPS.keys() - {"look"},
            "loss_without_conditions": GROUPS,
        }
        rng = numpy_stream(0, "held-out", part)
        labelled = self.held_out.batch(rng, 32, pictures=False)
        assert labelled.latents is not None
        latents = torch.from_numpy(labelled.latents[:, 0]).float()
        batch = {
            "latents": latents.to(device),
            "noise": torch.from_numpy(rng.standard_normal(latents.shape, np.float32)).to(device),
            "t": torch.stack([diffusion_time(32 * part + i, rng, len(self.model.schedule)) for i in range(32)]).to(device),
        }
        conditions = known_conditions(labelled).to(device)
        return {
            name: float(self._error(batch, conditions.drop(**dict.fromkeys(dropped, True))).mean())
            for name, dropped in cases.items()
        }

    def evaluate(self) -> dict[str, float]:
        """Means of `held_out_figures`."""
        return mean_figures([self.held_out_figures(part) for part in range(self.recipe.held_out_batches)])

    def preview(self) -> np.ndarray:
        """Held-out frames with their boxes, and below each two frames made from the same conditions."""
        device = next(self.model.parameters()).device
        labelled = self.held_out.batch(numpy_stream(0, "preview"), 4)
        assert labelled.frames is not None and labelled.latents is not None
        known = [labels.boxes[0] or Boxes.none() for labels in labelled.labels]
        real = [draw_boxes(frame[0], boxes) for frame, boxes in zip(labelled.frames, known, strict=True)]
        conditions = known_conditions(labelled).to(device)
        nothing = no_conditions(4).to(device)
        rows = [np.concatenate(real, axis=1)]
        for variant in range(2):
            shape = (4, *labelled.latents.shape[2:])
            noise = torch.randn(shape, generator=torch_stream(0, "preview", variant)).to(device)
            denoise = guide(self.model.denoise(conditions), self.model.denoise(nothing), PREVIEW_GUIDANCE)
            made = self.latent_data.decode(sample(denoise, self.model.schedule, noise, PREVIEW_STEPS))
            shown = [draw_boxes(frame, boxes) if variant == 0 else frame
                     for frame, boxes in zip(made, known, strict=True)]  # fmt: skip
            rows.append(np.concatenate(shown, axis=1))
        return np.concatenate(rows, axis=0)

    def finish(self) -> None:
        """Nothing is measured afterwards."""

    def description(self) -> ModelDescription:
        """The model's configuration, on top of the encoder."""
        return ModelDescription(self.config.model_dump(mode="json"), self.latent_data.fingerprint)


class ImageLDMStage(ConditionedStage):
    """With an image model of the house's own, in the latent space of `checkpoints`."""

    def __init__(self, recipe: ImageLDMRecipe, checkpoints: Path) -> None:
        codec = LatentSpace.load(checkpoints / "autoencoder")
        config = recipe.model.model_copy(update={"latent_channels": codec.config.latent_channels})
        with seeded(recipe.seed):
            model = ImageLDM(config)
        super().__init__(recipe.model_copy(update={"model": config}), codec, model, config)
