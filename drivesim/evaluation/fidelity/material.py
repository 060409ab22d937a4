"""What fidelity is measured on: frames and clips of held-out worlds, and the same layouts as the engine makes them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import islice

import numpy as np
import torch
from torch import Tensor

from drivesim.config import Say
from drivesim.dataset.progress_line import ProgressLine
from drivesim.dataset.synthesis import fresh_clips
from drivesim.engine.engine import Engine
from drivesim.evaluation.autoencoder import reconstruct
from drivesim.evaluation.fidelity.labelled_future import LabelledFuture, compose_labelled, roll
from drivesim.layout.planes import layout_planes
from drivesim.layout.scene_at import SceneAt
from drivesim.scene.clip import Clip, ClipLabels
from drivesim.seeds import stream_seed
from drivesim.tensors import to_frames
from drivesim.video_format import CONTEXT, FRAME_RATES, INTERPOLATION_FACTOR, NETWORK_HEIGHT, NETWORK_WIDTH, WINDOW

KEYS, _, FULL = FRAME_RATES
STRIDE = INTERPOLATION_FACTOR**2  # frames from key frame to key frame
ONE_WINDOW = (WINDOW - 1) * STRIDE + 1  # frames
_PIECES, _LENGTH = 3, 9  # of a clip, whose motion is compared


@dataclass(frozen=True)
class Amounts:
    """How many single `frames` are composed, `clips` of `clip_frames` at the full rate rolled out, and `long_clips` of key frames
    of `long_seconds`; how many `worlds` the autoencoder is measured on. Of `full_size` clips a frame is upsampled; `cut_ins` are
    made, and so many moments `continued`.
    """

    worlds: int
    frames: int
    clips: int
    long_clips: int
    long_seconds: float
    full_size: int
    cut_ins: int
    continued: int
    clip_frames: int = ONE_WINDOW


QUICK = Amounts(
    worlds=160, frames=64, clips=10, long_clips=2, long_seconds=60.0, full_size=8, cut_ins=3, continued=3
)
WHOLE = Amounts(
    worlds=500, frames=256, clips=32, long_clips=8, long_seconds=300.0, full_size=32, cut_ins=16, continued=16,
    clip_frames=ONE_WINDOW + (WINDOW - CONTEXT) * STRIDE,
)  # fmt: skip


@dataclass(frozen=True)
class Stills:
    """n frames uint8 [n h w 3]: `rendered`, as the engine composes the same layouts, and told nothing but their look; `others` are
    rendered frames of other worlds, and `kept` these through the autoencoder. Labels of the first three, one frame each."""

    rendered: np.ndarray
    composed: np.ndarray
    look_alone: np.ndarray
    others: np.ndarray
    kept: np.ndarray
    labels: tuple[ClipLabels, ...]

    @property
    def night(self) -> np.ndarray:
        """Whether each is by night, bool [n]."""
        return np.array([labels.time_of_day == "night" for labels in self.labels])


@dataclass(frozen=True)
class ClipPair:
    """One clip: its labels, and frames uint8 [f h w 3] as rendered and as made; `kept` [k f h w 3] are the `pieces` of the rendered
    ones through the autoencoder."""

    labels: ClipLabels
    rendered: np.ndarray
    made: np.ndarray
    kept: np.ndarray


def pieces(frames: np.ndarray) -> np.ndarray:
    """Short clips [k f ...] of neighbouring frames out of those of a film [n ...]."""
    length = min(_LENGTH, len(frames))
    starts = np.linspace(0, len(frames) - length, _PIECES).round().astype(int)
    return np.stack([frames[start : start + length] for start in starts])


def worlds(count: int, frames: int, fps: float, seed: int, what: str, workers: int | None, say: Say | None) -> Iterator[Clip]:
    """Clips of `count` held-out worlds, without noise; `what` tells them from those of other figures."""
    line = ProgressLine(f"{what} of held-out worlds", 0, count, say)
    clips = fresh_clips(
        stream_seed(seed, what), frames, (fps,), NETWORK_HEIGHT, NETWORK_WIDTH, workers=workers, noise=False
    )
    with closing(clips):
        for number, clip in enumerate(islice(clips, count), 1):
            yield clip
            line(number)


def stills(engine: Engine, count: int, seed: int, workers: int | None = None, say: Say | None = None) -> Stills:
    """`count` frames, rendered and composed."""
    clips = list(worlds(2 * count, 2, KEYS, seed, "frames", workers, say))  # a film has two frames at least
    pictures = np.stack([clip.frames[0] for clip in clips])
    futures = [LabelledFuture.of(clip.labels, stream_seed(seed, "still", k)) for k, clip in enumerate(clips)]
    own, rest = futures[:count], futures[count:]
    composed = _decoded(engine, compose_labelled(engine, own), own)
    look_alone = _decoded(engine, compose_labelled(engine, own, look_alone=True), own)
    kept = _decoded(engine, torch.stack([engine.encode_photo(picture) for picture in pictures[count:]]), rest)
    return Stills(pictures[:count], composed, look_alone, pictures[count:], kept, tuple(future.labels for future in own))


def _decoded(engine: Engine, latents: Tensor, futures: Sequence[LabelledFuture]) -> np.ndarray:
    """Pictures uint8 [n h w 3] of the latents [n c h w] of first frames."""
    each = zip(latents, futures, strict=True)
    return np.concatenate([to_frames(engine.decode(one[None], future, [0])) for one, future in each])


def _kept(engine: Engine, clip: Clip) -> np.ndarray:
    """The `pieces` [k f h w 3] of a rendered clip through the autoencoder."""
    numbers = pieces(np.arange(len(clip.frames))).flatten().tolist()
    layouts = [layout_planes(SceneAt.labelled(clip.labels, number), *clip.frames.shape[1:3]) for number in numbers]
    return reconstruct(engine.cascade.latent_space, pieces(clip.frames), layouts)


def films(
    engine: Engine, count: int, frames: int, fps: float, seed: int, workers: int | None = None, say: Say | None = None
) -> Iterator[ClipPair]:
    """`count` clips at `fps`, rendered and rolled out, one after the other."""
    line = ProgressLine(f"rollouts of {frames / fps:.0f} s", 0, count, say)
    for number, clip in enumerate(worlds(count, frames, fps, seed, f"clips at {fps:g} fps", workers, None), 1):
        future = LabelledFuture.of(clip.labels, stream_seed(seed, "film", number))
        first = compose_labelled(engine, [future])[0]
        yield ClipPair(clip.labels, clip.frames, roll(engine, future, first), _kept(engine, clip))
        line(number)
