"""The engine: compose, predict, interpolate, decode, upsample. `stream` strings these verbs together.

Every number drawn comes from a stream keyed by (seed, future, phase, number of the window or link), and every batch has a
shape that depends on nothing but the number of the window: a future is the same bits alone, beside others or after a
resume. Latents are kept from window to window and never encoded again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from torch import Tensor

from drivesim.diffusion.ddim import Draft, sample
from drivesim.diffusion.guidance import guide
from drivesim.engine.cascade import Cascade, settle_precision
from drivesim.engine.future import FutureSpec, Prompt
from drivesim.engine.grain import grain, surface_noise
from drivesim.engine.moments import ticks
from drivesim.engine.progress import UNTIMED, Progress
from drivesim.engine.random_streams import step_noise, unit_noise
from drivesim.engine.settings import SamplingSettings
from drivesim.engine.timeline import Window
from drivesim.models.conditions.all_groups import LAYOUT_GROUPS, no_conditions
from drivesim.models.conditions.conditions import Conditions
from drivesim.models.road_ahead import move_along
from drivesim.models.video_ldm import Context, hold, with_given
from drivesim.tensors import to_frame_size, to_frames, to_network
from drivesim.video_format import INTERPOLATION_FACTOR as FACTOR
from drivesim.video_format import KEY_FPS, LATENT_FACTOR, UPSAMPLING_FACTOR, Phase
from drivesim.video_io import read_image


class Engine:
    """The cascade with settings to sample it; `progress` is told of every step.

    Latents and frames are float32 on the CPU, between verbs and outside.
    """

    def __init__(self, cascade: Cascade, settings: SamplingSettings, progress: Progress = UNTIMED) -> None:
        self.cascade = cascade
        self.settings = settle_precision(settings, cascade.device)
        self.progress = progress
        self._surface_noise = lru_cache(maxsize=12)(unit_noise)  # of anchors, which many frames share

    @property
    def latent_shape(self) -> tuple[int, int, int]:
        """(c, h, w) of one frame's latents."""
        height = self.settings.height
        return self.cascade.image.shape.latent_channels, height // LATENT_FACTOR, 2 * height // LATENT_FACTOR

    @property
    def layout_height(self) -> int | None:
        """Height in px of the layout planes that the networks are shown; None if they are shown none."""
        return self.settings.height if self.cascade.is_shown_layout else None

    def first_latents(self, prompt: Prompt, seed: int, variant: int = 0) -> Tensor:
        """Latents [c h w] of the first frame: of the prompt's photo, or else composed."""
        if prompt.photo is not None:
            return self.encode_photo(read_image(prompt.photo))
        return self.compose(prompt, seed, variant)

    def first_frame(self, latents: Tensor, prompt: Prompt, seed: int) -> np.ndarray:
        """The picture uint8 [4h 4w 3] of a first frame's latents [c h w], upsampled by itself."""
        first = FutureSpec.first(prompt, seed)
        return to_frames(self.upsample(self.decode(latents[None], first, [0]), first, [0]))[0]

    def encode_photo(self, photo: np.ndarray) -> Tensor:
        """Latents [c h w] of a picture uint8 [h w 3], its middle cut to 1:2 and scaled to the size of the frames."""
        small = to_frame_size(photo, self.settings.height, keep="middle")
        with self.cascade.sampling(self.settings.precision):
            return self.cascade.latent_space.encode(to_network(small[None]).to(self.cascade.device))[0].float().cpu()

    def compose(self, prompt: Prompt, seed: int, variant: int = 0) -> Tensor:
        """Latents [c h w] of a first frame that shows the prompt, guided away from one without any conditions."""
        settings, image, device = self.settings.image, self.cascade.image, self.cascade.device
        shape, key = (1, *self.latent_shape), (seed, "compose", variant)
        conditions = FutureSpec.first(prompt, seed).known_conditions([0], self.layout_height).to(device)
        nothing = no_conditions(1).to(device)
        with self.cascade.sampling(self.settings.precision):
            denoise = guide(image.denoise(conditions), image.denoise(nothing), prompt.guidance, settings.rescale)
            noise = unit_noise(shape, *key).to(device)
            return sample(
                denoise, image.schedule, noise, settings.steps, settings.eta, step_noise(shape, *key), self._lap("compose")
            )[0].cpu()  # fmt: skip

    def predict(self, future: FutureSpec, keys: Tensor, window: Window) -> Tensor:
        """Latents [k c h w] of the key frames that `window` adds, after `keys` [n c h w], its context (Video LDM, section 3.2).

        All at once, however long the window is (see VideoLDMConfig.attention_distance).

        With f(S, c, B) the estimate under context frames S, look, road and camera c (the same for all frames) and the boxes
        B of the key frames, and the prompt's scales s of context and g of boxes:

            f' = f(0, c, B) + s (f_g - f(0, c, B))                      context guidance, eq. 4
            f_g = f(S, c, none) + g (f(S, c, B) - f(S, c, none))        box guidance within it; without boxes f(S, c, none)

        Where networks are shown layout planes, these go with the boxes. Both guided estimates are rescaled (`guide`).
        The context frames are held (`hold`) throughout, but for s = 0, which ignores them.
        """
        settings, video, device, prompt = self.settings.prediction, self.cascade.video, self.cascade.device, future.prompt
        frames = ticks(window.keys, level=0)
        conditions = future.conditions(frames, self.layout_height).to(device)
        without_boxes = conditions.drop(boxes=True, **dict.fromkeys(LAYOUT_GROUPS, True))
        shape, key = (1, len(window.keys), *keys.shape[1:]), (future.seed, future.number, "predict", window.index)
        fps = torch.full((1,), float(KEY_FPS), device=device)
        with self.cascade.sampling(self.settings.precision):
            known = {i: latents[None].to(device) for i, latents in enumerate(keys)}
            context = self._context(shape, known, conditions, future, frames)
            guidance = prompt.guidance if conditions["boxes"].given.any() else 1.0
            rescale = settings.rescale
            encoded = video.image.encode(conditions, *keys.shape[2:])
            shown, plain = video.denoise(conditions, context, fps, encoded), video.denoise(without_boxes, context, fps)
            alone = video.denoise(conditions, context.without(), fps, encoded)
            denoise = guide(guide(shown, plain, guidance, rescale), alone, prompt.context_guidance, rescale)
            clip = sample(
                hold(denoise, context if prompt.context_guidance else context.without()),
                video.schedule,
                unit_noise(shape, *key).to(device),
                settings.steps,
                settings.eta,
                step_noise(shape, *key),
                self._lap("predict"),
            )
        return clip[0, window.context :].cpu()

    def interpolate(self, future: FutureSpec, latents: Tensor, batches: Sequence[range], level: int) -> Tensor:
        """Four times the rate (Video LDM, section 3.3): latents [n c h w], made denser wherever `batches` of links reach.

        `latents` start at the first link of the first batch. Returns [4 m + 1 c h w] for m links: the latents as they
        were, three new ones between neighbours. `level` 1 makes 7.5 fps of 1.875, 2 makes 30 fps of 7.5.
        """
        first = batches[0].start
        dense = [latents[:1]]
        for links in batches:
            ends = latents[links.start - first : links.stop - first + 1]
            for link, end in zip(self._links(future, ends, links, level), ends[1:], strict=True):
                dense += [link[1:FACTOR], end[None]]
        return torch.cat(dense)

    def _links(self, future: FutureSpec, ends: Tensor, links: range, level: int) -> Tensor:
        """Latents [n 5 c h w] of n links, of which `ends` [n + 1 c h w] are where they begin and end."""
        settings, video, device = self.settings.interpolation_to(level), self.cascade.video, self.cascade.device
        shape, key = (FACTOR + 1, *ends.shape[1:]), (future.seed, future.number, "interpolate", level)
        fps = torch.full((len(links),), float(KEY_FPS * FACTOR**level), device=device)
        frames = [tick for link in links for tick in ticks(range(FACTOR * link, FACTOR * (link + 1) + 1), level)]
        conditions = future.conditions(frames, self.layout_height).to(device)
        noise = torch.stack([self._link_noise(future, shape, key, link, level) for link in links])
        fresh_noise = [step_noise(shape, *key, link) for link in links]
        with self.cascade.sampling(self.settings.precision):
            known = {0: ends[:-1].to(device), FACTOR: ends[1:].to(device)}
            context = self._context(noise.shape, known, conditions, future, frames)
            encoded = video.image.encode(conditions, *noise.shape[3:])
            features = video.encode_context(context, fps, encoded)
            alone = video.denoise(conditions, context.without(), fps, encoded)
            denoise = guide(video.denoise_encoded(encoded, features), alone, settings.guidance)
            draft = Draft(with_given(features.estimate, context).to(noise.dtype), settings.noise) if settings.noise < 1 else None
            return sample(
                hold(denoise, context),
                video.schedule,
                noise.to(device),
                settings.steps,
                settings.eta,
                lambda step: torch.stack([fresh(step) for fresh in fresh_noise]),
                self._lap("interpolate"),
                draft=draft,
            ).cpu()

    def _link_noise(self, future: FutureSpec, shape: Sequence[int], key: Sequence[Any], link: int, level: int) -> Tensor:
        """Unit noise [5 c h w] that a link begins with. Between key frames, far from each other, it moves with surfaces where it is
        known what stands where (`surface_noise`): details that are made of it stay on what they are on."""
        if level > 1 or not future.is_laid_out:
            return unit_noise(shape, *key, link)
        layouts = future.layouts((shape[2], shape[3]))

        def drawn(spacing: int, anchor: int) -> Tensor:
            return self._surface_noise(tuple(shape[1:]), *key, spacing, anchor)

        frames = ticks(range(FACTOR * link, FACTOR * (link + 1) + 1), level)
        return torch.stack([surface_noise(grain(layouts, tick), 1, drawn) for tick in frames])

    def decode(
        self, latents: Tensor, future: FutureSpec, frames: Sequence[int], start: int = 0, stop: int | None = None
    ) -> Tensor:
        """Frames `start` to `stop` [stop-start 3 h w] in [-1, 1] of latents [f c h w]; the others are their neighbours.

        `frames` are the ticks of all f, by which the decoder is shown their layout.
        """
        space, device = self.cascade.latent_space, self.cascade.device
        conditions = None if not space.shows_layout else future.layout_conditions(frames, self.settings.height)
        with self.cascade.sampling(self.settings.precision):
            clip = latents[None].to(device)
            shown = None if conditions is None else conditions.to(device)
            return space.decode_clip(clip, start, stop, shown)[0].float().cpu()

    def upsample(self, frames: Tensor, future: FutureSpec, ticks: Sequence[int]) -> Tensor:
        """Frames [f 3 4h 4w] of frames [f 3 h w] at these ticks, in [-1, 1], all sampled at once (Video LDM, section 3.4).

        Noise moves with surfaces (`surface_noise`), and all futures draw it alike: what they share they dress alike. Where it is
        not known what stands where, all frames get the same.
        """
        settings, model, device = self.settings.super_resolution, self.cascade.super_resolution, self.cascade.device
        _, channels, height, width = frames.shape
        conditions = None if model.layout is None else future.layout_conditions(ticks, UPSAMPLING_FACTOR * height)
        layouts = future.layouts((height, width)) if future.is_laid_out else None
        parts = None if layouts is None else [grain(layouts, tick) for tick in ticks]

        def noise(scale: int, *key: int | str) -> Tensor:
            def drawn(spacing: int, anchor: int) -> Tensor:
                shape = channels, scale * height, scale * width
                return self._surface_noise(shape, future.seed, "upsample", *key, spacing, anchor)

            if parts is None:
                return drawn(0, 0).to(device).expand(1, len(frames), -1, -1, -1)
            return torch.stack([surface_noise(each, scale, drawn) for each in parts])[None].to(device)

        with self.cascade.sampling(self.settings.precision):
            low = frames[None].to(device)
            level = torch.full((1,), settings.level, dtype=torch.int64, device=device)
            features = model.layout_features(None if conditions is None else conditions.to(device))
            high = model.upsample(
                low,
                level,
                noise(1, "augmentation"),
                noise(UPSAMPLING_FACTOR),
                features,
                steps=settings.steps,
                share=settings.noise,
                eta=settings.eta,
                noise_source=lambda step: noise(UPSAMPLING_FACTOR, "step", step),
                on_step=self._lap("upsample"),
            )
            return high[0].float().cpu()

    def _context(
        self,
        shape: Sequence[int],
        known: dict[int, Tensor],
        conditions: Conditions,
        future: FutureSpec,
        frames: Sequence[int],
    ) -> Context:
        """The context of clips of `shape` (b f c h w): `known` latents [b c h w] by frame, moved to all others.

        By the layout, where networks are shown it and it is known what stands, or else along the road; `frames` are ticks [(b f)].
        """
        context = Context.of(torch.zeros(tuple(shape), device=self.cascade.device), known)
        if self.layout_height is None or not future.is_laid_out:
            metres = future.metres(frames).reshape(shape[0], shape[1]).to(self.cascade.device)
            return move_along(self.cascade.latent_space, context, conditions, metres)
        layouts = future.layouts((self.layout_height, 2 * self.layout_height))
        return layouts.moved(self.cascade.latent_space, context, frames, sorted(known))

    def _lap(self, phase: Phase) -> Callable[[int, Tensor], None]:
        """What a sampler calls after every step."""
        return lambda step, x0: self.progress.lap(phase)
