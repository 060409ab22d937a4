"""Sky, clouds, sun and the silhouettes at the horizon: hills, woods, skylines."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from drivesim.scene.road import Setting
from drivesim.world.ground.noise import fractal, scramble, smoothstep, wrapped
from drivesim.world.light.lighting import Lighting

BINS = 4096  # azimuths of the silhouettes


@dataclass(frozen=True)
class Backdrop:
    """Silhouettes by azimuth, far to near.

    `height` tan of elevation float32 [k BINS], `colour` albedo [k 3], `haze` [k], `kind` [k];
    `clouds` says which sky, `drift` where in it [2].
    """

    height: np.ndarray
    colour: np.ndarray
    haze: np.ndarray
    kind: tuple[str, ...]
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
    height = np.zeros(BINS)
    for _ in range(int(rng.integers(120, 260))):
        start, width = int(rng.integers(0, BINS)), int(rng.integers(8, 40))
        height[np.arange(start, start + width) % BINS] = tall * rng.gamma(2.0, 0.35)
    return height


def sample_backdrop(rng: np.random.Generator, setting: Setting, lighting: Lighting) -> Backdrop:
    """Hills, a skyline or woods that suit the setting."""
    lush, straw = np.array([0.035, 0.05, 0.025]), np.array([0.24, 0.18, 0.10])
    layers: list[tuple[np.ndarray, np.ndarray, float, str]] = []
    hilly = rng.random() < {"highway": 0.75, "city": 0.25, "residential": 0.4, "rural": 0.7}[setting]
    if hilly:
        tall = rng.uniform(0.02, 0.085)
        layers.append((tall * (1 + 0.5 * _ridge(rng, 1.1, 2, 40)), lush, 0.6, "hill"))
        if rng.random() < 0.7:
            near = 0.6 * tall * (0.7 + 0.7 * _ridge(rng, 1.2, 2, 60))
            layers.append((near, (1 - lighting.dry) * lush * 1.3 + lighting.dry * 0.6 * straw, 0.32, "hill"))
    if setting == "city" or (setting == "highway" and rng.random() < 0.25):
        layers.append((_towers(rng, rng.uniform(0.02, 0.09)), np.array([0.16, 0.16, 0.17]), 0.4, "tower"))
    bumps = np.abs(_ridge(rng, 0.4, 60, 900)) * 0.0035 + 0.004 * (1 + _ridge(rng, 1.0, 3, 30))
    layers.append((rng.uniform(0.5, 2.0) * bumps + 0.004, lush * rng.uniform(0.7, 1.2), 0.22, "wood"))
    height = np.stack([np.maximum(layer[0], 0.0) for layer in layers]).astype(np.float32)
    return Backdrop(
        height,
        np.array([layer[1] for layer in layers], np.float32),
        np.array([layer[2] for layer in layers], np.float32),
        tuple(layer[3] for layer in layers),
        int(rng.integers(0, 6)),
        rng.uniform(0, 1, 2).astype(np.float32),
    )


def radiance(
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
    for k in range(len(backdrop.kind)):
        _silhouette(lighting, backdrop, k, azimuth, slope, sky)
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


def _silhouette(
    lighting: Lighting, backdrop: Backdrop, k: int, azimuth: np.ndarray, slope: np.ndarray, sky: np.ndarray
) -> None:
    """Paints layer k over `sky`, with an edge one pixel wide."""
    turn = (azimuth / (2 * np.pi) % 1.0) * BINS
    tops = np.interp(turn, np.arange(BINS + 1), np.append(backdrop.height[k], backdrop.height[k, 0])).astype(np.float32)
    rows = np.flatnonzero(slope.min(axis=1) < tops.max() + 0.01)
    if not len(rows):
        return
    first = int(rows[0])
    part = slope[first:]
    pixel = np.float32(max(abs(float(slope[0, 0] - slope[-1, 0])) / max(len(slope) - 1, 1), 1e-5))
    cover = np.clip((tops - part) / pixel + np.float32(0.5), 0, 1)[..., None]
    u = np.broadcast_to((azimuth * np.float32(3.0)).astype(np.float32), part.shape)
    noise = wrapped(fractal(50 + k, 256, 0.9, 2), u * np.float32(2.0), part * np.float32(8.0))
    kind = backdrop.kind[k]
    sun_side = np.float32(0.55) + np.float32(0.35) * np.cos(
        azimuth - np.arctan2(lighting.sun[1], lighting.sun[0]) + np.pi
    ).astype(np.float32)
    light = sun_side[:, None] * lighting.sunlight + lighting.skylight
    texture = (
        1
        + np.float32(0.6 if kind != "tower" else 0.12) * noise[..., :1]
        + np.float32(0.25) * np.clip((part - tops) / np.maximum(tops, 1e-3), -1, 0)[..., None]
    )
    body = np.maximum(texture, 0.1) * backdrop.colour[k] * light
    if lighting.night and kind == "tower":
        floor, bay = np.floor(part * np.float32(340.0)), np.floor(u * np.float32(230.0))
        lit = (scramble(bay, floor) > 0.72) & (noise[..., 1] > 0)
        body = body + lit[..., None] * (np.float32(0.10) * np.array([1.0, 0.75, 0.45], np.float32))
    body = body + backdrop.haze[k] * (lighting.haze_colour - body)
    sky[first:] += cover * (body - sky[first:])
