"""The ground plane, shaded per pixel from road coordinates: asphalt, markings, kerbs, sidewalks, verges, junctions."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from drivesim.scene.road import Setting
from drivesim.world.cross_section import Layout
from drivesim.world.ground.noise import fractal, smoothstep, wrapped
from drivesim.world.ground.pavement import (
    D_FROM,
    D_STEP,
    LEVELS,
    TILE_D,
    TILE_S,
    TILE_STEP,
    Profile,
    build_profile,
    detail_tile,
)
from drivesim.world.light.lighting import Lighting

REACH = 700.0  # m of tabulated road ahead
BACK = 40.0
ALONG_STEP = 0.25


@dataclass(frozen=True)
class Surface:
    """What one world's ground is made of; colours are linear albedo float32 [3]."""

    profile: Profile
    variant: int
    asphalt: np.ndarray
    concrete: np.ndarray
    gravel: np.ndarray
    grass: np.ndarray
    soil: np.ndarray
    white: np.ndarray
    yellow: np.ndarray
    wear: float
    tracks: float
    cracks: float
    slabs: float
    far_grass: np.ndarray


def sample_surface(layout: Layout, setting: Setting, lighting: Lighting, rng: np.random.Generator) -> Surface:
    """Materials of the ground of one world."""
    tone = rng.uniform(0.05, 0.14)
    slabs = float(setting == "highway" and rng.random() < 0.25)
    asphalt = tone * np.array([1.0, 1.0, 1.02]) * (1 + rng.normal(0, 0.02, 3))
    if slabs:
        asphalt = rng.uniform(0.2, 0.3) * np.array([1.0, 0.97, 0.91])
    lush, straw = np.array([0.055, 0.085, 0.025]), np.array([0.30, 0.225, 0.115])
    dry = lighting.dry
    grass = (1 - dry) * lush * rng.uniform(0.8, 1.4) + dry * straw * rng.uniform(0.7, 1.05)
    return Surface(
        build_profile(layout, setting, rng),
        int(rng.integers(0, 4)),
        asphalt.astype(np.float32),
        np.array(rng.uniform(0.24, 0.36) * np.array([1.0, 0.97, 0.92]), np.float32),
        np.array(rng.uniform(0.13, 0.24) * np.array([1.0, 0.93, 0.82]), np.float32),
        grass.astype(np.float32),
        np.array([0.14, 0.105, 0.07], np.float32) * np.float32(rng.uniform(0.7, 1.3)),
        np.array(rng.uniform(0.55, 0.75) * np.array([1, 1, 0.97]), np.float32),
        np.array(rng.uniform(0.8, 1.1) * np.array([0.60, 0.36, 0.04]), np.float32),
        float(rng.uniform(0.1, 0.9)),
        float(rng.uniform(-0.25, 0.25)),
        float(rng.uniform(0.2, 1.0)),
        slabs,
        (0.6 * grass + 0.4 * lush).astype(np.float32),
    )


@dataclass(frozen=True)
class GroundView:
    """Ground pixels of one frame: rows from `top` down.

    x float32 [h] and y float32 [h w] in the ego frame; s (from the ego) and d float32 [h w]; `step` m a row, `side` m a column [h].
    """

    top: int
    x: np.ndarray
    y: np.ndarray
    s: np.ndarray
    d: np.ndarray
    step: np.ndarray
    side: np.ndarray


def _detail(surface: Surface, view: GroundView, s0: float) -> np.ndarray:
    """Trilinear look-up of the detail tile: float32 [h w 4], centred on 0, within -1 to 1."""
    levels = detail_tile(surface.variant)
    u = view.s * np.float32(1 / TILE_S) + np.float32((s0 / TILE_S) % 1.0)
    v = view.d * np.float32(1 / TILE_D)
    level = np.clip(np.log2(np.maximum(view.step, 1e-4) / TILE_STEP), 0, LEVELS - 0.01)
    out = np.zeros((*view.s.shape, 4), np.float32)
    whole = np.floor(level).astype(int)
    for k in np.unique(whole):
        rows = np.flatnonzero(whole == k)
        band = slice(rows[0], rows[-1] + 1)
        share = (level[band] - k).astype(np.float32)[:, None, None]
        near, far = (wrapped(levels[j], u[band], v[band]).astype(np.float32) for j in (k, k + 1))
        out[band] = near + share * (far - near)
    out -= np.float32(128)
    out *= np.float32(1 / 128)
    start = int(np.searchsorted(-view.step, -0.12))  # rows from here on show stones finer than the tile holds
    if start < len(view.step):
        fade = np.clip(np.float32(1.3) - view.step[start:] * np.float32(11), 0, 1)[:, None]
        fine = wrapped(
            fractal(32, 256, 0.25, 1)[..., 0],
            view.s[start:] * np.float32(1 / 3.2) + np.float32((s0 / 3.2) % 1.0),
            view.d[start:] * np.float32(1 / 3.2),
        )
        fine *= fade
        out[start:, :, 0] += np.float32(0.28) * fine
        out[start:, :, 2] += np.float32(0.2) * fine
    return out


def _across(table: np.ndarray, d: np.ndarray, level: np.ndarray) -> np.ndarray:
    return cv2.remap(
        table,
        (d - np.float32(D_FROM)) * np.float32(1 / D_STEP) - np.float32(0.5),
        level,
        cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REPLICATE,
    )


def _dashes(view: GroundView, s0: float, dash: float, period: float) -> np.ndarray:
    """Coverage of dashes along s, box-filtered over the row's footprint."""
    phase = (view.s + np.float32(s0 % period)) * np.float32(1 / period)
    distance = np.abs(phase - np.floor(phase) - np.float32(0.5)) * np.float32(period)
    width = np.maximum(view.step, 0.02).astype(np.float32)[:, None]
    sharp = np.clip((np.float32(dash / 2) - distance) / width + np.float32(0.5), 0, 1)
    blur = smoothstep(0.5 * period, 2.0 * period, width)
    return sharp + blur * (np.float32(dash / period) - sharp)


def albedo(
    surface: Surface, view: GroundView, s0: float, along: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Albedo [h w 3], paint coverage [h w] (retroreflects) and share that is paved [h w].

    `along` float32 [1 n 4] is tabulated from s = -BACK at ALONG_STEP: junction area, crossing, stop line (+1 own side,
    -1 oncoming side), tone of the asphalt.
    """
    detail = _detail(surface, view, s0)
    grain, cracks, tufts, wear = (detail[..., i] for i in range(4))
    broad = wrapped(
        fractal(31, 256, 1.3, 2), (view.s + np.float32(s0 % 9600.0)) * np.float32(1 / 96), view.d * np.float32(1 / 96)
    )
    level = np.repeat(
        np.clip(np.log2(np.maximum(view.side, 1e-4) / D_STEP), 0, LEVELS - 1).astype(np.float32)[:, None],
        view.d.shape[1],
        axis=1,
    )
    rough = view.d + np.float32(0.25) * (tufts + np.float32(0.4) * broad[..., 0])
    zones = _across(surface.profile.zones, view.d, level)
    ragged = _across(surface.profile.zones, rough, level)
    lines = _across(surface.profile.lines, view.d, level)
    marks = _across(surface.profile.marks, view.d, level)
    ahead = cv2.remap(
        along,
        (view.s + np.float32(BACK)) * np.float32(1 / ALONG_STEP),
        np.zeros_like(view.s),
        cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REPLICATE,
    )
    junction = ahead[..., 0]
    concrete = zones[..., 1] * (1 - junction)
    paved = np.maximum(ragged[..., 0], junction)
    gravel = ragged[..., 2] * (1 - junction)

    tone = (
        1 + np.float32(0.5) * grain + np.float32(surface.cracks * 0.9) * cracks + np.float32(0.07) * broad[..., 1]
    ) * ahead[..., 3]
    tone *= 1 + (
        np.float32(surface.tracks) * zones[..., 3] - np.float32(0.2) * lines[..., 1] - np.float32(0.25) * lines[..., 0]
    ) * (1 - junction)
    if surface.slabs:
        tone *= 1 - np.float32(0.45) * _dashes(view, s0, 0.06, 4.6)
    colour = surface.asphalt * tone[..., None]
    colour += _paint(surface, view, s0, marks, ahead, wear, colour, paint := np.zeros_like(tone))
    verge = surface.grass + smoothstep(-0.2, 1.4, broad[..., 0] + tufts)[..., None] * np.float32(0.6) * (
        surface.soil - surface.grass
    )
    verge = verge * (1 + np.float32(0.85) * tufts + np.float32(0.16) * broad[..., 1])[..., None]
    colour = verge + paved[..., None] * (colour - verge)
    colour += gravel[..., None] * (surface.gravel * (1 + np.float32(0.7) * wear)[..., None] - colour)
    joints = 1 - np.float32(0.4) * _dashes(view, s0, 0.05, 1.5) * lines[..., 3]
    walk = (
        surface.concrete
        * (
            (1 + np.float32(0.3) * grain + np.float32(0.1) * broad[..., 0])
            * joints
            * (1 + np.float32(0.25) * lines[..., 2])
        )[..., None]
    )
    colour += concrete[..., None] * (walk - colour)
    return np.maximum(colour, np.float32(0.004)), paint * paved, np.maximum(paved, concrete)


def _paint(
    surface: Surface,
    view: GroundView,
    s0: float,
    marks: np.ndarray,
    ahead: np.ndarray,
    wear: np.ndarray,
    under: np.ndarray,
    paint: np.ndarray,
) -> np.ndarray:
    """What markings add to the colour `under` them; their coverage is written to `paint`."""
    profile = surface.profile
    dashes = _dashes(view, s0, profile.dash, profile.period)
    crossing, stop = ahead[..., 1], ahead[..., 2]
    clear = 1 - np.maximum(ahead[..., 0], crossing)
    worn = 1 - np.float32(surface.wear) * smoothstep(-0.25, 0.55, wear)
    white = (marks[..., 0] + marks[..., 1] * dashes) * clear
    if np.any(crossing > 0.01):
        width = np.maximum(view.side, 0.02).astype(np.float32)[:, None] / np.float32(1.2)
        bars = view.d * np.float32(1 / 1.2)
        bars = np.clip(
            (np.float32(0.25) - np.abs(bars - np.floor(bars) - np.float32(0.5))) / width + np.float32(0.5), 0, 1
        )
        white = np.maximum(white, np.maximum(crossing * bars, np.abs(stop)))
    yellow = (marks[..., 2] + marks[..., 3] * dashes) * clear
    white, yellow = np.minimum(white, 1) * worn, np.minimum(yellow, 1) * worn
    paint += np.maximum(white, yellow)
    return white[..., None] * (surface.white - under) + yellow[..., None] * (surface.yellow - under)
