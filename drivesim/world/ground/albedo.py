"""Albedo of the ground plane per pixel, from road coordinates: asphalt, markings, kerbs, sidewalks, verges, junctions."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from drivesim.world.ground.noise import fractal, smoothstep, wrapped
from drivesim.world.ground.pavement import (
    CONCRETE,
    D_FROM,
    D_STEP,
    GRAVEL,
    KERB,
    LEVELS,
    OIL,
    PAVED,
    SEAM,
    SIDEWALK,
    TILE_D,
    TILE_S,
    TILE_STEP,
    TYRE,
    WHITE,
    WHITE_DASH,
    YELLOW,
    YELLOW_DASH,
    Profile,
    detail_tile,
)
from drivesim.world.ground.surface import Surface
from drivesim.world.ground.view import CROSSING, JUNCTION, STOP_LINE, TONE, GroundView, look_up_along


@dataclass(frozen=True)
class GroundAlbedo:
    """albedo float32 [h w 3]; coverage in [0, 1] float32 [h w] by `paint` (which retroreflects) and by what is `hard`:
    asphalt, concrete."""

    albedo: np.ndarray
    paint: np.ndarray
    hard: np.ndarray


@dataclass(frozen=True)
class _Detail:
    """Of the detail tile, float32 [h w] each, centred on 0, within -1 to 1."""

    grain: np.ndarray
    cracks: np.ndarray
    tufts: np.ndarray
    wear: np.ndarray


def ground_albedo(surface: Surface, view: GroundView, s0: float, along: np.ndarray) -> GroundAlbedo:
    """What the ground is made of at each pixel; `s0` is the ego's s (m), `along` as `table_along` makes it."""
    detail = _detail(surface, view, s0)
    broad = wrapped(
        fractal(31, 256, 1.3, 2), (view.s + np.float32(s0 % 9600.0)) * np.float32(1 / 96), view.d * np.float32(1 / 96)
    )
    level = _mip_level(view)
    ragged_d = view.d + np.float32(0.25) * (detail.tufts + np.float32(0.4) * broad[..., 0])
    zones = _across(surface.profile.zones, view.d, level)
    ragged = _across(surface.profile.zones, ragged_d, level)
    lines = _across(surface.profile.lines, view.d, level)
    marks = _across(surface.profile.marks, view.d, level)
    ahead = look_up_along(along, view)
    open_road = 1 - ahead[..., JUNCTION]
    paved = np.maximum(ragged[..., PAVED], ahead[..., JUNCTION])
    concrete, gravel = zones[..., CONCRETE] * open_road, ragged[..., GRAVEL] * open_road

    albedo = _asphalt(surface, view, s0, detail, broad, zones, lines, ahead)
    worn = 1 - np.float32(surface.wear) * smoothstep(-0.25, 0.55, detail.wear)
    white, yellow = (share * worn for share in _marking_shares(surface.profile, view, s0, marks, ahead))
    albedo += white[..., None] * (surface.white - albedo) + yellow[..., None] * (surface.yellow - albedo)
    verge = _verge(surface, detail, broad)
    albedo = verge + paved[..., None] * (albedo - verge)
    albedo += gravel[..., None] * (surface.gravel * (1 + np.float32(0.7) * detail.wear)[..., None] - albedo)
    albedo += concrete[..., None] * (_sidewalk(surface, view, s0, detail, broad, lines) - albedo)
    paint = np.maximum(white, yellow) * paved
    return GroundAlbedo(np.maximum(albedo, np.float32(0.004)), paint, np.maximum(paved, concrete))


def _detail(surface: Surface, view: GroundView, s0: float) -> _Detail:
    """Trilinear look-up of the detail tile."""
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
    detail = _Detail(*(np.ascontiguousarray(out[..., i]) for i in range(4)))
    start = int(np.searchsorted(-view.step, -0.12))  # rows from here on show stones finer than the tile holds
    if start < len(view.step):
        fade = np.clip(np.float32(1.3) - view.step[start:] * np.float32(11), 0, 1)[:, None]
        stones = wrapped(
            fractal(32, 256, 0.25, 1)[..., 0],
            view.s[start:] * np.float32(1 / 3.2) + np.float32((s0 / 3.2) % 1.0),
            view.d[start:] * np.float32(1 / 3.2),
        )
        stones *= fade
        detail.grain[start:] += np.float32(0.28) * stones
        detail.tufts[start:] += np.float32(0.2) * stones
    return detail


def marking_shares(profile: Profile, view: GroundView, s0: float, along: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Shares [h w] of the pixels that white and yellow markings cover, where the road is paved and as if not worn."""
    level, ahead = _mip_level(view), look_up_along(along, view)
    paved = np.maximum(_across(profile.zones, view.d, level)[..., PAVED], ahead[..., JUNCTION])
    white, yellow = _marking_shares(profile, view, s0, _across(profile.marks, view.d, level), ahead)
    return white * paved, yellow * paved


def _mip_level(view: GroundView) -> np.ndarray:
    """Level of the profile's tables as coarse as the pixels of a view are wide [h w]."""
    level = np.clip(np.log2(np.maximum(view.side, 1e-4) / D_STEP), 0, LEVELS - 1).astype(np.float32)
    return np.repeat(level[:, None], view.d.shape[1], axis=1)


def _across(table: np.ndarray, d: np.ndarray, level: np.ndarray) -> np.ndarray:
    """A table of the profile at d (m) and mip level [h w]: float32 [h w 4]."""
    return cv2.remap(
        table,
        (d - np.float32(D_FROM)) * np.float32(1 / D_STEP) - np.float32(0.5),
        level,
        cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REPLICATE,
    )


def _dashes(view: GroundView, s0: float, dash: float, period: float) -> np.ndarray:
    """Coverage [h w] of dashes along s, box-filtered over the row's footprint; `dash` and `period` in m."""
    phase = (view.s + np.float32(s0 % period)) * np.float32(1 / period)
    distance = np.abs(phase - np.floor(phase) - np.float32(0.5)) * np.float32(period)
    width = np.maximum(view.step, 0.02).astype(np.float32)[:, None]
    sharp = np.clip((np.float32(dash / 2) - distance) / width + np.float32(0.5), 0, 1)
    blur = smoothstep(0.5 * period, 2.0 * period, width)
    return sharp + blur * (np.float32(dash / period) - sharp)


def _asphalt(
    surface: Surface,
    view: GroundView,
    s0: float,
    detail: _Detail,
    broad: np.ndarray,
    zones: np.ndarray,
    lines: np.ndarray,
    ahead: np.ndarray,
) -> np.ndarray:
    """Albedo [h w 3] of the bare carriageway: grain, cracks, tyre tracks, oil, seams, joints of slabs."""
    tone = 1 + np.float32(0.5) * detail.grain + np.float32(surface.cracks * 0.9) * detail.cracks
    tone = (tone + np.float32(0.07) * broad[..., 1]) * ahead[..., TONE]
    wheels = np.float32(surface.tracks) * zones[..., TYRE] - np.float32(0.2) * lines[..., OIL]
    tone *= 1 + (wheels - np.float32(0.25) * lines[..., SEAM]) * (1 - ahead[..., JUNCTION])
    if surface.slabs:
        tone *= 1 - np.float32(0.45) * _dashes(view, s0, 0.06, 4.6)
    albedo: np.ndarray = surface.asphalt * tone[..., None]
    return albedo


def _verge(surface: Surface, detail: _Detail, broad: np.ndarray) -> np.ndarray:
    """Albedo [h w 3] of grass with bare patches."""
    bare = smoothstep(-0.2, 1.4, broad[..., 0] + detail.tufts)[..., None] * np.float32(0.6)
    verge = surface.grass + bare * (surface.soil - surface.grass)
    return verge * (1 + np.float32(0.85) * detail.tufts + np.float32(0.16) * broad[..., 1])[..., None]


def _sidewalk(
    surface: Surface, view: GroundView, s0: float, detail: _Detail, broad: np.ndarray, lines: np.ndarray
) -> np.ndarray:
    """Albedo [h w 3] of concrete: joints on sidewalks, lighter kerb stones."""
    joints = 1 - np.float32(0.4) * _dashes(view, s0, 0.05, 1.5) * lines[..., SIDEWALK]
    tone = (1 + np.float32(0.3) * detail.grain + np.float32(0.1) * broad[..., 0]) * joints
    tone = tone * (1 + np.float32(0.25) * lines[..., KERB])
    albedo: np.ndarray = surface.concrete * tone[..., None]
    return albedo


def _marking_shares(
    profile: Profile, view: GroundView, s0: float, marks: np.ndarray, ahead: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Shares [h w] of the pixels that white and yellow markings cover, not worn."""
    dashes = _dashes(view, s0, profile.dash, profile.period)
    crossing, stop = ahead[..., CROSSING], ahead[..., STOP_LINE]
    clear = 1 - np.maximum(ahead[..., JUNCTION], crossing)
    white = (marks[..., WHITE] + marks[..., WHITE_DASH] * dashes) * clear
    if np.any(crossing > 0.01):
        width = np.maximum(view.side, 0.02).astype(np.float32)[:, None] / np.float32(1.2)
        phase = view.d * np.float32(1 / 1.2)
        distance = np.abs(phase - np.floor(phase) - np.float32(0.5))
        bars = np.clip((np.float32(0.25) - distance) / width + np.float32(0.5), 0, 1)
        white = np.maximum(white, np.maximum(crossing * bars, np.abs(stop)))
    yellow = (marks[..., YELLOW] + marks[..., YELLOW_DASH] * dashes) * clear
    return np.minimum(white, 1), np.minimum(yellow, 1)
