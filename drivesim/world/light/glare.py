"""Lamps as points of light: energy that does not flicker when a lamp is smaller than a pixel, and pools of light on the road."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from drivesim.scene.camera import Camera


@dataclass(frozen=True)
class Lights:
    """Point lights in the ego frame: place float32 [n 3], strength float32 [n 3] (radiance times m^2)."""

    place: np.ndarray
    strength: np.ndarray


def splat(radiance: np.ndarray, depth: np.ndarray, camera: Camera, lights: Lights) -> None:
    """Adds each visible light to `radiance` [h w 3] as a small round spot; hidden where `depth` is nearer."""
    if not len(lights.place):
        return
    height, width = depth.shape
    spots, far = camera.project(lights.place)
    unit = camera.focal * width
    for (x, y), distance, strength in zip(spots * [width, height] - 0.5, far, lights.strength, strict=True):
        margin = 0.06 * width
        if distance < 1.0 or not (-margin <= x < width + margin and -margin <= y < height + margin):
            continue
        column, row = min(max(int(x), 1), width - 3), min(max(int(y), 1), height - 3)
        around = depth[row - 1 : row + 3, column - 1 : column + 3]
        seen = float((around > distance - 0.8).mean())
        if seen < 0.2:
            continue
        sigma = max(0.06 * unit / distance, 0.45 * height / 128)
        reach = int(np.ceil(3 * sigma))
        x0, x1, y0, y1 = (
            max(int(x) - reach, 0),
            min(int(x) + reach + 1, width),
            max(int(y) - reach, 0),
            min(int(y) + reach + 1, height),
        )
        if x0 >= x1 or y0 >= y1:
            continue
        gx = np.exp(-((np.arange(x0, x1, dtype=np.float32) - x) ** 2) / (2 * sigma * sigma))
        gy = np.exp(-((np.arange(y0, y1, dtype=np.float32) - y) ** 2) / (2 * sigma * sigma))
        energy = (unit / distance) ** 2 / (2 * np.pi * sigma * sigma) * seen
        spot = (gy[:, None] * gx[None])[..., None].astype(np.float32) * (strength * np.float32(energy))
        radiance[y0:y1, x0:x1] += spot


def pools(s: np.ndarray, d: np.ndarray, beams: np.ndarray) -> np.ndarray:
    """Irradiance [h w] of the ground at road coordinates by the low beams of other cars; beams [k 3]: s, d, direction (1 or -1)."""
    total = np.zeros_like(s)
    for place, side, way in beams:
        ahead = (s - np.float32(place)) * np.float32(way)
        across = d - np.float32(side)
        near = np.clip(ahead * np.float32(0.35), 0, 1)
        width = np.float32(1.5) + np.float32(0.2) * np.maximum(ahead, 0)
        total += near * np.exp(-((across / width) ** 2)) / (1 + (ahead * np.float32(1 / 9.0)) ** 2)
    return total * np.float32(0.35)
