"""How good the ground is that everything stands on: the autoencoder on held-out pictures, and the world's detail and speed."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch

from drivesim.config import InputError, Say
from drivesim.dataset.progress_line import ProgressLine
from drivesim.dataset.sheets import real_pictures
from drivesim.dataset.synthesis import fresh_clips
from drivesim.metrics.reconstruction import gradient_energy, psnr, ssim
from drivesim.models.latent_space import LatentSpace
from drivesim.scene.clip import Clip
from drivesim.tensors import stream_seed, to_frames, to_network
from drivesim.training.presets import TINY
from drivesim.video_format import FRAME_HEIGHT, FRAME_RATES, FRAME_WIDTH, NETWORK_HEIGHT, NETWORK_WIDTH
from drivesim.world.generator import render_clip, sample_world

HELD_OUT_SEED = TINY.held_out.seed  # worlds that no stage is trained on
BATCH = 16
LEAST_PSNR = 29.0  # dB, of the autoencoder on held-out worlds
LEAST_ENERGY = 0.6  # of the gradient energy of real footage
LEAST_SPEED = {(NETWORK_HEIGHT, NETWORK_WIDTH): 25.0, (FRAME_HEIGHT, FRAME_WIDTH): 2.0}  # frames/s of one core


@dataclass(frozen=True)
class Pair:
    """One moment of a held-out world as uint8 [h w 3]: as a camera sees it, and without the noise of its sensor."""

    noisy: np.ndarray
    clean: np.ndarray
    night: bool


@dataclass(frozen=True)
class Fidelity:
    """Of the reconstructions of `frames` pictures: PSNR (dB), its mean over the worst tenth of them, and SSIM."""

    frames: int
    psnr: float
    psnr_worst_tenth: float
    ssim: float

    @classmethod
    def of(cls, reconstructions: np.ndarray, originals: np.ndarray) -> Self:
        """Figures of pictures uint8 [n h w 3], n at least 1."""
        each = np.sort(psnr(reconstructions, originals))
        worst = each[: max(1, len(each) // 10)]
        return cls(len(each), float(each.mean()), float(worst.mean()), float(ssim(reconstructions, originals).mean()))


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
            pairs.append(Pair(clip.frames[0], clip.frames[1], clip.labels.time_of_day == "night"))
            line(len(pairs))
    return pairs


def real_frames(paths: Sequence[Path], count: int, seed: int = HELD_OUT_SEED) -> dict[str, np.ndarray]:
    """Random frames uint8 [n h w 3] of each path (film, image or folder of them), cut to 2:1, by the path's name."""
    names = [path.resolve().name for path in paths]
    keys = [name if names.count(name) == 1 else str(path) for name, path in zip(names, paths, strict=True)]
    return {key: real_pictures([path], count, NETWORK_HEIGHT, seed) for key, path in zip(keys, paths, strict=True)}


def reconstruct(space: LatentSpace, frames: np.ndarray) -> np.ndarray:
    """Pictures uint8 [n h w 3] through the latent space and back, each by itself."""
    device = space.shift.device
    with torch.inference_mode():
        return np.concatenate(
            [
                to_frames(space.decode(space.encode(to_network(frames[k : k + BATCH]).to(device))))
                for k in range(0, len(frames), BATCH)
            ]
        )


def autoencoder_fidelity(
    space: LatentSpace, pairs: Sequence[Pair], real: dict[str, np.ndarray], say: Say | None = None
) -> dict[str, Fidelity]:
    """Noisy frames reconstructed against noise-free ones, by all, day and night; real frames against themselves."""
    line, done, pictures = ProgressLine("reconstruction", 0, len(pairs), say), 0, []
    noisy, clean = np.stack([pair.noisy for pair in pairs]), np.stack([pair.clean for pair in pairs])
    while done < len(pairs):
        pictures.append(reconstruct(space, noisy[done : done + BATCH]))
        done += len(pictures[-1])
        line(done)
    restored, night = np.concatenate(pictures), np.array([pair.night for pair in pairs])
    parts = {"all": np.full(len(pairs), True), "day": ~night, "night": night}
    figures = {name: Fidelity.of(restored[part], clean[part]) for name, part in parts.items() if part.any()}
    return figures | {f"real {name}": Fidelity.of(reconstruct(space, frames), frames) for name, frames in real.items()}


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
