"""Whether the sharpness of a film comes and goes with its key frames."""

from __future__ import annotations

import numpy as np

from drivesim.metrics.reconstruction import gradient_energy


def pulse(frames: np.ndarray, stride: int) -> float:
    """Gradient energy halfway between key frames as a share of that of the key frames beside, on average; 1 is no pulse.

    `frames` uint8 [f h w 3] begin with a key frame, and every `stride`-th is one. NaN without two key frames and a frame between.
    """
    energy = gradient_energy(frames)
    keys = energy[::stride]
    if stride < 2 or len(keys) < 2:
        return float("nan")
    between = energy[stride // 2 :: stride][: len(keys) - 1]
    return float((between / np.maximum((keys[:-1] + keys[1:]) / 2, 1e-9)).mean())
