"""Procedural materials of polygons: how rough, how glossy and how bright each is. Tables are indexed like MATERIALS."""

from __future__ import annotations

import numpy as np

from drivesim.world.ground.noise import fractal, wrapped_at
from drivesim.world.render.mesh import MATERIALS, Material

MATERIAL_INDEX: dict[Material, int] = {name: i for i, name in enumerate(MATERIALS)}
_GRAIN: dict[Material, float] = {
    "concrete": 0.11,
    "roof": 0.22,
    "bark": 0.4,
    "foliage": 0.6,
    "matte": 0.08,
    "metal": 0.06,
    "rubber": 0.1,
    "facade": 0.1,
}
_LAMP_COLOUR: dict[Material, tuple[float, float, float]] = {
    "headlamp": (1.0, 0.95, 0.85),
    "tail_lamp": (1.0, 0.035, 0.02),
    "brake_lamp": (1.0, 0.04, 0.02),
    "indicator": (1.0, 0.42, 0.03),
    "lamp_head": (1.0, 0.85, 0.6),
    "plate": (0.02, 0.02, 0.02),
}
_REFLECTANCE: dict[Material, tuple[float, float]] = {
    "paint": (0.045, 0.7),
    "glass": (0.06, 0.9),
    "chrome": (0.5, 0.8),
    "plastic": (0.02, 0.2),
    "headlamp": (0.12, 0.6),
    "tail_lamp": (0.05, 0.5),
    "brake_lamp": (0.05, 0.5),
    "indicator": (0.05, 0.5),
    "metal": (0.05, 0.25),
}
GRAIN = np.array([_GRAIN.get(name, 0.0) for name in MATERIALS], np.float32)  # contrast of the surface texture
LAMP_COLOUR = np.array([_LAMP_COLOUR.get(name, (0.0, 0.0, 0.0)) for name in MATERIALS], np.float32)  # at emission 1
REFLECTANCE = np.array(
    [_REFLECTANCE.get(name, (0.0, 0.0)) for name in MATERIALS], np.float32
)  # facing, at grazing angles


def textured_albedo(
    albedo: np.ndarray, material: np.ndarray, u: np.ndarray, v: np.ndarray, seed: np.ndarray, footprint: np.ndarray
) -> np.ndarray:
    """Albedo [n 3] with the grain of its material, which fades where it is finer than a pixel.

    `material` int64 [n]; u, v float32 [n] m on the surface; `seed` [n] shifts the pattern; `footprint` [n] m a pixel.
    """
    rough = np.flatnonzero(GRAIN[material] > 0)
    textured = albedo.copy()
    if not len(rough):
        return textured
    material, u, v, shift = material[rough], u[rough], v[rough], seed[rough] * np.float32(7.3)
    fine = wrapped_at(fractal(41, 256, 0.9, 1)[..., 0], u * np.float32(0.35) + shift, v * np.float32(0.35) + shift)
    streak = wrapped_at(fractal(42, 256, 1.0, 1)[..., 0], u * np.float32(0.11) + shift, v * np.float32(0.025))
    fade = np.clip(np.float32(0.08) / footprint[rough], 0.15, 1)
    tone = 1 + GRAIN[material] * (np.float32(0.9) * fine * fade + np.float32(0.7) * streak)
    concrete = material == MATERIAL_INDEX["concrete"]  # has joints, and is darker at its foot
    joint = np.abs((u * np.float32(1 / 6) + shift) % 1.0 - np.float32(0.5)) > 0.495
    tone *= np.where(concrete & joint, np.float32(0.6), np.float32(1))
    foot = np.float32(0.78) + np.float32(0.22) * np.clip(v * np.float32(1.6), 0, 1)
    tone *= np.where(concrete, foot, np.float32(1))
    textured[rough] *= np.maximum(tone, np.float32(0.2))[:, None]
    return textured
