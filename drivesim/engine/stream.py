"""One future as a stream of finished windows, made from a state that a file can hold; memory does not depend on its length."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, fields, replace
from typing import Protocol, Self

import numpy as np
import torch
from torch import Tensor

from drivesim.engine.engine import Engine
from drivesim.engine.future import FutureSpec
from drivesim.engine.moments import ticks
from drivesim.engine.settings import SamplingSettings
from drivesim.engine.timeline import Portions, Timeline, Window
from drivesim.tensors import to_frames
from drivesim.video_format import Phase


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
        """The carry whose `tensors` these are."""
        numbers = {name: int(tensors[name]) for name in ("window", "portion", "decoded")}
        return cls(**(tensors | numbers))  # type: ignore[arg-type]


@dataclass(frozen=True, eq=False)
class FinishedWindow:
    """Window `index`, whose frames are written: its key frames `keys` [k c h w], as far as the video reaches, and the
    `carry` from which the next one goes on. A rollout can be interrupted after it.
    """

    index: int
    keys: Tensor
    carry: Carry


class Film(Protocol):
    """Takes finished frames uint8 [f H W 3], in order."""

    def write(self, frames: np.ndarray) -> None: ...


OpenFilm = Callable[[int], AbstractContextManager[Film]]
"""Opens the film of a window, by its index."""


def units_left(timeline: Timeline, settings: SamplingSettings, carry: Carry | None = None) -> dict[Phase, int]:
    """Units of Progress that one future takes, or has still to take from `carry` on."""
    windows = [timeline.window(i) for i in range(carry.window if carry else 0, timeline.windows)]
    interpolated = sum(
        len(list(timeline.links(window, level))) * settings.interpolation_to(level).steps
        for window in windows
        for level in range(1, timeline.level + 1)
    )
    portions = _portions(timeline, settings).count - (carry.portion if carry else 0)
    return {
        "predict": len(windows) * settings.prediction.steps,
        "interpolate": interpolated,
        "decode": timeline.frames - (carry.decoded if carry else 0),
        "upsample": portions * settings.super_resolution.steps,
        "write": portions,
    }


def finished_frames(timeline: Timeline, settings: SamplingSettings, carry: Carry) -> int:
    """Frames that are finished where `carry` goes on."""
    return _portions(timeline, settings).finished(carry.portion - 1).stop if carry.portion else 0


def finished_windows(
    engine: Engine, future: FutureSpec, carry: Carry, open_film: OpenFilm
) -> Iterator[FinishedWindow]:
    """Makes a future window by window, from Carry.start(first latents) or the carry of the last finished window on.

    Frames go to the window's film as soon as they are finished, a portion at a time: no window is ever held whole. A film
    is closed before its window is given out; a window in which no frame is finished has none.
    """
    timeline = future.timeline
    for index in range(carry.window, timeline.windows):
        window = timeline.window(index)
        keys = torch.cat([carry.keys, engine.predict(future, carry.keys, window)])
        carry = _decode(engine, future, window, _interpolate(engine, future, window, keys, carry))
        if _portions(timeline, engine.settings).ready(carry.portion, carry.decoded):
            with open_film(index) as film:
                carry = _upsample(engine, future, carry, film)
        carry = replace(carry, window=index + 1, keys=keys[-timeline.context :].clone())
        added = keys[window.context if index else 0 : timeline.keys - window.keys.start]
        yield FinishedWindow(index, added, carry)


def replayed_windows(engine: Engine, future: FutureSpec, keys: Tensor, count: int) -> Iterator[FinishedWindow]:
    """Windows 0 to `count` - 1 of a future once more, as `finished_windows` gave them out, from their key frames [k c h w] alone.

    No window may be the future's last. Nothing is predicted, and of each window the last portion alone is upsampled: that is
    all of which anything is carried on.
    """
    timeline, carry = future.timeline, Carry.start(keys[0])
    for index in range(count):
        window = timeline.window(index)
        known = keys[window.keys.start : window.keys.stop]
        carry = _decode(engine, future, window, _interpolate(engine, future, window, known, carry))
        carry = _upsample_ending(engine, future, carry)
        carry = replace(carry, window=index + 1, keys=known[-timeline.context :].clone())
        yield FinishedWindow(index, known[window.context if index else 0 :], carry)


def _portions(timeline: Timeline, settings: SamplingSettings) -> Portions:
    return Portions(timeline.frames, settings.super_resolution.length, settings.super_resolution.overlap)


def _interpolate(engine: Engine, future: FutureSpec, window: Window, keys: Tensor, carry: Carry) -> Carry:
    """The carry with the latents of the frames of `window`, whose key frames are `keys` [10 c h w]."""
    timeline = future.timeline
    dense = keys[window.context - 1 :]
    for level in range(1, timeline.level + 1):
        dense = engine.interpolate(future, dense, list(timeline.links(window, level)), level)
    frames = dense[window.index > 0 :][: len(window.frames)]  # frame 0 is the only context frame of a window's own
    return replace(carry, latents=torch.cat([carry.latents, frames]))


def _decode(engine: Engine, future: FutureSpec, window: Window, carry: Carry) -> Carry:
    """The carry after decoding what the decoder can see all neighbours of: all to the end, but short of it before."""
    timeline, reach = future.timeline, engine.cascade.latent_space.reach
    first, known = window.frames.stop - len(carry.latents), window.frames.stop
    stop = known if known == timeline.frames else max(carry.decoded, known - reach)
    low = carry.low
    if stop > carry.decoded:
        frames = ticks(range(first, known), timeline.level)
        low = torch.cat([low, engine.decode(carry.latents, future, frames, carry.decoded - first, stop - first)])
    engine.progress.lap("decode", stop - carry.decoded)
    return replace(carry, decoded=stop, low=low, latents=carry.latents[max(0, stop - reach - first) :].clone())


def _upsample(engine: Engine, future: FutureSpec, carry: Carry, film: Film) -> Carry:
    """Upsamples every portion that is decoded and writes its finished frames to `film`: the carry afterwards.

    Neighbours are blended where they overlap. The last portion is filled up with its last frame: all have one shape.
    """
    portions = _portions(future.timeline, engine.settings)
    rising = (torch.arange(portions.overlap) + 1.0).div(portions.overlap + 1)[:, None, None, None]
    while portions.ready(carry.portion, carry.decoded):
        low = carry.low[: portions.length]
        low = torch.cat([low, low[-1:].expand(portions.length - len(low), -1, -1, -1)])
        high = engine.upsample(low, future, _portion_ticks(future.timeline, portions.portion(carry.portion)))
        if carry.portion > 0:
            blended = torch.lerp(carry.high, high[: portions.overlap], rising)
            high = torch.cat([blended, high[portions.overlap :]])
        film.write(to_frames(high[: len(portions.finished(carry.portion))]))
        engine.progress.lap("write")
        ending = high[portions.step :].clone()
        carry = replace(carry, portion=carry.portion + 1, low=carry.low[portions.step :].clone(), high=ending)
    return carry


def _upsample_ending(engine: Engine, future: FutureSpec, carry: Carry) -> Carry:
    """The carry as `_upsample` leaves it. Portions overlap by half at most, so that no frame of an ending is blended."""
    portions = _portions(future.timeline, engine.settings)
    low = None
    while portions.ready(carry.portion, carry.decoded):
        low, frames = carry.low[: portions.length], _portion_ticks(future.timeline, portions.portion(carry.portion))
        carry = replace(carry, portion=carry.portion + 1, low=carry.low[portions.step :].clone())
    return carry if low is None else replace(carry, high=engine.upsample(low, future, frames)[portions.step :].clone())


def _portion_ticks(timeline: Timeline, portion: range) -> list[int]:
    """The ticks of a portion's frames, which is filled up with the last frame."""
    frames = ticks(range(timeline.frames), timeline.level)
    return [frames[min(frame, timeline.frames - 1)] for frame in portion]
