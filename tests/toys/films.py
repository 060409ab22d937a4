"""Films for tests that read some."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np

from drivesim.video_writer import VideoWriter


def write_video(path: Path, frames: np.ndarray, fps: Fraction | float) -> None:
    """Writes pictures uint8 [f h w 3] as one film."""
    with VideoWriter(path, fps, *frames.shape[1:3]) as writer:
        writer.write(frames)
