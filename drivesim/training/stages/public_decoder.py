"""The decoder of clips on a public autoencoder (Video LDM, sec. 3.1.1): temporal layers learn, encoder and decoder stay frozen."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from drivesim.models.layers.discriminator import VideoPatchDiscriminator, contested
from drivesim.models.stable_diffusion.clip_decoder import ClipDecoder, ClipDecoderConfig
from drivesim.models.stable_diffusion.latents import PublicLatents
from drivesim.tensors import numpy_stream, to_frames, to_network, torch_stream
from drivesim.training.latent_data import LatentData, stack
from drivesim.training.stage import Batch, ModelDescription, seeded
from drivesim.training.stages.autoencoder import reconstruction_loss
from drivesim.training.stages.decoder import ClipDecodingRecipe, clip_figures
from drivesim.video_format import LATENT_FACTOR, TrainedName

_HELD_OUT_NOISE = 0.2
_PREVIEWS = 3


class PublicDecoderRecipe(ClipDecodingRecipe):
    """Length of clips and learning rate are the paper's. `crop`: as much of it as the frames have.

    `checkpointing`: levels are computed once more in the backward pass, which spares memory.
    """

    model: ClipDecoderConfig = ClipDecoderConfig()
    crop: tuple[int, int] = (256, 256)
    learning_rate: float = 4e-5
    latent_noise: float = 0.1
    checkpointing: bool = False


class PublicDecoderStage:
    """Trains temporal layers in the decoder of a folder of diffusers, on crops of clips and their latents."""

    name: TrainedName = "decoder"

    def __init__(self, recipe: PublicDecoderRecipe, backbone: Path) -> None:
        self.recipe = recipe
        self.codec = PublicLatents.load(backbone)
        self.latent_data = LatentData(self.codec)
        if recipe.checkpointing:
            self.codec.autoencoder.enable_gradient_checkpointing()
        with seeded(recipe.seed):
            self.model = ClipDecoder(recipe.model, self.codec)
            self.modules: dict[str, nn.Module] = {"model": self.model}
            if recipe.adversary_weight > 0:
                self.modules["adversary"] = VideoPatchDiscriminator(recipe.adversary_width)
        self.last = self.model.temporal.last_weight
        self.networks = (self.codec.autoencoder.decoder, *list(self.modules.values())[1:])

    def open(self, data: list[Path], held_out: list[Path]) -> None:
        """Clips of the stores, with latents."""
        self.windows = self.latent_data.windows(data, self.recipe.frames, None)
        self.held_out = self.latent_data.windows(held_out, self.recipe.frames, None)

    def draw(self, step: int, index: range) -> Batch:
        """frames [b f 3 h w], and latents [b f c h/8 w/8] of the same place, with noise."""
        return stack([self._sample(i) for i in index])

    def _sample(self, i: int) -> Batch:
        recipe, rng = self.recipe, self.recipe.sample_rng(self.name, i)
        labelled = self.windows.batch(rng, 1)
        assert labelled.frames is not None and labelled.latents is not None
        latents = torch.from_numpy(labelled.latents[0]).float()
        size = [min(side // LATENT_FACTOR, whole) for side, whole in zip(recipe.crop, latents.shape[2:], strict=True)]
        y, x = (int(rng.integers(whole - part + 1)) for whole, part in zip(latents.shape[2:], size, strict=True))
        level = np.float32(recipe.latent_noise * rng.random() * (rng.random() < 0.7))
        noise = torch.from_numpy(level * rng.standard_normal(latents.shape, np.float32))
        top, left, height, width = (LATENT_FACTOR * cells for cells in (y, x, *size))
        return {
            "frames": to_network(labelled.frames[0][:, top : top + height, left : left + width]),
            "latents": (latents + noise)[:, :, y : y + size[0], x : x + size[1]],
        }

    def losses(self, batch: Batch, samples: int) -> Iterator[tuple[str, Tensor, dict[str, Tensor]]]:
        """First the decoder's, then the adversary's."""
        decoded = self.model(batch["latents"])
        frames, recipe = batch["frames"], self.recipe
        error = reconstruction_loss(decoded.flatten(0, 1), frames.flatten(0, 1), recipe.gradient_weight)
        yield from contested(recipe, self.modules, error, {}, decoded, frames, self.last, samples)

    def _held_out_clips(self, count: int) -> tuple[np.ndarray, Tensor]:
        """Clips uint8 [n f h w 3] and their latents."""
        labelled = self.held_out.batch(numpy_stream(0, "held-out"), count)
        assert labelled.frames is not None and labelled.latents is not None
        return labelled.frames, torch.from_numpy(labelled.latents).float()

    def _decode(self, latents: Tensor, noise: float, alone: bool = False) -> np.ndarray:
        """Clips uint8 [n f h w 3] of latents with noise; `alone`: each frame by itself."""
        device, made = next(self.model.parameters()).device, []
        for number, clip in enumerate(latents):
            noisy = clip + noise * torch.randn(clip.shape, generator=torch_stream(0, "latent noise", number))
            decoded = self.codec.decode(noisy.to(device)) if alone else self.model.decode(noisy.to(device), 0, len(noisy))
            made.append(to_frames(decoded))
        return np.stack(made)

    def evaluate(self) -> dict[str, float]:
        """Of held-out clips what DecoderStage measures: with noise on their latents, each frame "_alone", and "_clean"."""
        frames, latents = self._held_out_clips(self.recipe.batch * self.recipe.held_out_batches)
        cases = {"": (_HELD_OUT_NOISE, False), "_alone": (_HELD_OUT_NOISE, True), "_clean": (0.0, False),
                 "_clean_alone": (0.0, True)}  # fmt: skip
        figures: dict[str, float] = {}
        for name, case in cases.items():
            figures |= clip_figures(self._decode(latents, *case), frames, name)
        return figures

    def preview(self) -> np.ndarray:
        """Held-out frames; decoded each by itself, and as clips."""
        frames, latents = self._held_out_clips(_PREVIEWS)
        shown = [frames, *(self._decode(latents, _HELD_OUT_NOISE, alone) for alone in (True, False))]
        return np.concatenate([np.concatenate(list(clips[:, 0]), axis=1) for clips in shown])

    def finish(self) -> None:
        """Nothing is measured afterwards."""

    def description(self) -> ModelDescription:
        """The configuration of the temporal layers, on top of the decoder."""
        return ModelDescription(self.recipe.model.model_dump(mode="json"), self.codec.decoder_fingerprint())
