"""What the weights and the world are measured on: moments of held-out worlds, and real frames beside them."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from drivesim.config import InputError, Say
from drivesim.dataset.progress_line import ProgressLine
from drivesim.dataset.sheets import real_pictures
from drivesim.dataset.synthesis import fresh_clips
from drivesim.layout.planes import layout_planes
from drivesim.layout.scene_at import SceneAt
from drivesim.scene.clip import Clip
from drivesim.training.presets import TINY
from drivesim.video_format import NETWORK_HEIGHT, NETWORK_WIDTH
from drivesim.world.generator import render_clip, sample_world

HELD_OUT_SEED = TINY.held_out.seed  # worlds that no stage is trained on


@dataclass(frozen=True)
class Pair:
    """One moment of a held-out world as uint8 [h w 3]: as a camera sees it, and without the noise of its sensor; its layout, planes
    uint8 [planes h w]."""

    noisy: np.ndarray
    clean: np.ndarray
    night: bool
    layout: np.ndarray


def both_developments(seed: int, frames: int, fps: float, height: int, width: int, **options: Any) -> Clip:
    """A clip of the world of `seed` with every moment twice: all noisy frames, then all noise-free ones, under the same labels."""
    world = sample_world(seed)
    noisy, clean = (render_clip(world, frames, fps, height, width, noise) for noise in (True, False))
    return replace(noisy, frames=np.concatenate([noisy.frames, clean.frames]))


def held_out_pairs(count: int, seed: int = HELD_OUT_SEED, workers: int | None = None, say: Say | None = None) -> list[Pair]:
    """The first moment of `count` held-out worlds; `workers` as in dataset.synthesis.fill_store."""
    if count < 1:
        raise InputError(f"--frames {count}: ask for at least one")
    line, pairs = ProgressLine("held-out world", 0, count, say), []
    clips = fresh_clips(seed, 1, (1.0,), NETWORK_HEIGHT, NETWORK_WIDTH, workers=workers, make=both_developments)
    with closing(clips):
        for clip in islice(clips, count):
            layout = layout_planes(SceneAt.labelled(clip.labels, 0), NETWORK_HEIGHT, NETWORK_WIDTH)
            pairs.append(Pair(clip.frames[0], clip.frames[1], clip.labels.time_of_day == "night", layout))
            line(len(pairs))
    return pairs


def real_frames(paths: Sequence[Path], count: int, seed: int = HELD_OUT_SEED) -> dict[str, np.ndarray]:
    """Random frames uint8 [n h w 3] of each path (film, image or folder of them), cut to 2:1, by the path's name."""
    names = [path.resolve().name for path in paths]
    keys = [name if names.count(name) == 1 else str(path) for name, path in zip(names, paths, strict=True)]
    return {key: real_pictures([path], count, NETWORK_HEIGHT, seed) for key, path in zip(keys, paths, strict=True)}
