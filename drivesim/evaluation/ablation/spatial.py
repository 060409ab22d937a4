"""Video LDM whose image model learns, too: what the paper freezes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import torch
from torch import Tensor, nn

from drivesim.models.conditions.conditions import Conditions
from drivesim.models.image_ldm import ImageLDM
from drivesim.models.video_ldm import VideoLDM
from drivesim.training.latent_data import diffusion_error, unpack
from drivesim.training.stage import Batch, seeded
from drivesim.training.stages.video_ldm import VideoLDMRecipe, VideoLDMStage


class BothModels(nn.Module):
    """Temporal layers and the image model that they sit in, as one module that learns."""

    def __init__(self, video: VideoLDM[Conditions]) -> None:
        super().__init__()
        self.video, self.image = video, video.image


class SpatialVideoStage(VideoLDMStage):
    """Of the losses that the temporal layers learn by, the image model does, too.

    "joint" (LaVie, arXiv 2309.15103): from its weights, and by the frames of the clips as single pictures as well, lest it forget
    them. `fresh` ("end to end", Video LDM, Table 1): from nothing, by clips alone.
    """

    def __init__(self, recipe: VideoLDMRecipe, checkpoints: Path, fresh: bool) -> None:
        super().__init__(recipe, checkpoints)
        self.fresh = fresh
        if fresh:
            image = self.model.image
            assert isinstance(image, ImageLDM)
            with seeded(recipe.seed):
                self.model = VideoLDM(recipe.model, ImageLDM(image.config))
        self.model.image.requires_grad_(True)
        self.modules = {"model": BothModels(self.model)}
        self.networks = (*self.model.image.networks, self.model.temporal.context)

    def losses(self, batch: Batch, samples: int) -> Iterator[tuple[str, Tensor, dict[str, Tensor]]]:
        """The video LDM's loss and, unless fresh, the mean squared error of its frames as pictures."""
        for name, loss, noted in super().losses(batch, samples):
            yield name, loss if self.fresh else loss + self._picture_error(batch), noted

    def _picture_error(self, batch: Batch) -> Tensor:
        image, frames = self.model.image, batch["latents"].shape[1]
        latents, noise = batch["latents"].flatten(0, 1), batch["noise"].flatten(0, 1)
        # other times for each frame than the clip's own one
        shift = torch.arange(frames, device=latents.device) * (len(image.schedule) // frames)
        times = (batch["t"][:, None] + shift).flatten() % len(image.schedule)
        output = image(image.schedule.add_noise(latents, noise, times), times, unpack(batch))
        return diffusion_error(image.prediction, image.schedule, output, latents, noise, times).mean()
