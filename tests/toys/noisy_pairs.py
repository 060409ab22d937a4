"""Moments with and without noise, of known error."""

from __future__ import annotations

import numpy as np

from drivesim.evaluation.held_out import Pair


def pairs(count: int, noise: int = 10) -> list[Pair]:
    """Every other one by night; the noise is `noise` levels, up or down, on every pixel."""
    rng = np.random.default_rng(0)
    clean = rng.integers(100, 150, (count, 16, 32, 3), np.uint8)
    sign = rng.choice([-1, 1], clean.shape)
    return [Pair((c + noise * s).astype(np.uint8), c, i % 2 == 1) for i, (c, s) in enumerate(zip(clean, sign, strict=True))]
