"""Tileable noise: tables made once, looked up with wrapped bilinear interpolation."""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np


@lru_cache(maxsize=64)
def fractal(seed: int, size: int, slope: float, channels: int = 1, stretch: float = 1.0) -> np.ndarray:
    """Tileable Gaussian noise float32 [size size channels], mean 0, deviation 1, spectrum ~ 1 / frequency**slope.

    `stretch` > 1 makes features longer along the second axis.
    """
    rng = np.random.default_rng([seed, size, channels])
    y, x = np.fft.fftfreq(size)[:, None], np.fft.rfftfreq(size)[None, :]
    frequency = np.hypot(y, x * stretch)
    frequency[0, 0] = 1.0
    shape = frequency**-slope
    shape[0, 0] = 0.0
    layers = [
        np.fft.irfft2(np.fft.rfft2(rng.standard_normal((size, size))) * shape, (size, size)) for _ in range(channels)
    ]
    table = np.stack([(layer - layer.mean()) / layer.std() for layer in layers], axis=-1)
    return np.ascontiguousarray(table.astype(np.float32))


def wrapped(table: np.ndarray, u: np.ndarray, v: np.ndarray) -> np.ndarray:
    """Table [r c k] at u (along columns) and v (along rows), in periods of the table; u, v float32 [h w] -> [h w k]."""
    rows, columns = table.shape[:2]
    x = (u - np.floor(u)) * np.float32(columns)
    y = (v - np.floor(v)) * np.float32(rows)
    return cv2.remap(table, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_WRAP)


def wrapped_at(table: np.ndarray, u: np.ndarray, v: np.ndarray) -> np.ndarray:
    """`wrapped` for a list of points [n] -> [n k] (or [n] for one channel)."""
    if not len(u):
        return np.zeros((0, *table.shape[2:]), table.dtype)
    columns = 1024  # remap wants pictures: lay the points out in rows
    padded = -(-len(u) // columns) * columns
    grid = [np.resize(a.astype(np.float32, copy=False), padded).reshape(-1, columns) for a in (u, v)]
    looked = wrapped(table, *grid)
    return (
        looked.reshape(padded, -1).squeeze(-1)[: len(u)] if looked.ndim == 2 else looked.reshape(padded, -1)[: len(u)]
    )


def scramble(a: np.ndarray, b: np.ndarray, c: np.ndarray | float = 0.0) -> np.ndarray:
    """A value in [0, 1) that looks random, from whole numbers (float32 arrays) a, b and any c."""
    mixed = np.sin(a * np.float32(12.9898) + b * np.float32(78.233) + np.float32(37.719) * c) * np.float32(43758.547)
    return mixed - np.floor(mixed)


def smoothstep(low: float, high: float, x: np.ndarray) -> np.ndarray:
    """0 below `low`, 1 above `high`, smooth between."""
    t = np.clip((x - np.float32(low)) * np.float32(1.0 / (high - low)), 0.0, 1.0)
    return t * t * (np.float32(3.0) - np.float32(2.0) * t)
