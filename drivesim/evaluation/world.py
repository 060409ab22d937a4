"""The world's detail, beside that of real footage, and the speed at which it is rendered."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from drivesim.config import InputError
from drivesim.evaluation.held_out import HELD_OUT_SEED, Pair
from drivesim.metrics.reconstruction import gradient_energy
from drivesim.seeds import stream_seed
from drivesim.video_format import FRAME_HEIGHT, FRAME_RATES, FRAME_WIDTH, NETWORK_HEIGHT, NETWORK_WIDTH
from drivesim.world.generator import render_clip, sample_world

LEAST_ENERGY = 0.6  # of the gradient energy of real footage
LEAST_SPEED = {(NETWORK_HEIGHT, NETWORK_WIDTH): 25.0, (FRAME_HEIGHT, FRAME_WIDTH): 2.0}  # frames/s of one core


@dataclass(frozen=True)
class RealDetail:
    """Gradient energy of real pictures, and the share of it that the world's day frames have."""

    frames: int
    gradient_energy: float
    ratio: float


@dataclass(frozen=True)
class WorldFigures:
    """`gradient_energy` of `day_frames` noise-free frames; `real` by source.

    `frames_per_second` of one core by frame size, within a world; `seconds_a_world`: what the first frame of each costs.
    """

    day_frames: int
    gradient_energy: float
    real: dict[str, RealDetail]
    frames_per_second: dict[str, float]
    seconds_a_world: float


def world_figures(pairs: Sequence[Pair], real: dict[str, np.ndarray], seed: int = HELD_OUT_SEED) -> WorldFigures:
    """Detail of the noise-free day frames among `pairs`, beside that of real (daylight) frames, and rendering speed."""
    day = [pair.clean for pair in pairs if not pair.night]
    if not day:
        raise InputError(f"--frames {len(pairs)}: none of them is by day; ask for more")
    energy = float(gradient_energy(np.stack(day)).mean())
    beside = {}
    for name, frames in real.items():
        its = float(gradient_energy(frames).mean())
        beside[name] = RealDetail(len(frames), its, energy / its)
    small, _ = rendering_speed(NETWORK_HEIGHT, NETWORK_WIDTH, seed, worlds=12, frames=8)
    large, start = rendering_speed(FRAME_HEIGHT, FRAME_WIDTH, seed, worlds=3, frames=3)
    speed = {f"{NETWORK_HEIGHT}x{NETWORK_WIDTH}": small, f"{FRAME_HEIGHT}x{FRAME_WIDTH}": large}
    return WorldFigures(len(day), energy, beside, speed, start)


def rendering_speed(height: int, width: int, seed: int, worlds: int, frames: int) -> tuple[float, float]:
    """Frames a second of one core after the first of each world, and the seconds that making a world and its first takes.

    Processor time: other work on the machine does not count.
    """
    starts = spent = 0.0
    for k in range(worlds):
        began = time.process_time()
        world = sample_world(stream_seed(seed, "speed", k))
        render_clip(world, 1, FRAME_RATES[0], height, width)
        ready = time.process_time()
        render_clip(world, frames, FRAME_RATES[0], height, width)
        starts, spent = starts + ready - began, spent + time.process_time() - ready
    return worlds * frames / spent, starts / worlds
