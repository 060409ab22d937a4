"""Lamps seen directly: points of light whose energy does not flicker when a lamp is smaller than a pixel."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from drivesim.scene.camera import Camera
from drivesim.scene.vehicles import SIZE_TABLE
from drivesim.world.light.lighting import Lighting
from drivesim.world.state import Moment


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


def point_lights(lighting: Lighting, moment: Moment, lamps: np.ndarray) -> Lights:
    """Lamps of vehicles, and of the street with heads at [k 3] (m, ego frame)."""
    places, strengths = [], []
    for i in np.flatnonzero(~moment.parked):
        length, width, _ = SIZE_TABLE[moment.kind[i]]
        c, n = np.cos(moment.yaw[i]), np.sin(moment.yaw[i])
        toward = -(c * moment.place[i, 0] + n * moment.place[i, 1]) / max(float(np.hypot(*moment.place[i])), 1.0)
        for side in (-0.38, 0.38):
            front, y = 0.5 * length * (1 if toward > 0 else -1), side * width
            spot = moment.place[i] + [c * front - n * y, n * front + c * y]
            if toward > 0.05:
                places.append([*spot, 0.72])
                strengths.append(np.array([1.0, 0.94, 0.82]) * 1.1 * toward**2)
            elif toward < -0.05:
                places.append([*spot, 0.9])
                strengths.append(np.array([1.0, 0.035, 0.02]) * (0.22 if moment.braking[i] else 0.05) * -toward)
    for head in lamps:
        places.append(head)
        strengths.append(lighting.lamp_colour * 1.3 * lighting.street_lamps)
    return Lights(np.array(places, np.float32).reshape(-1, 3), np.array(strengths, np.float32).reshape(-1, 3))
