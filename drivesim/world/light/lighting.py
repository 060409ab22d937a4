"""Light, weather and exposure of a world, in linear RGB where a white surface facing a clear sun has radiance near 1."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from drivesim.scene.road import Setting

Weather = str  # clear, broken, hazy, overcast


@dataclass(frozen=True)
class Lighting:
    """Colours are float32 [3]; `sun` is the unit vector to the sun (or moon) in the world frame.

    `sunlight`: irradiance of a surface facing the sun; `skylight`, `bounce`: irradiance of surfaces facing up and down.
    `haze`: extinction (1/m) toward `haze_colour`; `cloud`: cover in [0, 1]; `dry`: 0 lush green to 1 straw.
    """

    night: bool
    weather: Weather
    sun: np.ndarray
    sunlight: np.ndarray
    skylight: np.ndarray
    bounce: np.ndarray
    zenith: np.ndarray
    horizon: np.ndarray
    haze_colour: np.ndarray
    haze: float
    cloud: float
    dry: float
    exposure: float
    balance: np.ndarray
    saturation: float
    contrast: float
    vignette: float
    softness: float
    noise: float
    hood: float
    street_lamps: float
    lamp_colour: np.ndarray
    headlight: np.ndarray

    def irradiance(self, normals: np.ndarray) -> np.ndarray:
        """Unshadowed irradiance [n 3] of surfaces with world normals [n 3]."""
        up = 0.5 + 0.5 * normals[:, 2:3]
        direct = np.maximum(normals @ self.sun, 0.0)[:, None]
        return (direct * self.sunlight + up * self.skylight + (1 - up) * self.bounce).astype(np.float32)


def _colour(*values: float) -> np.ndarray:
    return np.array(values, np.float32)


def sample_lighting(rng: np.random.Generator, night: bool, setting: Setting) -> Lighting:
    """Weather, season and camera settings of one world."""
    azimuth = rng.uniform(-np.pi, np.pi)
    dry = float(np.clip(rng.beta(1.2, 1.2), 0, 1))
    common = {
        "dry": dry,
        "saturation": rng.uniform(0.95, 1.22),
        "contrast": rng.uniform(1.0, 1.22),
        "vignette": rng.uniform(0.05, 0.3),
        "softness": rng.uniform(0.25, 0.5),
        "hood": float(rng.uniform(0.03, 0.11)) if rng.random() < 0.3 else 0.0,
        "balance": np.exp(rng.normal(0, 0.035) * np.array([1.0, 0.1, -1.0]) + rng.normal(0, 0.007, 3)).astype(
            np.float32
        ),
    }
    return _night(rng, azimuth, setting, common) if night else _day(rng, azimuth, common)


def _day(rng: np.random.Generator, azimuth: float, common: dict[str, Any]) -> Lighting:
    weather = str(rng.choice(["clear", "broken", "hazy", "overcast"], p=[0.5, 0.25, 0.1, 0.15]))
    elevation = np.radians(rng.uniform(14, 68))
    low = float(np.clip(1 - elevation / 0.6, 0, 1))
    warm = _colour(1.0, 0.94 - 0.12 * low, 0.84 - 0.26 * low)
    strength = {"clear": 1.0, "broken": 0.9, "hazy": 0.6, "overcast": 0.05}[weather]
    blue = rng.uniform(0.75, 1.1)
    if weather == "overcast":
        grey = rng.uniform(0.45, 0.75)
        zenith, horizon = grey * _colour(0.86, 0.92, 1.0), grey * _colour(1.0, 1.02, 1.05)
        skylight = 0.55 * _colour(0.93, 0.98, 1.05)
        haze, cloud = rng.uniform(0.0008, 0.0035), 1.0
    elif weather == "hazy":
        zenith, horizon = _colour(0.30, 0.40, 0.55), _colour(0.75, 0.78, 0.80)
        skylight = 0.34 * _colour(0.92, 0.98, 1.08)
        haze, cloud = rng.uniform(0.002, 0.0055), rng.uniform(0.0, 0.3)
    else:
        zenith = _colour(0.06, 0.155, 0.385) * blue
        horizon = _colour(0.31, 0.455, 0.645) * rng.uniform(0.8, 1.15) + rng.uniform(0, 0.1)
        skylight = _colour(0.175, 0.20, 0.245)
        haze = 0.0002 + 0.0011 * rng.random() ** 2
        cloud = rng.uniform(0.0, 0.25) if weather == "clear" else rng.uniform(0.35, 0.7)
    sun = np.array([np.cos(azimuth) * np.cos(elevation), np.sin(azimuth) * np.cos(elevation), np.sin(elevation)])
    ground = np.sin(elevation) * strength * warm + skylight
    return Lighting(
        night=False,
        weather=weather,
        sun=sun.astype(np.float32),
        sunlight=strength * warm,
        skylight=skylight,
        bounce=(0.16 * ground * _colour(1.0, 0.95, 0.85)).astype(np.float32),
        zenith=zenith,
        horizon=horizon,
        haze_colour=(horizon * 0.92).astype(np.float32),
        haze=float(haze),
        cloud=float(cloud),
        exposure=float(rng.uniform(0.8, 1.2) * (0.95 if weather == "overcast" else 1.0) * (0.85 + 0.35 * low)),
        noise=float(rng.uniform(0.002, 0.008)),
        street_lamps=0.0,
        lamp_colour=_colour(0, 0, 0),
        headlight=_colour(0, 0, 0),
        **common,
    )


def _night(rng: np.random.Generator, azimuth: float, setting: Setting, common: dict[str, Any]) -> Lighting:
    lit = {"highway": 0.35, "city": 0.97, "residential": 0.8, "rural": 0.08}[setting]
    lamps = float(rng.uniform(0.5, 1.1)) if rng.random() < lit else 0.0
    sodium = rng.random() < 0.6
    lamp = _colour(1.0, 0.62, 0.28) if sodium else _colour(0.9, 0.95, 1.0)
    glow = {"highway": 0.5, "city": 1.0, "residential": 0.5, "rural": 0.15}[setting] * rng.uniform(0.4, 1.3)
    tint = 0.6 * lamp + 0.4 * _colour(0.8, 0.85, 1.0)
    horizon = 0.02 * glow * tint + _colour(0.0012, 0.0016, 0.0028)
    zenith = 0.25 * horizon + _colour(0.0005, 0.0008, 0.0018)
    elevation = np.radians(rng.uniform(25, 60))
    sun = np.array([np.cos(azimuth) * np.cos(elevation), np.sin(azimuth) * np.cos(elevation), np.sin(elevation)])
    ambient = 0.004 * _colour(0.8, 0.9, 1.2) + 0.016 * glow * tint
    return Lighting(
        night=True,
        weather="clear",
        sun=sun.astype(np.float32),
        sunlight=0.003 * _colour(0.8, 0.9, 1.1),
        skylight=ambient.astype(np.float32),
        bounce=(0.4 * ambient).astype(np.float32),
        zenith=zenith,
        horizon=horizon,
        haze_colour=(0.8 * horizon).astype(np.float32),
        haze=float(rng.uniform(0.0008, 0.003)),
        cloud=float(rng.uniform(0, 1)),
        exposure=float(rng.uniform(2.2, 3.8) * (0.7 if lamps else 1.1)),
        noise=float(rng.uniform(0.005, 0.014)),
        street_lamps=lamps,
        lamp_colour=lamp,
        headlight=(
            rng.uniform(0.7, 1.3) * (_colour(1.0, 0.9, 0.72) if rng.random() < 0.5 else _colour(0.92, 0.96, 1.0))
        ),
        **common,
    )


def headlight_ground(lighting: Lighting, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Irradiance [h w] of the road by the ego's low beams at x [h], y [h w] (m, ego frame), for a lamp of strength 1."""
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
    """Irradiance [n 3] of upright surfaces at ego-frame points [n 3] by the ego's low beams: sharp cut-off above lamp height."""
    x, y, z = place[:, 0], place[:, 1], place[:, 2]
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
    """Irradiance [n 3] at ego-frame points [n 3] by street lamps [k 3] (their heads)."""
    total = np.zeros(len(place), np.float32)
    x, y, z = (np.ascontiguousarray(place[:, i]) for i in range(3))
    for lamp in lamps:
        below = np.maximum(lamp[2] - z, np.float32(-0.3))
        square = (x - lamp[0]) ** 2
        square += (y - lamp[1]) ** 2
        square += below * below + np.float32(16.0)
        total += np.float32(9.0) / square
    return (total * np.float32(0.35 * lighting.street_lamps))[:, None] * lighting.lamp_colour
