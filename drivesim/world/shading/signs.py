"""Texture of road signs: a light border and lines of blocky letters."""

from __future__ import annotations

import numpy as np

from drivesim.world.ground.noise import scramble
from drivesim.world.shading.samples import SurfacePoints, band_coverage

_DARK_INK = np.array([0.03, 0.03, 0.03], np.float32)
_LIGHT_INK = np.array([0.7, 0.7, 0.68], np.float32)


def sign_albedo(albedo: np.ndarray, points: SurfacePoints) -> np.ndarray:
    """Albedo [n 3] of signs whose plates have `albedo` [n 3]: dark ink on light plates and light ink on dark ones.

    u, v run from 0 to 1 over the plate; a seed from 0.8 on has no border.
    """
    u, v, seed = points.u, points.v, points.seed
    light_plate = albedo.mean(axis=1) > 0.3
    ink = np.where(light_plate[:, None], _DARK_INK, _LIGHT_INK)
    blur = np.clip(points.footprint * np.float32(0.6) / np.maximum(points.facing, 0.2), 1e-3, 1.0)
    border = 1 - band_coverage(u, np.float32(0.03), np.float32(0.97), blur) * band_coverage(
        v, np.float32(0.05), np.float32(0.95), blur
    )
    line = np.floor(v * 3.0)
    column = u * 14 + seed * 31
    letter = np.floor(column)
    end = np.float32(0.55) + np.float32(0.4) * scramble(line, seed * 100)
    text = (
        band_coverage(v * 3.0 - line, np.float32(0.25), np.float32(0.75), blur * 3)
        * (u > 0.09)
        * (u < end)
        * (scramble(letter, line, seed) > 0.3)
    )
    stroke = column - letter
    hollow = (scramble(letter + 5, line, seed) > 0.5) & (stroke > 0.35) & (stroke < 0.65)
    text = text * np.where(hollow, 0.3, 1.0)
    coverage = np.minimum(border * (seed < 0.8) + text, 1.0) * np.clip(0.25 / blur, 0.2, 1)
    return albedo + coverage[:, None] * (ink - albedo)
