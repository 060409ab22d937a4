"""Irradiance by lamps: the ego's headlights, those of other vehicles, street lamps."""

from __future__ import annotations

import numpy as np

from drivesim.roadside.roadside import CELL, Roadside
from drivesim.roadside.street_lamps import HEIGHT, lit_sides
from drivesim.world.light.lighting import Lighting
from drivesim.world.roadside.scenery import BuiltCell
from drivesim.world.state import Moment


def headlight_on_ground(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Irradiance [h w] of the road by the ego's low beams at x [h], y [h w] (m, ego frame), for lamps of strength 1."""
    ahead = np.maximum(x, 0.1)
    near = (ahead / 5.0) ** 2 / (1 + (ahead / 5.0) ** 2)
    along = (near / (1 + (ahead / 17.0) ** 2.6)).astype(np.float32)[:, None]
    width = (1.6 + 0.24 * ahead).astype(np.float32)[:, None]
    across = y / width
    core = np.exp(-(across * across))
    wide = np.exp(-(across * across) * np.float32(0.16))
    right = np.exp(-(((y + np.float32(0.06) * ahead.astype(np.float32)[:, None]) / (width * np.float32(0.6))) ** 2))
    far = (0.25 * near / (1 + (ahead / 38.0) ** 3)).astype(np.float32)[:, None]
    return along * (np.float32(0.5) * core + np.float32(0.22) * wide) + far * right


def headlight_at(lighting: Lighting, place: np.ndarray) -> np.ndarray:
    """Irradiance [n 3] of upright surfaces at points [3 n] (m, ego frame) by the ego's low beams: sharp cut-off above lamp
    height."""
    x, y, z = place
    distance = np.sqrt(x * x + y * y) + np.float32(0.5)
    side = y / np.maximum(x, 0.5)
    rise = (z - np.float32(0.7)) / distance
    beam = np.exp(-((side / np.float32(0.3)) ** 2)) + np.float32(0.2) * np.exp(-((side / np.float32(0.8)) ** 2))
    cut = np.float32(0.05) + np.float32(0.95) / (
        1 + np.exp(np.clip((rise - np.float32(0.006)) * np.float32(160.0), -20, 20))
    )
    strength = beam * cut * np.float32(0.55) / (1 + (distance / np.float32(14.0)) ** 2)
    return strength[:, None] * lighting.headlight


def lamp_light(lighting: Lighting, lamps: np.ndarray, place: np.ndarray) -> np.ndarray:
    """Irradiance [n 3] at points [3 n] by street lamps with heads at [k 3] (m, ego frame)."""
    x, y, z = place
    total = np.zeros(len(x), np.float32)
    for lamp in lamps:
        below = np.maximum(lamp[2] - z, np.float32(-0.3))
        square = (x - lamp[0]) ** 2
        square += (y - lamp[1]) ** 2
        square += below * below + np.float32(16.0)
        total += np.float32(9.0) / square
    return (total * np.float32(0.35 * lighting.street_lamps))[:, None] * lighting.lamp_colour


def street_lamps_on_ground(roadside: Roadside, s: np.ndarray, d: np.ndarray, s0: float) -> np.ndarray:
    """Irradiance [h w] of the ground by street lamps of strength 1, one every CELL on each lit side.

    At road coordinates s (m, from `s0` on) and d, [h w].
    """
    height = HEIGHT[roadside.setting]
    total = np.full_like(s, 0.012)
    for side, phase in lit_sides(roadside):
        along = (s + np.float32((s0 - phase) % CELL)) * np.float32(1 / CELL)
        along = (along - np.round(along)) * np.float32(CELL)
        across = d - np.float32(roadside.edge(side) - side * 1.2)
        square = (along * along + across * across) * np.float32(1 / height**2)
        total += np.float32(0.20) / (1 + square) ** 2
    return total


def beams_on_ground(s: np.ndarray, d: np.ndarray, beams: np.ndarray) -> np.ndarray:
    """Irradiance [h w] of the ground at road coordinates (m) by the low beams of other vehicles; beams [k 3]: s, d,
    direction (1 or -1)."""
    total = np.zeros_like(s)
    for place, side, way in beams:
        ahead = (s - np.float32(place)) * np.float32(way)
        across = d - np.float32(side)
        near = np.clip(ahead * np.float32(0.35), 0, 1)
        width = np.float32(1.5) + np.float32(0.2) * np.maximum(ahead, 0)
        total += near * np.exp(-((across / width) ** 2)) / (1 + (ahead * np.float32(1 / 9.0)) ** 2)
    return total * np.float32(0.35)


def near_street_lamps(scenery: BuiltCell, moment: Moment) -> np.ndarray:
    """Heads of street lamps in the ego frame, near to far [k 3]."""
    if not len(scenery.lamps):
        return scenery.lamps
    c, n = np.cos(moment.pose[2]), np.sin(moment.pose[2])
    x, y = scenery.lamps[:, 0] - moment.pose[0], scenery.lamps[:, 1] - moment.pose[1]
    heads = np.stack([x * c + y * n, -x * n + y * c, scenery.lamps[:, 2]], axis=1).astype(np.float32)
    heads = heads[(heads[:, 0] > -15) & (heads[:, 0] < 260)]
    return heads[np.argsort(heads[:, 0])]
