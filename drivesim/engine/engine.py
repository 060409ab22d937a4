"""The engine's verbs: compose, predict, interpolate, decode, upsample. `stream` strings them together.

Every number drawn comes from a stream keyed by (seed, future, stage, number), and every batch has a shape that depends
on nothing but the settings and the number of the window: a future is the same bits alone, beside others or after a
resume. Latents are kept from window to window and never encoded again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import cv2
import numpy as np
import torch
from torch import Tensor

from drivesim.diffusion.ddim import Draft, sample
from drivesim.diffusion.guidance import guide
from drivesim.engine.cascade import Cascade, Scene
from drivesim.engine.progress import Progress
from drivesim.engine.settings import SamplingSettings
from drivesim.engine.timeline import Window
from drivesim.models.conditioning import Conditions
from drivesim.models.road_ahead import move_along
from drivesim.models.video_ldm import Context, hold
from drivesim.scene.boxes import Boxes
from drivesim.tensors import to_network, torch_stream
from drivesim.video_format import INTERPOLATION_FACTOR as FACTOR
from drivesim.video_format import KEY_FPS, UPSAMPLING_FACTOR, WINDOW, Phase

UPSCALING = UPSAMPLING_FACTOR


def _noise(shape: Sequence[int], seed: int, *key: int | str) -> Tensor:
    return torch.randn(tuple(shape), generator=torch_stream(seed, *key))


def _fresh(shape: Sequence[int], seed: int, *key: int | str) -> Callable[[int], Tensor]:
    """The noise that a sampler with eta > 0 adds after each step: one stream, asked in order."""
    generator = torch_stream(seed, *key, "steps")
    return lambda step: torch.randn(tuple(shape), generator=generator)


def _lap(progress: Progress | None, stage: Phase) -> Callable[[int, Tensor], None] | None:
    return None if progress is None else lambda step, x0: progress.lap(stage)


def latent_shape(cascade: Cascade, settings: SamplingSettings) -> tuple[int, int, int]:
    """(c, h, w) of one frame's latents."""
    factor = cascade.latent_space.autoencoder.factor
    return cascade.image.config.latent_channels, settings.height // factor, 2 * settings.height // factor


def compose(
    cascade: Cascade,
    settings: SamplingSettings,
    scene: Scene,
    seed: int,
    variant: int = 0,
    progress: Progress | None = None,
) -> Tensor:
    """Latents [c h w] of a first frame that shows the scene: boxes, look, road and camera, against nothing given."""
    shape = (1, *latent_shape(cascade, settings))
    image, asked = cascade.image, scene.conditions.to(cascade.device)
    with cascade.sampling(settings.precision):
        denoise = guide(image.denoise(asked), image.denoise(Conditions.none(1).to(cascade.device)), scene.guidance)
        return sample(
            denoise,
            image.schedule,
            _noise(shape, seed, "compose", variant).to(cascade.device),
            settings.image.steps,
            settings.image.eta,
            _fresh(shape, seed, "compose", variant),
            _lap(progress, "compose"),
        )[0].cpu()


def encode_photo(cascade: Cascade, settings: SamplingSettings, photo: np.ndarray) -> Tensor:
    """Latents [c h w] of a picture uint8 [h w 3], its middle cut to 1:2 and scaled to the size of the frames."""
    height, width = photo.shape[:2]
    kept_height, kept_width = min(height, width // 2), min(width, 2 * height)
    top, left = (height - kept_height) // 2, (width - kept_width) // 2
    cut = photo[top : top + kept_height, left : left + kept_width]
    small = cv2.resize(cut, (2 * settings.height, settings.height), interpolation=cv2.INTER_AREA)
    with cascade.sampling(settings.precision):
        return cascade.latent_space.encode(to_network(small[None]).to(cascade.device))[0].float().cpu()


def predict(
    cascade: Cascade,
    settings: SamplingSettings,
    scene: Scene,
    context: Tensor,
    window: Window,
    seed: int,
    future: int,
    boxes_per_frame: Mapping[int, Boxes] | None = None,
    progress: Progress | None = None,
) -> Tensor:
    """Latents [k c h w] of the key frames that `window` makes, after `context` [given c h w] (Video LDM, section 3.2).

    With f(S, c, B) the estimate under context frames S, look, road and camera c (the same for all frames) and the boxes
    B of those key frames that `boxes_per_frame` has (by number), and the scene's scales s of context and g of boxes:

        f' = f(0, c, B) + s (f_g - f(0, c, B))                      context guidance, eq. 4
        f_g = f(S, c, none) + g (f(S, c, B) - f(S, c, none))        box guidance within it; without boxes f(S, c, none)

    The given frames are held (`hold`) throughout, but for s = 0, which ignores them.
    """
    plan, video = settings.prediction, cascade.video
    boxes = [(boxes_per_frame or {}).get(key) for key in window.keys]
    asked = scene.rows(boxes, torch.tensor(window.keys) / float(KEY_FPS)).to(cascade.device)
    free = asked.drop(boxes=True)
    shape = (1, WINDOW, *context.shape[1:])
    fps = torch.full((1,), float(KEY_FPS), device=cascade.device)
    with cascade.sampling(settings.precision):
        given = {i: latents[None].to(cascade.device) for i, latents in enumerate(context)}
        seen = Context.of(torch.zeros(shape, device=cascade.device), given)
        metres = scene.speed / KEY_FPS * torch.arange(WINDOW, device=cascade.device)[None]
        seen = move_along(cascade.latent_space, seen, asked, metres)
        guidance = 1.0 if all(table is None for table in boxes) else scene.guidance
        directed = guide(video.denoise(asked, seen, fps), video.denoise(free, seen, fps), guidance)
        denoise = guide(directed, video.denoise(asked, seen.without(), fps), scene.context_guidance)
        made = sample(
            hold(denoise, seen if scene.context_guidance else seen.without()),
            video.schedule,
            _noise(shape, seed, future, "predict", window.index).to(cascade.device),
            plan.steps,
            plan.eta,
            _fresh(shape, seed, future, "predict", window.index),
            _lap(progress, "predict"),
        )
    return made[0, window.given :].cpu()


def interpolate(
    cascade: Cascade,
    settings: SamplingSettings,
    scene: Scene,
    latents: Tensor,
    batches: Sequence[range],
    level: int,
    seed: int,
    future: int,
    progress: Progress | None = None,
) -> Tensor:
    """Four times the rate (Video LDM, section 3.3): latents [n c h w], made denser wherever `batches` of links reach.

    `latents` start at the first link of the first batch. Returns [4 m + 1 c h w] for m links: the given frames as they
    were, three new ones between neighbours. `level` 1 makes 7.5 fps of 1.875, 2 makes 30 fps of 7.5.
    """
    plan, video, device = settings.interpolation, cascade.video, cascade.device
    first = batches[0].start
    dense = [latents[:1]]
    for links in batches:
        ends = latents[links.start - first : links.stop - first + 1]
        count, shape = len(links), (FACTOR + 1, *latents.shape[1:])
        fps = torch.full((count,), float(KEY_FPS * FACTOR**level))
        frames = FACTOR * torch.tensor(links)[:, None] + torch.arange(FACTOR + 1)
        conditions = scene.rows([None] * frames.numel(), (frames / fps[:, None]).flatten()).to(device)
        fps = fps.to(device)
        noise = torch.stack([_noise(shape, seed, future, "interpolate", level, link) for link in links])
        with cascade.sampling(settings.precision):
            given = {0: ends[:-1].to(device), FACTOR: ends[1:].to(device)}
            metres = scene.speed / fps[:, None] * torch.arange(FACTOR + 1, device=device)
            seen = move_along(cascade.latent_space, Context.of(torch.zeros(noise.shape, device=device), given), conditions, metres)
            denoise = guide(
                video.denoise(conditions, seen, fps), video.denoise(conditions, seen.without(), fps), plan.guidance
            )
            made = sample(
                hold(denoise, seen),
                video.schedule,
                noise.to(device),
                plan.steps,
                plan.eta,
                _fresh(noise.shape, seed, future, "interpolate", level, links.start),
                _lap(progress, "interpolate"),
                draft=Draft(video.estimate(conditions, seen, fps).to(noise.dtype), plan.noise) if plan.noise < 1 else None,
            ).cpu()
        for link, end in zip(made, ends[1:], strict=True):
            dense += [link[1:FACTOR], end[None]]
    return torch.cat(dense)


def decode(
    cascade: Cascade, settings: SamplingSettings, latents: Tensor, start: int = 0, stop: int | None = None
) -> Tensor:
    """Frames `start` to `stop` [stop-start 3 h w] in [-1, 1] of latents [f c h w]; the others are their neighbours."""
    with cascade.sampling(settings.precision):
        return cascade.latent_space.decode_clip(latents[None].to(cascade.device), start, stop)[0].float().cpu()


def upsample(
    cascade: Cascade,
    settings: SamplingSettings,
    frames: Tensor,
    seed: int,
    progress: Progress | None = None,
) -> Tensor:
    """Frames [f 3 4h 4w] of frames [f 3 h w].

    All frames of all futures get the same noise: overlapping portions agree, what stays where it is does not flicker, and
    futures dress what they share alike.
    """
    plan, device = settings.super_resolution, cascade.device
    _, channels, height, width = frames.shape

    def noise(scale: int, *key: int | str) -> Tensor:
        drawn = _noise((channels, scale * height, scale * width), seed, "upsample", *key)
        return drawn.to(device).expand(1, len(frames), -1, -1, -1)

    with cascade.sampling(settings.precision):
        made = cascade.super_resolution.upsample(
            frames[None].to(device),
            noise(UPSCALING),
            noise(1, "augmentation"),
            plan.steps,
            plan.level,
            plan.eta,
            lambda step: noise(UPSCALING, "step", step),
            _lap(progress, "upsample"),
        )
    return made[0].float().cpu()
