"""Super-resolution of clips by the public x4 upscaler (Video LDM, sec. 3.4): temporal layers learn, the upscaler stays frozen."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from pydantic import Field
from torch import Tensor, nn

from drivesim.dataset.batches import ClipWindows
from drivesim.diffusion.ddim import sample
from drivesim.models.stable_diffusion.clip_upscaler import ClipUpscaler, ClipUpscalerConfig
from drivesim.models.stable_diffusion.upscaler import Upscaler
from drivesim.tensors import numpy_stream, to_frames, to_network
from drivesim.training.captioned import caption_ids
from drivesim.training.latent_data import diffusion_error, diffusion_time, stack
from drivesim.training.stage import Batch, Chance, ModelDescription, Recipe, seeded
from drivesim.training.stages.super_resolution import shrink, soften
from drivesim.video_format import UPSAMPLING_FACTOR as FACTOR
from drivesim.video_format import StageName

_PREVIEW_STEPS, _PREVIEWS = 8, 2


class PublicUpscalerRecipe(Recipe):
    """Patches of `crop` pixels, or as large as the frames are, of clips of `frames` frames.

    Small frames are softened by up to `blur` pixels, and get noise of a level from 0 to `level`, of which the networks are told: a
    diffusion time of the upscaler's own. `drop_caption`: chance that a clip's caption is empty. `checkpointing`: blocks are
    computed once more in the backward pass, which spares most of the memory.
    """

    batch: int = Field(2, ge=1)
    learning_rate: float = 1e-4
    model: ClipUpscalerConfig = ClipUpscalerConfig()
    crop: int = Field(320, ge=32, multiple_of=32)
    frames: int = Field(8, ge=1)
    blur: float = Field(0.7, ge=0)
    level: int = Field(250, ge=0)
    drop_caption: Chance = 0.1
    checkpointing: bool = False


class PublicUpscalerStage:
    """Trains temporal layers in the x4 upscaler of a folder of diffusers."""

    name: StageName = "super-resolution"

    def __init__(self, recipe: PublicUpscalerRecipe, backbone: Path) -> None:
        self.recipe = recipe
        self.upscaler = Upscaler.load(backbone)
        if recipe.checkpointing:
            self.upscaler.unet.enable_gradient_checkpointing()
        with seeded(recipe.seed):
            self.model = ClipUpscaler(recipe.model, self.upscaler)
        self.modules: dict[str, nn.Module] = {"model": self.model}
        self.networks = (self.upscaler.unet,)

    def open(self, data: list[Path], held_out: list[Path]) -> None:
        """Clips of the stores."""
        self.windows = ClipWindows(data, self.recipe.frames)
        self.held_out = ClipWindows(held_out, self.recipe.frames)

    def draw(self, step: int, index: range) -> Batch:
        """high [b f 3 h w], low and its noise [b f 3 h/4 w/4], noise [b f c h/4 w/4], t, level int64 [b], caption [b n]."""
        return stack([self._sample(i, self.windows, self.recipe.sample_rng(self.name, i)) for i in index])

    def _sample(self, i: int, windows: ClipWindows, rng: np.random.Generator) -> Batch:
        recipe, model = self.recipe, self.upscaler
        size = min(recipe.crop, *(min(store.height, store.width) // 32 * 32 for store in windows.stores))
        labelled = windows.batch(rng, 1, crop=(size, size), flip=True)
        assert labelled.frames is not None
        high = labelled.frames[0]
        low = to_network(soften(shrink(high), rng.uniform(0, recipe.blur)))
        channels = model.latent_codec.autoencoder.config.latent_channels
        return {
            "high": to_network(high),
            "low": low,
            "low_noise": torch.from_numpy(rng.standard_normal(low.shape, np.float32)),
            "noise": torch.from_numpy(rng.standard_normal((len(low), channels, *low.shape[2:]), np.float32)),
            "t": diffusion_time(i, rng, len(model.schedule)),
            "level": torch.tensor(int(rng.integers(min(recipe.level, model.levels) + 1))),
            "caption": caption_ids(model.text, labelled.labels, rng.random() < recipe.drop_caption)[0],
        }

    def _error(self, batch: Batch, alone: bool = False) -> Tensor:
        """Mean squared error of the prediction: []; `alone`: each frame by itself."""
        model, t = self.upscaler, batch["t"]
        clips, frames = batch["high"].shape[:2]
        with torch.no_grad():
            latents = model.latent_codec.encode(batch["high"].flatten(0, 1)).float().unflatten(0, (clips, frames))
            levels = batch["level"].repeat_interleave(frames)
            small = model.noised_each(batch["low"].flatten(0, 1), levels, batch["low_noise"].flatten(0, 1))
            tokens = model.text(batch["caption"].repeat_interleave(frames, dim=0))
        noisy = model.schedule.add_noise(latents, batch["noise"], t)
        if alone:
            output = model.network(noisy.flatten(0, 1), t.repeat_interleave(frames), small, tokens).unflatten(0, (clips, frames))
        else:
            output = self.model(noisy, t, small, tokens)
        return diffusion_error(model.prediction, model.schedule, output, latents, batch["noise"], t).mean()

    def losses(self, batch: Batch, samples: int) -> Iterator[tuple[str, Tensor, dict[str, Tensor]]]:
        """Mean squared error of the prediction."""
        yield "model", self._error(batch), {}

    def _held_out_batch(self, part: int, clips: int) -> Batch:
        """Patches of held-out clips at fixed places, times and noise."""
        device = next(self.model.parameters()).device
        rows = (clips * part + i for i in range(clips))
        batch = stack([self._sample(row, self.held_out, numpy_stream(0, "held-out", row)) for row in rows])
        return {name: value.to(device) for name, value in batch.items()}

    def evaluate(self) -> dict[str, float]:
        """Loss on patches of held-out clips at fixed times and noise; "loss_alone" is the upscaler's, each frame by itself."""
        figures = {"loss": 0.0, "loss_alone": 0.0}
        parts = self.recipe.held_out_batches
        for part in range(parts):
            batch = self._held_out_batch(part, self.recipe.batch)
            for name, alone in (("loss", False), ("loss_alone", True)):
                figures[name] += float(self._error(batch, alone)) / parts
        return figures

    def preview(self) -> np.ndarray:
        """The first and the last frame of patches of held-out clips: small, made of that, and true."""
        batch, model = self._held_out_batch(0, _PREVIEWS), self.upscaler
        frames = batch["high"].shape[1]
        levels = batch["level"].repeat_interleave(frames)
        small = model.noised_each(batch["low"].flatten(0, 1), levels, batch["low_noise"].flatten(0, 1))
        denoise = self.model.denoise(small, batch["caption"].repeat_interleave(frames, dim=0))
        latents = sample(denoise, model.schedule, batch["noise"], _PREVIEW_STEPS)
        made = to_frames(torch.stack([model.latent_codec.decode(clip[[0, -1]].float()) for clip in latents]))
        low = to_frames(batch["low"][:, [0, -1]]).repeat(FACTOR, axis=2).repeat(FACTOR, axis=3)
        shown = (low, made, to_frames(batch["high"][:, [0, -1]]))
        return np.concatenate([np.concatenate([np.concatenate(list(clip), axis=1) for clip in clips], axis=1) for clips in shown])

    def finish(self) -> None:
        """Nothing is measured afterwards."""

    def description(self) -> ModelDescription:
        """The configuration of the temporal layers, on top of the upscaler's weights."""
        return ModelDescription(self.recipe.model.model_dump(mode="json"), self.upscaler.weights)
