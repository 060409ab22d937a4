"""Frames of a text's video four times as large, by the public upscaler."""

from __future__ import annotations

from pathlib import Path
from typing import Self

import numpy as np
import torch

from drivesim.config import InputError
from drivesim.diffusion.ddim import sample
from drivesim.diffusion.guidance import guide
from drivesim.engine.cascade import sampling_on, settle_precision
from drivesim.engine.progress import UNTIMED, Progress
from drivesim.engine.random_streams import step_noise, unit_noise
from drivesim.engine.settings import TextSampling
from drivesim.engine.text.text_to_video import TextPrompt
from drivesim.models.stable_diffusion.upscaler import Upscaler
from drivesim.tensors import to_frames, to_network


class TextUpscaling:
    """The upscaler on one device; `progress` is told of every step.

    Frames are sampled one by one from the same noise: what stays where it is does not flicker, for the rest nothing but the
    small frames keeps it steady.
    """

    def __init__(self, model: Upscaler, settings: TextSampling, device: torch.device) -> None:
        """InputError for a level of noise that the model does not know."""
        self.model, self.device = model.to(device), device
        self.settings = settle_precision(settings, device)
        self.progress: Progress = UNTIMED
        if settings.upscaler_level > model.levels:
            raise InputError(f"upscaler_level {settings.upscaler_level}: this upscaler knows 0 to {model.levels}")

    @classmethod
    def load(cls, folder: Path, settings: TextSampling, device: torch.device) -> Self:
        """That of an upscaler's folder."""
        return cls(Upscaler.load(folder), settings, device)

    def upscale(self, frames: np.ndarray, prompt: TextPrompt, seed: int) -> np.ndarray:
        """Frames uint8 [f 4h 4w 3] of frames [f h w 3]."""
        return np.concatenate([self._upscaled(frame, prompt, seed) for frame in frames])

    def _upscaled(self, frame: np.ndarray, prompt: TextPrompt, seed: int) -> np.ndarray:
        """A picture [1 4h 4w 3] of one [h w 3]."""
        settings, model, key = self.settings, self.model, (seed, "text", "upscale")
        height, width, channels = frame.shape
        shape = (1, model.latent_codec.autoencoder.config.latent_channels, height, width)
        augmentation = unit_noise((1, channels, height, width), *key, "augmentation").to(self.device)
        text, negative = model.text.ids([prompt.text, prompt.negative]).to(self.device).split(1)
        with sampling_on(self.device, settings.precision):
            small = model.noised(to_network(frame[None]).to(self.device), settings.upscaler_level, augmentation)
            latents = sample(
                guide(model.denoise(small, text), model.denoise(small, negative), settings.guidance),
                model.schedule,
                unit_noise(shape, *key).to(self.device),
                settings.upscaler_steps,
                settings.eta,
                step_noise(shape, *key),
                lambda step, x0: self.progress.lap("upsample"),
            )
            return to_frames(model.latent_codec.decode(latents))
