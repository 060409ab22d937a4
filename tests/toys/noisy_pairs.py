"""Moments with and without noise, of known error."""

from __future__ import annotations

import numpy as np

from drivesim.evaluation.held_out import Pair
from drivesim.layout.planes import Plane


def pairs(count: int, noise: int = 10) -> list[Pair]:
    """Every other one by night; the noise is `noise` levels, up or down, on every pixel."""
    rng = np.random.default_rng(0)
    clean = rng.integers(100, 150, (count, 16, 32, 3), np.uint8)
    sign = rng.choice([-1, 1], clean.shape)
    noisy = (clean + noise * sign).astype(np.uint8)
    return [Pair(one, c, i % 2 == 1, no_layout(16, 32)) for i, (one, c) in enumerate(zip(noisy, clean, strict=True))]


def no_layout(height: int, width: int) -> np.ndarray:
    """Planes of a layout of nothing but sky."""
    return np.zeros((len(Plane), height, width), np.uint8)
