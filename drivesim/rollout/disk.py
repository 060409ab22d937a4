"""How much disk a rollout takes, before it starts."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

from drivesim.config import InputError
from drivesim.engine.settings import SamplingSettings
from drivesim.engine.timeline import Timeline
from drivesim.rollout.manifest import future_name
from drivesim.video_format import NETWORK_HEIGHT

BYTES_A_PIXEL = 0.1
"""Of finished film: 0.084 in the shipped weights' highway by day (44 kB a frame of 512x1024), 0.25 with raw noise in it."""
PICTURE_BYTES_A_PIXEL = 2.5  # of PNG
KEY_FRAME_BYTES = 20_000  # latents of 8 x 16 x 32 float32, and their share of the file
CARRY_FRAMES = 2 * (2 + 2)  # floating-point frames in two carries: upsampled ones that overlap, and decoded ones of a sixteenth


def predicted_bytes(timeline: Timeline, settings: SamplingSettings, futures: int) -> int:
    """Bytes that so many futures take at most while they are made: one of them stands there twice when it is joined."""
    height, width, channels = settings.frame_shape
    pixels = height * width
    scale = settings.height**2 / NETWORK_HEIGHT**2
    future = timeline.frames * (BYTES_A_PIXEL * pixels + 8) + timeline.keys * (KEY_FRAME_BYTES * scale + 8)
    pictures = 2 * PICTURE_BYTES_A_PIXEL * pixels
    carries = CARRY_FRAMES * pixels * channels * 4
    return round((futures + 1) * future + pictures + carries) if futures else 0


def needed_bytes(folder: Path, timeline: Timeline, settings: SamplingSettings, futures: Sequence[int]) -> int:
    """What these futures will take in `folder` beyond what is there of them."""
    there = [file for name in map(future_name, futures) for file in (folder / name).rglob("*")]
    held = sum(file.stat().st_size for file in there if file.is_file())
    return max(0, predicted_bytes(timeline, settings, len(futures)) - held)


def check_space(folder: Path, needed: int, ignore: bool = False) -> str:
    """What will be taken and what is free on the disk of `folder`, in words; the folder may not exist yet.

    InputError if that is too little, unless that is to be ignored.
    """
    there = next(path for path in (folder.absolute(), *folder.absolute().parents) if path.is_dir())
    usage = shutil.disk_usage(there)
    free = usage.free
    if needed > free and usage.total and not ignore:  # what has no size, like /proc, is no disk
        raise InputError(
            f"{folder}: up to {readable(needed)} are needed there and {readable(free)} are free; free some, ask for fewer "
            "--seconds or --futures, or go ahead all the same with --ignore-free-space"
        )
    return f"up to {readable(needed)} of disk, {readable(free)} are free"


def readable(count: float) -> str:
    """A number of bytes in words: 1.5 GB."""
    for unit in ("bytes", "kB", "MB", "GB"):
        if count < 1000:
            return f"{count:.3g} {unit}"
        count /= 1000
    return f"{count:.3g} TB"
