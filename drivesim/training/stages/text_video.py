"""Video LDM on a public backbone (Video LDM, sec. 4.2): temporal layers learn from captioned clips, alone or not."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from pydantic import Field
from torch import Tensor, nn

from drivesim.config import InputError
from drivesim.diffusion.ddim import sample
from drivesim.models.stable_diffusion.latents import PublicLatents
from drivesim.models.stable_diffusion.network import StableDiffusion
from drivesim.models.video_ldm import Context, VideoLDM, VideoLDMConfig, hold
from drivesim.tensors import numpy_stream, torch_stream
from drivesim.training.captioned import caption_ids, check_captions
from drivesim.training.clip_tasks import (
    PREDICTION,
    ClipErrors,
    ClipRecipe,
    Task,
    clip_errors,
    context_cases,
    draw_context_noise,
    draw_task,
    stills_of,
    task_windows,
    tasks_of,
    with_stills,
)
from drivesim.training.latent_data import LatentData, diffusion_time, stack
from drivesim.training.stage import Batch, Chance, ModelDescription, seeded
from drivesim.training.stages.fine_tuning import captioned_picture
from drivesim.video_format import StageName

PREVIEW_STEPS = 16


class TextVideoRecipe(ClipRecipe):
    """As of ClipRecipe. `prediction`: share of steps that predict (the others interpolate). `drop_caption`: chance that a clip's
    caption is empty.

    `estimate`: weight of the absolute error of the context network's own estimate. Given frames get noise of a deviation of up
    to `context_noise`, which the networks are told, but for a share `context_clean` of the clips. `checkpointing`: blocks of the
    backbone are computed once more in the backward pass, which spares most of the memory.
    """

    batch: int = Field(4, ge=1)
    model: VideoLDMConfig = VideoLDMConfig(
        context_widths=(128, 128, 128, 128), embedding_width=512, head_width=64, inner_width=1280
    )
    prediction: Chance = 0.6
    drop_caption: Chance = 0.1
    estimate: float = Field(0.5, ge=0)
    context_noise: Chance = 0.4
    context_clean: Chance = 0.3
    checkpointing: bool = False


class TextVideoStage:
    """Trains temporal layers in a Stable Diffusion on windows of latents, all frames of a window under the clip's caption."""

    name: StageName = "video-ldm"

    def __init__(self, recipe: TextVideoRecipe, backbone: Path) -> None:
        self.recipe = recipe
        self.latent_data = LatentData(PublicLatents.load(backbone))
        self.image = StableDiffusion.load(backbone)
        if recipe.checkpointing:
            self.image.unet.enable_gradient_checkpointing()
        levels = len({level for _, level in self.image.shape.blocks})
        if len(recipe.model.context_widths) != levels:
            raise InputError(f"model: context_widths: {len(recipe.model.context_widths)} widths, the backbone has {levels} levels")
        with seeded(recipe.seed):
            self.model = VideoLDM(recipe.model, self.image)
        self.modules: dict[str, nn.Module] = {"model": recipe.learner(self.model)}
        self.networks = (*self.image.networks, self.model.temporal.context)

    def open(self, data: list[Path], held_out: list[Path]) -> None:
        """Windows of the stores, with captions, for each task that they have some for."""
        tasks = tasks_of(self.recipe.model)
        self.windows, self.held_out = (task_windows(self.latent_data, stores, tasks) for stores in (data, held_out))
        for windows in self.windows.values():
            check_captions(windows)
        self.frames = self.latent_data.windows(data, 1, None) if self.recipe.spatial == "joint" else None

    def draw(self, step: int, index: range) -> Batch:
        """latents, noise [b f c h w], t [b], mask float [b f], fps [b], caption int64 [b n]; one task for the whole step.

        `level` float [b] of the noise on given frames, and this in units, `context_noise` [b f 1 + MOVED c h w]. With stills,
        these [b s ...]: see with_stills.
        """
        task = draw_task(self.recipe.sample_rng("task", step), self.recipe.prediction, self.windows)
        return stack([self._sample(task, i) for i in index])

    def _sample(self, task: Task, i: int) -> Batch:
        recipe, rng = self.recipe, self.recipe.sample_rng(self.name, i)
        labelled = self.windows[task].batch(rng, 1, pictures=False)
        assert labelled.latents is not None
        latents = torch.from_numpy(labelled.latents[0]).float()
        given, dropped = task.draw_given(rng), rng.random() < recipe.drop_caption
        context_noise = draw_context_noise(rng, latents, recipe.context_noise, recipe.context_clean)
        clip = {
            "latents": latents,
            "noise": torch.from_numpy(rng.standard_normal(latents.shape, np.float32)),
            "t": diffusion_time(i, rng, len(self.model.schedule)),
            "mask": task.mask(given),
            **context_noise,
            "fps": torch.tensor(task.fps),
            "caption": caption_ids(self.image.text, labelled.labels, dropped)[0],
        }
        if self.frames is None:
            return clip
        rng, numbers = recipe.sample_rng("stills", i), range(i * recipe.stills, (i + 1) * recipe.stills)
        stills = [captioned_picture(self.frames, self.image, recipe.drop_caption, number, rng) for number in numbers]
        return with_stills(clip, stills)

    def _context(self, batch: Batch) -> Context:
        """The frames that the mask gives, with their noise, where there is some."""
        latents = batch["latents"]
        context = replace(Context.none(latents), latents=latents, mask=batch["mask"], remade=self.model.remakes)
        if "level" not in batch or not self.recipe.model.context_noise:
            return context
        return context.noised(batch["level"], batch["context_noise"])

    def _errors(self, batch: Batch) -> ClipErrors:
        """Errors over the frames that are not given."""
        clips, frames, _, height, width = batch["latents"].shape
        weight = batch["latents"].new_ones(clips, frames, height, width)
        captions, stills = _every_frame(batch), stills_of(batch)
        if stills is not None:
            captions = torch.cat([captions, stills["caption"]])
            stills["weight"] = weight.new_ones(len(stills["t"]), height, width)
        return clip_errors(self.model, batch, captions, self._context(batch), weight, stills)

    def losses(self, batch: Batch, samples: int) -> Iterator[tuple[str, Tensor, dict[str, Tensor]]]:
        """Mean squared error over the frames that are not given and over stills, mean absolute error of the frames' estimates."""
        errors = self._errors(batch)
        task = "predict" if batch["latents"].shape[1] == PREDICTION.frames else "interpolate"
        noted = {task: errors.prediction.detach(), f"{task}_estimate": errors.estimate.detach()}
        yield "model", errors.prediction + errors.stills + self.recipe.estimate * errors.estimate_absolute, noted

    def _held_out_batch(self, task: Task, part: int, clips: int, given: Sequence[int]) -> Batch:
        """Tensors of held-out windows with fixed times and noise."""
        rng = numpy_stream(0, "held-out", part)
        labelled = self.held_out[task].batch(rng, clips, pictures=False)
        assert labelled.latents is not None
        latents = torch.from_numpy(labelled.latents).float()
        batch = {
            "latents": latents,
            "noise": torch.from_numpy(rng.standard_normal(latents.shape, np.float32)),
            "t": torch.stack([diffusion_time(clips * part + i, rng, len(self.model.schedule)) for i in range(clips)]),
            "mask": task.mask(given).expand(clips, -1),
            "fps": torch.full((clips,), task.fps),
            "caption": caption_ids(self.image.text, labelled.labels),
        }
        device = next(self.model.parameters()).device
        return {name: value.to(device) for name, value in batch.items()}

    def evaluate(self) -> dict[str, float]:
        """Loss on held-out windows of each task that there are some for, and choice of context, at fixed times and noise."""
        figures: dict[str, float] = {}
        parts = self.recipe.held_out_batches
        for name, (task, given) in context_cases(self.held_out).items():
            errors = [self._errors(self._held_out_batch(task, part, self.recipe.batch, given)) for part in range(parts)]
            figures[name] = float(np.mean([float(each.prediction) for each in errors]))
            figures[f"{name}_estimate"] = float(np.mean([float(each.estimate) for each in errors]))
        return figures

    def preview(self) -> np.ndarray:
        """A held-out clip, of key frames where there are some, above what is made of the frames that it has to begin with."""
        task = next(iter(self.held_out))
        batch = self._held_out_batch(task, 0, 1, task.given[-1][1])
        context, latents = self._context(batch), batch["latents"]
        noise = torch.randn(latents.shape, generator=torch_stream(0, "preview")).to(latents.device)
        denoise = hold(self.model.denoise(_every_frame(batch), context, batch["fps"]), context)
        made = sample(denoise, self.model.schedule, noise, PREVIEW_STEPS)
        rows = [np.concatenate(list(self.latent_data.decode(clip[0, ::2])), axis=1) for clip in (latents, made)]
        return np.concatenate(rows, axis=0)

    def finish(self) -> None:
        """Nothing is measured afterwards."""

    def description(self) -> ModelDescription:
        """The configuration of the temporal layers, on top of the backbone's weights."""
        return ModelDescription(self.recipe.model.model_dump(mode="json"), self.image.weights)


def _every_frame(batch: Batch) -> Tensor:
    """The captions of a batch of clips, a row a frame: [(b f) n]."""
    return batch["caption"].repeat_interleave(batch["latents"].shape[1], dim=0)
