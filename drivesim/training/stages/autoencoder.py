"""Autoencoder: L1 on pixels and on their differences at three scales, a little KL, and later a patch adversary."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from drivesim.config import InputError
from drivesim.data.batches import FrameSource
from drivesim.metrics.reconstruction import psnr
from drivesim.models.latent_space import LatentSpace
from drivesim.nn.autoencoder import Autoencoder, AutoencoderConfig, kl_divergence
from drivesim.nn.discriminator import PatchDiscriminator, hinge_discriminator, hinge_generator
from drivesim.tensors import numpy_stream, to_frames, to_network
from drivesim.training.stage import Batch, Recipe, StageName, seeded


class AutoencoderRecipe(Recipe):
    """`crop` height and width in pixels; weights of the loss terms; the adversary acts from `adversary_from` samples on.

    `decoder_only` goes on from the autoencoder of the checkpoints and keeps its encoder and latent scale, so that all that
    was trained on these latents stays valid.
    """

    model: AutoencoderConfig = AutoencoderConfig()
    crop: tuple[int, int] = (64, 96)
    gradient_weight: float = 1.0
    kl_weight: float = 1e-5
    adversary_weight: float = 0.0
    adversary_from: int = 0
    decoder_only: bool = False


def reconstruction_loss(made: Tensor, frames: Tensor, gradient_weight: float) -> Tensor:
    """L1 on pixels plus L1 on horizontal and vertical differences at scales 1, 1/2 and 1/4: edges must be where they are."""
    error = (made - frames).float()
    loss = error.abs().mean()
    for scale in range(3):
        across, down = error.diff(dim=-1).abs().mean(), error.diff(dim=-2).abs().mean()
        loss = loss + gradient_weight * (across + down) / 2
        if scale < 2:
            error = F.avg_pool2d(error, 2)
    return loss


class AutoencoderStage:
    """Trains the LatentSpace: the autoencoder on crops, then the latent scale on whole frames."""

    name: StageName = "autoencoder"

    def __init__(self, recipe: AutoencoderRecipe, data: list[Path], held_out: list[Path], checkpoints: Path) -> None:
        if recipe.model.temporal:
            raise InputError("model.temporal: no stage trains temporal decoder layers yet; leave it false")
        self.recipe = recipe
        with seeded(recipe.seed):
            self.space = LatentSpace(Autoencoder(recipe.model))
            if recipe.decoder_only:
                self.space = LatentSpace.load(checkpoints / "autoencoder").train()
                self.space.autoencoder.encoder.requires_grad_(False)
            self.modules: dict[str, nn.Module] = {"model": self.space}
            if recipe.adversary_weight > 0:
                self.modules["adversary"] = PatchDiscriminator()
        self.source = FrameSource(data, preload=True)
        self.held_out = FrameSource(held_out)

    def draw(self, step: int, index: range) -> Batch:
        """frames [b 3 h w] crops, noise [b z h/8 w/8] for the latents."""
        crop, factor = self.recipe.crop, Autoencoder.factor
        frames, noise = [], []
        for i in index:
            rng = numpy_stream(self.recipe.seed, "autoencoder", i)
            frames.append(self.source.frames(rng, 1, crop)[0])
            shape = (self.recipe.model.latent_channels, crop[0] // factor, crop[1] // factor)
            noise.append(rng.standard_normal(shape, np.float32))
        return {"frames": to_network(np.stack(frames)), "noise": torch.from_numpy(np.stack(noise))}

    def losses(self, batch: Batch, samples: int) -> Iterator[tuple[str, Tensor, dict[str, Tensor]]]:
        """First the autoencoder's, then the adversary's."""
        recipe = self.recipe
        frames = batch["frames"].contiguous(memory_format=torch.channels_last)
        made, mean, logvar = self.space(frames, batch["noise"])
        loss = reconstruction_loss(made, frames, recipe.gradient_weight)
        noted = {"l1": (made - frames).detach().float().abs().mean()}
        loss = loss + recipe.kl_weight * kl_divergence(mean.float(), logvar.float())
        contest = recipe.adversary_weight > 0 and samples >= recipe.adversary_from
        if contest:
            fooled = hinge_generator(self.modules["adversary"](made))
            loss = loss + recipe.adversary_weight * fooled
            noted["fooled"] = fooled.detach()
        yield "model", loss, noted
        if contest:
            adversary = self.modules["adversary"]
            yield "adversary", hinge_discriminator(adversary(frames), adversary(made.detach())), {}

    def _held_out_frames(self, count: int) -> np.ndarray:
        return self.held_out.frames(numpy_stream(0, "held-out"), count, None)

    def _reconstruct(self, frames: np.ndarray) -> np.ndarray:
        device = next(self.space.parameters()).device
        made = []
        for part in np.array_split(frames, max(1, len(frames) // 8)):
            x = to_network(part).to(device)
            made.append(to_frames(self.space.autoencoder.decode(self.space.autoencoder.encode(x)[0])))
        return np.concatenate(made)

    def evaluate(self) -> dict[str, float]:
        """PSNR (dB) over whole held-out frames, 8 a batch: mean, and of the worst tenth."""
        frames = self._held_out_frames(8 * self.recipe.held_out_batches)
        figures = psnr(self._reconstruct(frames), frames)
        return {"psnr": float(figures.mean()), "psnr_worst": float(np.sort(figures)[: -(-len(figures) // 10)].mean())}

    def preview(self) -> np.ndarray:
        """Held-out frames above their reconstructions."""
        frames = self._held_out_frames(6)
        pairs = np.concatenate([frames, self._reconstruct(frames)], axis=1)
        return np.concatenate([np.concatenate(list(pairs[i : i + 3]), axis=1) for i in (0, 3)], axis=0)

    def finish(self) -> None:
        """Measures shift and scale of the latents on whole frames, unless these are to stay."""
        if self.recipe.decoder_only:
            return
        frames = self.source.frames(numpy_stream(0, "scale"), 256, None)
        device = next(self.space.parameters()).device
        with torch.no_grad():
            self.space.fit(to_network(part).to(device) for part in np.array_split(frames, 32))

    def description(self) -> tuple[dict[str, Any], str | None]:
        """The autoencoder's configuration; it stands alone."""
        return self.recipe.model.model_dump(mode="json"), None
