"""Frames of a text's video four times as large, by the public upscaler."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Self

import numpy as np
import torch
from torch import Tensor

from drivesim.config import InputError
from drivesim.diffusion.ddim import sample
from drivesim.diffusion.guidance import guide
from drivesim.engine.cascade import sampling_on, settle_precision
from drivesim.engine.progress import UNTIMED, Progress
from drivesim.engine.random_streams import step_noise, unit_noise
from drivesim.engine.settings import TextSampling
from drivesim.engine.text.text_to_video import TextPrompt
from drivesim.engine.timeline import Portions
from drivesim.models.stable_diffusion.clip_upscaler import ClipUpscaler
from drivesim.models.stable_diffusion.upscaler import Upscaler
from drivesim.tensors import to_frames, to_network

PORTION, OVERLAP = 8, 2
"""Frames that are sampled at once where there are temporal layers (Video LDM, appendix), and that neighbours share."""


class TextUpscaling:
    """The upscaler on one device; `progress` is told of every step.

    Without temporal layers frames are sampled one by one from the same noise: what stays where it is does not flicker, for the
    rest nothing but the small frames keeps it steady. With them clips are sampled, each frame from noise of its own as in
    training, and blended where they overlap.
    """

    def __init__(
        self, model: Upscaler, settings: TextSampling, device: torch.device, temporal: ClipUpscaler | None = None
    ) -> None:
        """InputError for a level of noise that the model does not know. `temporal` sits in `model`."""
        self.model, self.device = model.to(device), device
        self.temporal = None if temporal is None else temporal.to(device)
        self.settings = settle_precision(settings, device)
        self.progress: Progress = UNTIMED
        if settings.upscaler_level > model.levels:
            raise InputError(f"--upscaler-level {settings.upscaler_level}: this upscaler knows 0 to {model.levels}")

    @classmethod
    def load(cls, folder: Path, settings: TextSampling, device: torch.device, temporal: Path | None = None) -> Self:
        """That of an upscaler's folder, perhaps with a checkpoint of temporal layers."""
        model = Upscaler.load(folder)
        return cls(model, settings, device, None if temporal is None else ClipUpscaler.load(temporal, model))

    def units(self, frames: int) -> int:
        """Units of Progress that so many frames take."""
        return self.settings.upscaler_steps * (frames if self.temporal is None else _portions(frames).count)

    def upscaled(self, pieces: Iterable[np.ndarray], count: int, prompt: TextPrompt, seed: int) -> Iterator[np.ndarray]:
        """Frames uint8 [f 4h 4w 3] of all `count` frames, which come in pieces [f h w 3], as soon as they are finished."""
        if self.temporal is None:
            for piece in pieces:
                for frame in piece:
                    yield self._portion(frame[None], [0], prompt, seed)
            return
        portions, index, known = _portions(count), 0, 0
        low, ending = np.zeros(0), np.zeros(0)
        rising = ((np.arange(OVERLAP) + 1) / (OVERLAP + 1))[:, None, None, None]
        for piece in pieces:
            low, known = np.concatenate([low, piece]) if len(low) else piece, known + len(piece)
            while portions.ready(index, known):
                numbers = [min(number, count - 1) for number in portions.portion(index)]
                high = self._portion(low[[number - numbers[0] for number in numbers]], numbers, prompt, seed)
                if index > 0:
                    blended = np.rint((1 - rising) * ending + rising * high[:OVERLAP]).astype(np.uint8)
                    high = np.concatenate([blended, high[OVERLAP:]])
                yield high[: len(portions.finished(index))]
                low, ending, index = low[portions.step :], high[portions.step :], index + 1

    def _portion(self, frames: np.ndarray, numbers: list[int], prompt: TextPrompt, seed: int) -> np.ndarray:
        """Pictures [f 4h 4w 3] of frames [f h w 3], all sampled at once; the noise of each is by its number."""
        settings, model, key = self.settings, self.model, (seed, "text", "upscale")
        height, width, channels = frames.shape[1:]
        shape = (model.latent_codec.autoencoder.config.latent_channels, height, width)
        fresh = [step_noise(shape, *key, *self._of(number)) for number in numbers]
        ids = model.text.ids([prompt.text, prompt.negative]).to(self.device)
        text, negative = (row.expand(len(frames), -1) for row in ids.split(1))
        with sampling_on(self.device, settings.precision):
            augmentation = self._noise((channels, height, width), numbers, seed, "augmentation")
            small = model.noised(to_network(frames).to(self.device), settings.upscaler_level, augmentation)
            denoise = (model if self.temporal is None else self.temporal).denoise
            noise = self._noise(shape, numbers, seed)
            noise = noise if self.temporal is None else noise[None]
            latents = sample(
                guide(denoise(small, text), denoise(small, negative), settings.guidance),
                model.schedule,
                noise,
                settings.upscaler_steps,
                settings.eta,
                lambda step: torch.stack([noise_of(step) for noise_of in fresh]).reshape(noise.shape),
                lambda step, x0: self.progress.lap("upsample"),
            )
            return np.concatenate([to_frames(model.latent_codec.decode(part)) for part in latents.reshape(-1, *shape).split(1)])

    def _of(self, number: int) -> tuple[int, ...]:
        """What the noise of a frame depends on besides the seed: its number, where clips are sampled."""
        return () if self.temporal is None else (number,)

    def _noise(self, shape: tuple[int, ...], numbers: list[int], seed: int, *use: str) -> Tensor:
        """Unit noise of the frames of these numbers [f ...], filled-up ones alike."""
        drawn = [unit_noise(shape, seed, "text", "upscale", *use, *self._of(number)) for number in numbers]
        return torch.stack(drawn).to(self.device)


def _portions(frames: int) -> Portions:
    return Portions(frames, PORTION, OVERLAP)
