"""One future as a stream: the engine's verbs strung together, window by window, from a state that a file can hold."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, replace
from typing import Self

import numpy as np
import torch
from torch import Tensor

from drivesim.engine.cascade import Cascade, Scene
from drivesim.engine.engine import UPSCALING, decode, interpolate, predict, upsample
from drivesim.engine.progress import Progress
from drivesim.engine.settings import SamplingSettings
from drivesim.engine.timeline import Portions, Timeline, Window
from drivesim.scene.boxes import Boxes
from drivesim.tensors import to_frames
from drivesim.video_format import CONTEXT, Phase


@dataclass(frozen=True, eq=False)
class Carry:
    """All that the next window needs of those before it.

    `window`, `portion`: the next of each. `decoded`: number of output frames decoded. `keys` [1 or 2, c h w]: the last
    key frames. `latents` [n c h w]: of the frames still to be decoded, and of as many before them as the decoder sees.
    `low` [n 3 h w]: decoded, from the first frame of the next portion on. `high` [overlap 3 H W]: upsampled, to be
    blended with the next portion.
    """

    window: int
    portion: int
    decoded: int
    keys: Tensor
    latents: Tensor
    low: Tensor
    high: Tensor

    @classmethod
    def start(cls, latents: Tensor) -> Self:
        """Before the first window: the latents [c h w] of the first frame."""
        return cls(0, 0, 0, latents[None], latents[None][:0], torch.zeros(0), torch.zeros(0))

    def tensors(self) -> dict[str, Tensor]:
        """For a file: see `of`."""
        return {f.name: torch.as_tensor(getattr(self, f.name)).contiguous() for f in fields(self)}

    @classmethod
    def of(cls, tensors: dict[str, Tensor]) -> Self:
        """What `tensors` gave."""
        numbers = {name: int(tensors[name]) for name in ("window", "portion", "decoded")}
        return cls(**(tensors | numbers))  # type: ignore[arg-type]


@dataclass(frozen=True, eq=False)
class Chunk:
    """A few finished frames, uint8 [f H W 3], in order.

    A window ends with a chunk that may have no frames but has `keys` [k c h w], the needed key frames it made, and the
    `carry` from which the next window goes on: the point at which a rollout can be interrupted.
    """

    frames: np.ndarray
    keys: Tensor | None = None
    carry: Carry | None = None


def frame_shape(settings: SamplingSettings) -> tuple[int, int, int]:
    """Height, width and channels of the finished frames."""
    return UPSCALING * settings.height, 2 * UPSCALING * settings.height, 3


def work(timeline: Timeline, settings: SamplingSettings, carry: Carry | None = None) -> dict[Phase, int]:
    """Units of Progress that one future takes, or has still to take from `carry` on."""
    windows = [timeline.window(i) for i in range(carry.window if carry else 0, timeline.windows)]
    batches = sum(
        len(list(timeline.links(window, level, settings.interpolation.batch)))
        for window in windows
        for level in range(1, timeline.level + 1)
    )
    portions = _portions(timeline, settings)
    left = portions.count - (carry.portion if carry else 0)
    return {
        "predict": len(windows) * settings.prediction.steps,
        "interpolate": batches * settings.interpolation.steps,
        "decode": timeline.frames - (carry.decoded if carry else 0),
        "upsample": left * settings.super_resolution.steps,
        "write": left,
    }


def finished_frames(timeline: Timeline, settings: SamplingSettings, carry: Carry) -> int:
    """Frames that are finished where `carry` goes on."""
    portions = _portions(timeline, settings)
    return portions.finished(carry.portion - 1).stop if carry.portion else 0


def _portions(timeline: Timeline, settings: SamplingSettings) -> Portions:
    return Portions(timeline.frames, settings.super_resolution.length, settings.super_resolution.overlap)


def simulate(
    cascade: Cascade,
    settings: SamplingSettings,
    scene: Scene,
    timeline: Timeline,
    seed: int,
    future: int,
    carry: Carry,
    boxes_per_frame: Mapping[int, Boxes] | None = None,
    progress: Progress | None = None,
) -> Iterator[Chunk]:
    """One future from `carry` on, a few frames at a time; memory does not depend on its length.

    Start with Carry.start(first latents), or go on with the carry of the last chunk that had one.
    """
    for index in range(carry.window, timeline.windows):
        window, before = timeline.window(index), carry.decoded
        made = predict(cascade, settings, scene, carry.keys, window, seed, future, boxes_per_frame, progress)
        dense = torch.cat([carry.keys[-1:], made])
        for level in range(1, timeline.level + 1):
            batches = list(timeline.links(window, level, settings.interpolation.batch))
            dense = interpolate(cascade, settings, scene, dense, batches, level, seed, future, progress)
        new = dense[index > 0 :][: len(window.frames)]  # frame 0 belongs to the first window, though it was given

        carry = _decoded(cascade, settings, timeline, replace(carry, latents=torch.cat([carry.latents, new])), window)
        if progress is not None:
            progress.lap("decode", carry.decoded - before)
        for frames, after in _finished(cascade, settings, timeline, carry, seed, progress):
            carry = after
            yield Chunk(frames)
        keys = torch.cat([carry.keys, made])
        carry = replace(carry, window=index + 1, keys=keys[-CONTEXT:].clone())
        needed = keys[window.given if index else 0 : timeline.keys - window.keys.start]
        yield Chunk(np.zeros((0, *frame_shape(settings)), np.uint8), needed, carry)


def _decoded(
    cascade: Cascade, settings: SamplingSettings, timeline: Timeline, carry: Carry, window: Window
) -> Carry:
    """The carry after decoding what the decoder can see all neighbours of: all to the end, but short of it before."""
    first, known, reach = window.frames.stop - len(carry.latents), window.frames.stop, cascade.reach
    stop = known if known == timeline.frames else max(carry.decoded, known - reach)
    low = carry.low
    if stop > carry.decoded:
        low = torch.cat([low, decode(cascade, settings, carry.latents, carry.decoded - first, stop - first)])
    return replace(carry, decoded=stop, low=low, latents=carry.latents[max(0, stop - reach - first) :].clone())


def _finished(
    cascade: Cascade,
    settings: SamplingSettings,
    timeline: Timeline,
    carry: Carry,
    seed: int,
    progress: Progress | None,
) -> Iterator[tuple[np.ndarray, Carry]]:
    """Upsamples every portion that is decoded: its finished frames uint8 [f H W 3], and the carry after it.

    Neighbours are blended where they overlap. The last portion is filled up with its last frame: all have one shape.
    """
    portions = _portions(timeline, settings)
    rising = (torch.arange(portions.overlap) + 1.0).div(portions.overlap + 1)[:, None, None, None]
    while portions.ready(carry.portion, carry.decoded):
        low = carry.low[: portions.length]
        low = torch.cat([low, low[-1:].expand(portions.length - len(low), -1, -1, -1)])
        high = upsample(cascade, settings, low, seed, progress)
        if carry.portion > 0:
            blended = torch.lerp(carry.high, high[: portions.overlap], rising)
            high = torch.cat([blended, high[portions.overlap :]])
        finished = to_frames(high[: len(portions.finished(carry.portion))])
        ending = high[portions.step :].clone()
        carry = replace(carry, portion=carry.portion + 1, low=carry.low[portions.step :].clone(), high=ending)
        yield finished, carry
