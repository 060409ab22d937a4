"""How much futures of one moment differ, beside how much the world's own continuations of it do."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from drivesim.config import Say
from drivesim.dataset.progress_line import ProgressLine
from drivesim.engine.engine import Engine
from drivesim.evaluation.fidelity.labelled_future import LabelledFuture, compose_labelled, roll
from drivesim.evaluation.fidelity.material import KEYS, ClipPair
from drivesim.metrics.distances import diversity
from drivesim.metrics.intervals import Figures, bootstrap
from drivesim.models.detector.detector import Detector
from drivesim.seeds import stream_seed
from drivesim.video_format import NETWORK_HEIGHT, NETWORK_WIDTH, WINDOW
from drivesim.world.generator import render_clip, sample_world

FUTURES = 3  # of a moment


def continuations(engine: Engine, count: int, seed: int, say: Say | None = None) -> Iterator[list[ClipPair]]:
    """`count` moments of held-out worlds, each with FUTURES continuations of a window of key frames: as the world renders them, and
    as the engine makes them from one first frame, shown the labels of each."""
    line = ProgressLine("moment with its continuations", 0, count, say)
    for number in range(count):
        world = sample_world(stream_seed(seed, "continued", number))
        clips = [
            render_clip(world.continued(stream_seed(seed, number, "future", k)), WINDOW, KEYS, NETWORK_HEIGHT, NETWORK_WIDTH, False)
            for k in range(FUTURES)
        ]
        futures = [LabelledFuture.of(clip.labels, stream_seed(seed, number, "roll", k)) for k, clip in enumerate(clips)]
        first = compose_labelled(engine, futures[:1])[0]
        made = [roll(engine, future, first) for future in futures]
        yield [ClipPair(clip.labels, clip.frames, film, film[:0]) for clip, film in zip(clips, made, strict=True)]
        line(number + 1)


def diversity_figures(moments: Sequence[Sequence[ClipPair]], detector: Detector) -> Figures:
    """`diversity`: how far futures of one moment lie apart once they have begun, by features of their frames, as a share of how far
    the world's own do."""
    sides = []
    for films in moments:
        made, rendered = (np.stack([detector.features(frames) for frames in side]) for side in
                          ([film.made for film in films], [film.rendered for film in films]))  # fmt: skip
        deviation = np.maximum(rendered.reshape(-1, rendered.shape[-1]).std(axis=0), 1e-3)
        sides.append([float(diversity(features / deviation)[1:].mean()) for features in (made, rendered)])
    apart = np.array(sides)
    return {"diversity": bootstrap(lambda rows: float(apart[rows, 0].sum() / max(apart[rows, 1].sum(), 1e-9)), len(apart))}
