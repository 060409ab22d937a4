"""Text to video (Video LDM, sec. 4.2): a public image model with temporal layers makes key frames, and frames between them.

The same masks and rates as for scenarios: the image model makes the first frame, prediction goes on from 1 and then always from
2 key frames, and interpolation makes 4 frames of 1, twice. Memory does not depend on the length, unless all key frames are one
prediction.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
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
from drivesim.engine.timeline import LINKS_AT_ONCE, Timeline, Window
from drivesim.models.layers.blocks import channels_last
from drivesim.models.stable_diffusion.clip_decoder import ClipDecoder
from drivesim.models.stable_diffusion.latents import PublicLatents
from drivesim.models.stable_diffusion.lora import fold_lora
from drivesim.models.stable_diffusion.network import StableDiffusion
from drivesim.models.video_ldm import FAR_ENOUGH, Context, VideoLDM, hold
from drivesim.tensors import to_frames
from drivesim.video_format import INTERPOLATION_FACTOR as FACTOR
from drivesim.video_format import KEY_FPS, LATENT_FACTOR, Phase

DECODED_AT_ONCE = 4


@dataclass(frozen=True)
class TextPrompt:
    """What the video shall show, and what it shall not, in words."""

    text: str
    negative: str = ""


class TextToVideo:
    """A public backbone with temporal layers on one device; `progress` is told of every step."""

    def __init__(
        self,
        latent_codec: PublicLatents,
        video: VideoLDM[Tensor],
        image: StableDiffusion,
        settings: TextSampling,
        device: torch.device,
        clip_decoder: ClipDecoder | None = None,
        interpolation: VideoLDM[Tensor] | None = None,
    ) -> None:
        """InputError for frames of a size that the U-Net cannot halve as often as it does.

        Without `clip_decoder`, which sits in the decoder of `latent_codec`, each frame is decoded by itself. `interpolation` makes
        the frames between key frames, `video` where it is not given.
        """
        video = video.with_distance(FAR_ENOUGH) if settings.at_once else video
        self.between = video if interpolation is None else channels_last(interpolation).to(device)
        self.latent_codec, self.video, self.image = latent_codec.to(device), channels_last(video).to(device), image
        self.clip_decoder = None if clip_decoder is None else clip_decoder.to(device)
        self.settings, self.device = settle_precision(settings, device), device
        self.progress: Progress = UNTIMED
        cell = LATENT_FACTOR * 2 ** max(level for _, level in image.shape.blocks)
        if settings.height % cell or settings.width % cell:
            raise InputError(f"--size {settings.height}x{settings.width}: this backbone makes multiples of {cell} pixels")

    @classmethod
    def load(
        cls,
        backbone: Path,
        temporal: Path,
        settings: TextSampling,
        device: torch.device,
        transfer: bool = False,
        lora: Path | None = None,
        lora_strength: float = 1.0,
        decoder: Path | None = None,
        interpolation: Path | None = None,
    ) -> Self:
        """That of a Stable Diffusion folder, perhaps with a LoRA folder, and a checkpoint of temporal layers.

        `decoder` is one of temporal layers for its decoder, `interpolation` one that interpolates; `transfer` as of VideoLDM.load.
        """
        image, codec = StableDiffusion.load(backbone), PublicLatents.load(backbone)
        video = VideoLDM.load(temporal, image, transfer)
        video.check_predicts(temporal)
        between = video if interpolation is None else VideoLDM.load(interpolation, image, transfer)
        for model in {image, video.image, between.image} if lora is not None else ():
            assert isinstance(model, StableDiffusion) and lora is not None
            fold_lora(model, lora, lora_strength)
        clip_decoder = None if decoder is None else ClipDecoder.load(decoder, codec)
        return cls(codec, video, image, settings, device, clip_decoder, None if interpolation is None else between)

    def units(self, timeline: Timeline) -> dict[Phase, int]:
        """Units of Progress that a video takes."""
        windows = self.windows(timeline)
        batches = sum(len(self._batches(timeline, w, level)) for w in windows for level in range(1, timeline.level + 1))
        return {
            "compose": self.settings.steps,
            "predict": len(windows) * self.settings.steps,
            "interpolate": batches * self.settings.interpolation_steps,
            "decode": timeline.frames,
        }

    def windows(self, timeline: Timeline) -> list[Window]:
        """The predictions of key frames."""
        if self.settings.at_once:
            return [Window(0, 1, range(timeline.keys), range(timeline.frames))]
        return [timeline.window(index) for index in range(timeline.windows)]

    def _batches(self, timeline: Timeline, window: Window, level: int) -> list[range]:
        """The links that an interpolation works on, as many at once as its network learned to."""
        at_once = self.between.config.base_frames - 1 if self.between.remakes else LINKS_AT_ONCE
        return list(timeline.links(window, level, at_once))

    def frames(self, prompt: TextPrompt, timeline: Timeline, seed: int) -> Iterator[np.ndarray]:
        """The video in pieces of a few frames uint8 [f h w 3], in order."""
        keys = self.first_frame(prompt, seed)[None]
        waiting, decoded = keys[:0], 0  # of the latents that wait or are seen by those that do, so many are decoded
        reach = 0 if self.clip_decoder is None else self.clip_decoder.reach
        for index, window in enumerate(self.windows(timeline)):
            keys = torch.cat([keys, self.predict(prompt, keys, window, seed)])
            dense = keys[window.context - 1 :]
            for level in range(1, timeline.level + 1):
                dense = self.interpolate(prompt, dense, self._batches(timeline, window, level), level, seed)
            waiting = torch.cat([waiting, dense[index > 0 :][: len(window.frames)]])
            stop = len(waiting) if window.frames.stop == timeline.frames else max(decoded, len(waiting) - reach)
            yield from self._decode(waiting, decoded, stop)
            decoded = min(stop, reach)
            waiting, keys = waiting[stop - decoded :], keys[-timeline.context :]

    def first_frame(self, prompt: TextPrompt, seed: int) -> Tensor:
        """Latents [c h w] of the first frame, by the image model alone."""
        settings = self.settings
        shape = (1, self.image.shape.latent_channels, settings.height // LATENT_FACTOR, settings.width // LATENT_FACTOR)
        text, negative = self._ids(prompt, 1)
        with sampling_on(self.device, settings.precision):
            return sample(
                guide(self.image.denoise(text), self.image.denoise(negative), settings.guidance),
                self.image.schedule,
                unit_noise(shape, seed, "text", "first").to(self.device),
                settings.steps,
                settings.eta,
                step_noise(shape, seed, "text", "first"),
                lambda step, x0: self.progress.lap("compose"),
            )[0].cpu()

    def predict(self, prompt: TextPrompt, keys: Tensor, window: Window, seed: int) -> Tensor:
        """Latents [k c h w] of the key frames that `window` adds after `keys` [n c h w], its context; guided by the text."""
        shape, key = (1, len(window.keys), *keys.shape[1:]), (seed, "text", "predict", window.index)
        text, negative = self._ids(prompt, len(window.keys))
        fps = torch.full((1,), float(KEY_FPS), device=self.device)
        known = {i: latents[None].to(self.device) for i, latents in enumerate(keys)}
        context = Context.of(torch.zeros(shape, device=self.device), known)
        with sampling_on(self.device, self.settings.precision):
            denoise = guide(
                self.video.denoise(text, context, fps), self.video.denoise(negative, context, fps), self.settings.guidance
            )
            clip = sample(
                hold(denoise, context),
                self.video.schedule,
                unit_noise(shape, *key).to(self.device),
                self.settings.steps,
                self.settings.eta,
                step_noise(shape, *key),
                lambda step, x0: self.progress.lap("predict"),
            )
        return clip[0, len(keys) :].cpu()

    def interpolate(self, prompt: TextPrompt, latents: Tensor, batches: Sequence[range], level: int, seed: int) -> Tensor:
        """Four times the rate: latents [n c h w], made denser wherever `batches` of links reach (see Engine.interpolate).

        Where all frames of a batch are made anew, so is the first one, and the last is that of the batch that it ends.
        """
        first = batches[0].start
        dense = [latents[:1]]
        for links in batches:
            ends = latents[links.start - first : links.stop - first + 1]
            if self.between.remakes:
                clip = self._clip(prompt, ends, links, level, seed)
                dense = [clip] if links.start == first else [*dense, clip[1:]]
                continue
            for link, end in zip(self._links(prompt, ends, links, level, seed), ends[1:], strict=True):
                dense += [link[1:FACTOR], end[None]]
        return torch.cat(dense)

    def _links(self, prompt: TextPrompt, ends: Tensor, links: range, level: int, seed: int) -> Tensor:
        """Latents [n 5 c h w] of n links, of which `ends` [n + 1 c h w] are where they begin and end."""
        shape, key = (FACTOR + 1, *ends.shape[1:]), (seed, "text", "interpolate", level)
        noise = torch.stack([unit_noise(shape, *key, link) for link in links]).to(self.device)
        context = Context.of(torch.zeros_like(noise), {0: ends[:-1].to(self.device), FACTOR: ends[1:].to(self.device)})
        return self._between(prompt, noise, context, level)

    def _clip(self, prompt: TextPrompt, bases: Tensor, links: range, level: int, seed: int) -> Tensor:
        """Latents [4n + 1 c h w] of n links in one go, `bases` [n + 1 c h w] and all frames between them made anew (LaVie)."""
        shape = (1, FACTOR * len(links) + 1, *bases.shape[1:])
        noise = unit_noise(shape, seed, "text", "interpolate", level, links.start).to(self.device)
        given = {FACTOR * i: base[None].to(self.device) for i, base in enumerate(bases)}
        return self._between(prompt, noise, replace(Context.of(torch.zeros_like(noise), given), remade=True), level)[0]

    def _between(self, prompt: TextPrompt, noise: Tensor, context: Context, level: int) -> Tensor:
        """Latents [b f c h w] of clips at the rate of a level, of `noise` like them."""
        text, _ = self._ids(prompt, noise.shape[0] * noise.shape[1])
        fps = torch.full((len(noise),), float(KEY_FPS * FACTOR**level), device=self.device)
        with sampling_on(self.device, self.settings.precision):
            return sample(
                hold(self.between.denoise(text, context, fps), context),
                self.between.schedule,
                noise,
                self.settings.interpolation_steps,
                on_step=lambda step, x0: self.progress.lap("interpolate"),
            ).cpu()

    def _decode(self, latents: Tensor, start: int, stop: int) -> Iterator[np.ndarray]:
        """Frames `start` to `stop`, uint8 [f h w 3], of latents [n c h w], a few at a time; the others are their neighbours."""
        for first in range(start, stop, DECODED_AT_ONCE):
            last = min(first + DECODED_AT_ONCE, stop)
            with sampling_on(self.device, self.settings.precision):
                if self.clip_decoder is None:
                    frames = self.latent_codec.decode(latents[first:last].to(self.device))
                else:
                    frames = self.clip_decoder.decode(latents.to(self.device), first, last)
                pictures = to_frames(frames)
            self.progress.lap("decode", len(pictures))
            yield pictures

    def _ids(self, prompt: TextPrompt, rows: int) -> tuple[Tensor, Tensor]:
        """Token numbers [rows n] of the text and of what is not wanted."""
        ids = self.image.text.ids([prompt.text, prompt.negative]).to(self.device)
        return ids[:1].expand(rows, -1), ids[1:].expand(rows, -1)
