"""Sky, clouds, sun and the silhouettes at the horizon: hills, woods, skylines."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from drivesim.scene.road import Setting
from drivesim.world.ground.noise import fractal, scramble, smoothstep, wrapped
from drivesim.world.light.lighting import Lighting

BINS = 4096  # azimuths of the silhouettes
_LUSH, _STRAW = np.array([0.035, 0.05, 0.025]), np.array([0.24, 0.18, 0.10])  # albedo
_HILLY: dict[Setting, float] = {"highway": 0.75, "city": 0.25, "residential": 0.4, "rural": 0.7}  # odds
_WINDOW_LIGHT = np.array([1.0, 0.75, 0.45], np.float32)


@dataclass(frozen=True)
class Silhouette:
    """What closes the view at the horizon: `height` by azimuth, tan of elevation float32 [BINS]; `albedo` float32 [3]; `haze`
    share of its radiance that haze replaces; hills and woods are rough, towers have windows."""

    height: np.ndarray
    albedo: np.ndarray
    haze: np.float32
    kind: Literal["hill", "tower", "wood"]


@dataclass(frozen=True)
class Backdrop:
    """Silhouettes, far to near; `clouds` says which sky, `drift` where in it float32 [2]."""

    silhouettes: tuple[Silhouette, ...]
    clouds: int
    drift: np.ndarray


def _ridge(rng: np.random.Generator, slope: float, low: int, high: int) -> np.ndarray:
    """Periodic 1D noise [BINS], mean 0, deviation 1, with waves between `low` and `high` per turn."""
    waves = np.arange(low, high)
    spectrum = np.zeros(BINS // 2 + 1, complex)
    spectrum[waves] = (
        np.exp(1j * rng.uniform(0, 2 * np.pi, len(waves))) * waves**-slope * rng.normal(1, 0.3, len(waves))
    )
    profile = np.fft.irfft(spectrum, BINS)
    return (profile - profile.mean()) / profile.std()


def _towers(rng: np.random.Generator, tall: float) -> np.ndarray:
    """Heights [BINS] of a skyline some `tall` high (tan of elevation), 0 between towers."""
    height = np.zeros(BINS)
    for _ in range(int(rng.integers(120, 260))):
        start, width = int(rng.integers(0, BINS)), int(rng.integers(8, 40))
        height[np.arange(start, start + width) % BINS] = tall * rng.gamma(2.0, 0.35)
    return height


def sample_backdrop(rng: np.random.Generator, setting: Setting, lighting: Lighting) -> Backdrop:
    """Hills, a skyline or woods that suit the setting."""
    silhouettes = []

    def add(height: np.ndarray, albedo: np.ndarray, haze: float, kind: Literal["hill", "tower", "wood"]) -> None:
        height = np.maximum(height, 0.0).astype(np.float32)
        silhouettes.append(Silhouette(height, albedo.astype(np.float32), np.float32(haze), kind))

    if rng.random() < _HILLY[setting]:
        tall = rng.uniform(0.02, 0.085)
        add(tall * (1 + 0.5 * _ridge(rng, 1.1, 2, 40)), _LUSH, 0.6, "hill")
        if rng.random() < 0.7:
            near = 0.6 * tall * (0.7 + 0.7 * _ridge(rng, 1.2, 2, 60))
            add(near, (1 - lighting.dry) * _LUSH * 1.3 + lighting.dry * 0.6 * _STRAW, 0.32, "hill")
    if setting == "city" or (setting == "highway" and rng.random() < 0.25):
        add(_towers(rng, rng.uniform(0.02, 0.09)), np.array([0.16, 0.16, 0.17]), 0.4, "tower")
    bumps = np.abs(_ridge(rng, 0.4, 60, 900)) * 0.0035 + 0.004 * (1 + _ridge(rng, 1.0, 3, 30))
    add(rng.uniform(0.5, 2.0) * bumps + 0.004, _LUSH * rng.uniform(0.7, 1.2), 0.22, "wood")
    return Backdrop(tuple(silhouettes), int(rng.integers(0, 6)), rng.uniform(0, 1, 2).astype(np.float32))


def sky_radiance(
    lighting: Lighting, backdrop: Backdrop, azimuth: np.ndarray, slope: np.ndarray, drift: float
) -> np.ndarray:
    """Sky seen at world azimuth [w] (rad) and tan of elevation [h w]: linear RGB [h w 3]. `drift` moves the clouds."""
    rise = np.maximum(slope, 0.0)
    fall = np.exp(rise * np.float32(-4.2))[..., None]
    sky = lighting.zenith + fall * (lighting.horizon - lighting.zenith)
    cosine = (
        np.cos(azimuth - np.arctan2(lighting.sun[1], lighting.sun[0])).astype(np.float32)
        * np.float32(np.hypot(lighting.sun[0], lighting.sun[1]))
        + rise * lighting.sun[2]
    )
    cosine = cosine / np.sqrt(1 + rise * rise)
    if not lighting.night:
        near = np.maximum(cosine, 0.0)
        near8 = np.square(np.square(np.square(near)))
        near64 = np.square(np.square(np.square(near8)))
        glow = np.float32(0.25) * near8 + np.float32(0.6) * near64 + np.float32(12.0) * (near > 0.99985)
        sky += glow[..., None] * lighting.sunlight
    sky = _clouds(lighting, backdrop, azimuth, rise, sky, cosine, drift)
    for k, silhouette in enumerate(backdrop.silhouettes):
        noise = fractal(50 + k, 256, 0.9, 2)
        _paint_silhouette(lighting, silhouette, noise, azimuth, slope, sky)
    return sky


def _clouds(
    lighting: Lighting,
    backdrop: Backdrop,
    azimuth: np.ndarray,
    rise: np.ndarray,
    sky: np.ndarray,
    cosine: np.ndarray,
    drift: float,
) -> np.ndarray:
    """`sky` [h w 3] behind clouds; `rise` tan of elevation, `cosine` of the angle to the sun [h w]."""
    if lighting.cloud <= 0.02:
        return sky
    table = fractal(70 + backdrop.clouds, 512, 1.45, 2)
    scale = np.float32(0.16) / (rise + np.float32(0.07))
    u = np.cos(azimuth).astype(np.float32) * scale + backdrop.drift[0] + np.float32(drift)
    v = np.sin(azimuth).astype(np.float32) * scale + backdrop.drift[1]
    noise = wrapped(table, u, v)
    fine = wrapped(table, u * np.float32(3.7), v * np.float32(3.7))[..., 1]
    body = noise[..., 0] + np.float32(0.35) * fine
    if lighting.weather == "overcast":
        cover = np.full_like(rise, 0.8)
        light = 1 + np.float32(0.16) * (noise[..., 0] + np.float32(0.5) * fine)
        cloud = light[..., None] * (lighting.horizon * np.float32(1.02))
    else:
        edge = float(1.4 - 2.6 * lighting.cloud)
        cover = smoothstep(edge, edge + 0.9, body) * np.float32(0.92)
        dense = smoothstep(edge + 0.3, edge + 2.2, body)[..., None]
        lit = (
            lighting.horizon * np.float32(0.35)
            + lighting.sunlight
            * (np.float32(0.62) + np.float32(0.25) * np.square(np.square(np.maximum(cosine, 0))))[..., None]
        )
        shade = lighting.horizon * np.float32(0.62)
        cloud = lit + dense * np.float32(0.75) * (shade - lit)
    cover = cover * smoothstep(0.0, 0.12, rise)
    return sky + cover[..., None] * (cloud - sky)


def _paint_silhouette(
    lighting: Lighting,
    silhouette: Silhouette,
    noise: np.ndarray,
    azimuth: np.ndarray,
    slope: np.ndarray,
    sky: np.ndarray,
) -> None:
    """Paints a silhouette over the radiance of the `sky`, textured by a table of noise [n n 2], with an edge a pixel wide."""
    turn = (azimuth / (2 * np.pi) % 1.0) * BINS
    height = np.append(silhouette.height, silhouette.height[0])
    tops = np.interp(turn, np.arange(BINS + 1), height).astype(np.float32)
    rows = np.flatnonzero(slope.min(axis=1) < tops.max() + 0.01)
    if not len(rows):
        return
    first = int(rows[0])
    low = slope[first:]
    pixel = np.float32(max(abs(float(slope[0, 0] - slope[-1, 0])) / max(len(slope) - 1, 1), 1e-5))
    coverage = np.clip((tops - low) / pixel + np.float32(0.5), 0, 1)[..., None]
    u = np.broadcast_to((azimuth * np.float32(3.0)).astype(np.float32), low.shape)
    noise = wrapped(noise, u * np.float32(2.0), low * np.float32(8.0))
    away_from_sun = np.cos(azimuth - np.arctan2(lighting.sun[1], lighting.sun[0]) + np.pi).astype(np.float32)
    sunlit = np.float32(0.55) + np.float32(0.35) * away_from_sun
    irradiance = sunlit[:, None] * lighting.sunlight + lighting.skylight
    texture = (
        1
        + np.float32(0.6 if silhouette.kind != "tower" else 0.12) * noise[..., :1]
        + np.float32(0.25) * np.clip((low - tops) / np.maximum(tops, 1e-3), -1, 0)[..., None]
    )
    radiance = np.maximum(texture, 0.1) * silhouette.albedo * irradiance
    if lighting.night and silhouette.kind == "tower":
        floor, bay = np.floor(low * np.float32(340.0)), np.floor(u * np.float32(230.0))
        lit = (scramble(bay, floor) > 0.72) & (noise[..., 1] > 0)
        radiance = radiance + lit[..., None] * (np.float32(0.10) * _WINDOW_LIGHT)
    radiance = radiance + silhouette.haze * (lighting.haze_colour - radiance)
    sky[first:] += coverage * (radiance - sky[first:])
