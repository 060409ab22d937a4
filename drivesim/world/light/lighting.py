"""Light and weather of a world, in linear RGB where a white surface facing a clear sun has radiance near 1."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from drivesim.scene.camera import BONNET
from drivesim.scene.road import Setting

Weather = Literal["clear", "broken", "hazy", "overcast"]
_WEATHER_ODDS: dict[Weather, float] = {"clear": 0.5, "broken": 0.25, "hazy": 0.1, "overcast": 0.15}


@dataclass(frozen=True)
class SensorSettings:
    """How the camera develops radiance: `exposure` factor; white `balance` float32 [3]; `saturation` and `contrast`, 1 leaves
    them; `vignette` share of light lost in the corners; `softness` of the lens; deviation of `noise`; `hood` share of the frame
    that the ego's bonnet covers."""

    saturation: float
    contrast: float
    vignette: float
    softness: float
    hood: float
    balance: np.ndarray
    exposure: float = 1.0
    noise: float = 0.0


@dataclass(frozen=True)
class Lighting:
    """Colours are float32 [3]; `sun` is the unit vector to the sun (or moon) in the world frame.

    `sunlight`: irradiance of a surface facing the sun; `skylight`, `bounce`: irradiance of surfaces facing up and down;
    `zenith`, `horizon`: radiance of the clear sky there. `haze`: extinction (1/m) toward `haze_colour`; `cloud`: cover in
    [0, 1]; `dry`: 0 lush green to 1 straw; `street_lamps`, `headlight`: their strength, 0 by day.
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
    street_lamps: float
    lamp_colour: np.ndarray
    headlight: np.ndarray
    sensor: SensorSettings


def _colour(*values: float) -> np.ndarray:
    return np.array(values, np.float32)


def _direction(azimuth: float, elevation: float) -> np.ndarray:
    """Unit vector float32 [3] in the world frame; angles in rad."""
    across = np.cos(elevation)
    return np.array([np.cos(azimuth) * across, np.sin(azimuth) * across, np.sin(elevation)]).astype(np.float32)


def sample_lighting(rng: np.random.Generator, night: bool, setting: Setting) -> Lighting:
    """Weather, season and camera settings of one world."""
    azimuth = rng.uniform(-np.pi, np.pi)
    dry = float(np.clip(rng.beta(1.2, 1.2), 0, 1))
    warmth = np.array([1.0, 0.1, -1.0])  # white balance errs mostly along it
    sensor = SensorSettings(
        saturation=rng.uniform(0.95, 1.22),
        contrast=rng.uniform(1.0, 1.22),
        vignette=rng.uniform(0.05, 0.3),
        softness=rng.uniform(0.25, 0.5),
        hood=float(rng.uniform(0.03, BONNET)) if rng.random() < 0.3 else 0.0,
        balance=np.exp(rng.normal(0, 0.035) * warmth + rng.normal(0, 0.007, 3)).astype(np.float32),
    )
    return _night(rng, azimuth, setting, dry, sensor) if night else _day(rng, azimuth, dry, sensor)


def _day(rng: np.random.Generator, azimuth: float, dry: float, sensor: SensorSettings) -> Lighting:
    weather = list(_WEATHER_ODDS)[int(rng.choice(4, p=list(_WEATHER_ODDS.values())))]
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
    sun = _direction(azimuth, elevation)
    ground = np.sin(elevation) * strength * warm + skylight
    return Lighting(
        night=False,
        dry=dry,
        weather=weather,
        sun=sun,
        sunlight=strength * warm,
        skylight=skylight,
        bounce=(0.16 * ground * _colour(1.0, 0.95, 0.85)).astype(np.float32),
        zenith=zenith,
        horizon=horizon,
        haze_colour=(horizon * 0.92).astype(np.float32),
        haze=float(haze),
        cloud=float(cloud),
        sensor=replace(
            sensor,
            exposure=float(rng.uniform(0.8, 1.2) * (0.95 if weather == "overcast" else 1.0) * (0.85 + 0.35 * low)),
            noise=float(rng.uniform(0.002, 0.008)),
        ),
        street_lamps=0.0,
        lamp_colour=_colour(0, 0, 0),
        headlight=_colour(0, 0, 0),
    )


def _night(rng: np.random.Generator, azimuth: float, setting: Setting, dry: float, sensor: SensorSettings) -> Lighting:
    lit = {"highway": 0.35, "city": 0.97, "residential": 0.8, "rural": 0.08}[setting]
    lamps = float(rng.uniform(0.5, 1.1)) if rng.random() < lit else 0.0
    sodium = rng.random() < 0.6
    lamp = _colour(1.0, 0.62, 0.28) if sodium else _colour(0.9, 0.95, 1.0)
    glow = {"highway": 0.5, "city": 1.0, "residential": 0.5, "rural": 0.15}[setting] * rng.uniform(0.4, 1.3)
    tint = 0.6 * lamp + 0.4 * _colour(0.8, 0.85, 1.0)
    horizon = 0.02 * glow * tint + _colour(0.0012, 0.0016, 0.0028)
    zenith = 0.25 * horizon + _colour(0.0005, 0.0008, 0.0018)
    elevation = np.radians(rng.uniform(25, 60))
    sun = _direction(azimuth, elevation)
    ambient = 0.004 * _colour(0.8, 0.9, 1.2) + 0.016 * glow * tint
    return Lighting(
        night=True,
        dry=dry,
        weather="clear",
        sun=sun,
        sunlight=0.003 * _colour(0.8, 0.9, 1.1),
        skylight=ambient.astype(np.float32),
        bounce=(0.4 * ambient).astype(np.float32),
        zenith=zenith,
        horizon=horizon,
        haze_colour=(0.8 * horizon).astype(np.float32),
        haze=float(rng.uniform(0.0008, 0.003)),
        cloud=float(rng.uniform(0, 1)),
        sensor=replace(
            sensor,
            exposure=float(rng.uniform(2.2, 3.8) * (0.7 if lamps else 1.1)),
            noise=float(rng.uniform(0.005, 0.014)),
        ),
        street_lamps=lamps,
        lamp_colour=lamp,
        headlight=(
            rng.uniform(0.7, 1.3) * (_colour(1.0, 0.9, 0.72) if rng.random() < 0.5 else _colour(0.92, 0.96, 1.0))
        ),
    )
