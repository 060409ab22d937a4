"""Sharpness of finished frames, 512x1024, beside the same moments rendered at that size."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from drivesim.engine.engine import Engine
from drivesim.engine.moments import ticks
from drivesim.evaluation.fidelity.labelled_future import LabelledFuture
from drivesim.evaluation.fidelity.material import FULL, ClipPair
from drivesim.metrics.intervals import Figures, bootstrap
from drivesim.metrics.reconstruction import gradient_energy
from drivesim.seeds import stream_seed
from drivesim.tensors import to_frames, to_network
from drivesim.video_format import FRAME_HEIGHT, FRAME_WIDTH
from drivesim.world.generator import render_clip, sample_world


class FullSize(NamedTuple):
    """One frame of a clip at full size, uint8 [512 1024 3]: as rendered, and as made."""

    rendered: np.ndarray
    made: np.ndarray


def full_size(engine: Engine, film: ClipPair, seed: int) -> FullSize:
    """A frame from the middle of a clip at 30 fps, upsampled within a portion as in a rollout."""
    future = LabelledFuture.of(film.labels, stream_seed(seed, "full size"))
    length = min(engine.settings.super_resolution.length, len(film.made))
    start = (len(film.made) - length) // 2
    low = to_network(film.made[start : start + length])
    moments = list(ticks(range(len(film.made)), future.timeline.level))[start : start + length]
    frame = start + length // 2
    assert film.labels.roadside is not None
    world = sample_world(film.labels.roadside.seed).after(frame / FULL)
    rendered = render_clip(world, 1, FULL, FRAME_HEIGHT, FRAME_WIDTH, noise=False)
    return FullSize(rendered.frames[0], to_frames(engine.upsample(low, future, moments)[length // 2]))


def full_size_figures(seen: Sequence[FullSize]) -> Figures:
    """`sharpness_full_size`: gradient energy of what is made, as a share of that of what is rendered."""
    made, rendered = (np.array([float(gradient_energy(each)) for each in side]) for side in
                      ([pair.made for pair in seen], [pair.rendered for pair in seen]))  # fmt: skip
    return {"sharpness_full_size": bootstrap(lambda rows: float(made[rows].sum() / rendered[rows].sum()), len(seen))}
