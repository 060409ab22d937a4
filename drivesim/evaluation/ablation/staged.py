"""Video LDM from nothing in the paper's two steps, within the samples of one arm: in latents, or in pixels."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import torch
from torch import Tensor

from drivesim.evaluation.ablation.pixels import PIXEL_CHANNELS, PixelData
from drivesim.models.image_ldm import ImageLDM, ImageLDMConfig
from drivesim.training.latent_data import diffusion_error, unpack
from drivesim.training.stage import Batch, seeded
from drivesim.training.stages.video_ldm import VideoLDMRecipe, VideoLDMStage


class StagedVideoStage(VideoLDMStage):
    """For the first half of the samples an image model of this `config` learns from the frames of the clips, each by itself; then
    it stays as it is, and temporal layers learn (Video LDM, sec. 3.1). With `pixels` both do so in pixel space (Table 1, right).

    The recipe's `spatial` is "all": both are one module, of which only a part has gradients at a time.
    """

    def __init__(self, recipe: VideoLDMRecipe, checkpoints: Path, config: ImageLDMConfig, pixels: bool) -> None:
        channels = PIXEL_CHANNELS if pixels else config.latent_channels
        with seeded(recipe.seed):
            image = ImageLDM(config.model_copy(update={"latent_channels": channels}))
        super().__init__(recipe, checkpoints, image)
        if pixels:
            self.latent_data = PixelData(self.latent_data.layouts)

    def losses(self, batch: Batch, samples: int) -> Iterator[tuple[str, Tensor, dict[str, Tensor]]]:
        """The error of pictures in the first half of the samples, that of clips in the second."""
        if samples < self.recipe.samples // 2:
            error = self._picture_error(batch)
            yield "model", error, {"picture": error.detach()}
            return
        image = self.model.image.requires_grad_(False)  # for what the loss is made of; the loop finds all parameters as before
        losses = list(super().losses(batch, samples))
        image.requires_grad_(True)
        yield from losses

    def _picture_error(self, batch: Batch) -> Tensor:
        """Mean squared error of the image model on every frame of the clips, at times of its own."""
        image, frames = self.model.image, batch["latents"].shape[1]
        latents, noise = batch["latents"].flatten(0, 1), batch["noise"].flatten(0, 1)
        shift = torch.arange(frames, device=latents.device) * (len(image.schedule) // frames)
        times = (batch["t"][:, None] + shift).flatten() % len(image.schedule)
        output = image(image.schedule.add_noise(latents, noise, times), times, unpack(batch))
        return diffusion_error(image.prediction, image.schedule, output, latents, noise, times).mean()
