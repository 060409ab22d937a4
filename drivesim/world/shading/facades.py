"""Texture of house fronts: windows with panes and curtains, ledges, shops on the ground floor."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from drivesim.world.ground.noise import scramble
from drivesim.world.light.lighting import Lighting
from drivesim.world.shading.samples import SurfacePoints, band_coverage

SHOP_HEIGHT = 3.9  # m, height of a shop floor
_STONE = np.array([0.42, 0.41, 0.39], np.float32)
_CURTAIN = np.array([0.30, 0.29, 0.27], np.float32)
_DARK_ROOM = np.array([0.012, 0.015, 0.018], np.float32)
_WARM_LIGHT = np.array([1.0, 0.66, 0.33], np.float32)
_COLD_LIGHT = np.array([0.8, 0.9, 1.0], np.float32)


def facade(lighting: Lighting, albedo: np.ndarray, points: SurfacePoints) -> tuple[np.ndarray, np.ndarray]:
    """Albedo and emitted radiance [n 3] of fronts whose walls have `albedo` [n 3]; u, v from the lower left corner.

    The integer part of 10 * seed is the style (below 3 a house, else a block, with shops at even numbers), the rest varies it.
    """
    style = np.floor(points.seed * 10)
    house = style < 3
    windows = _windows(points, style, house)
    stone = scramble(points.seed * 157, style) > 0.5
    trim = np.where(stone[:, None], _STONE, albedo * np.float32(0.55))
    has_ledge = ~house & (scramble(points.seed * 91, style) > 0.45)
    ledge = band_coverage(windows.up, np.float32(-0.05), np.float32(0.14), _blur_v(points)) * has_ledge
    wall = albedo * (1 - np.float32(0.3) * ledge)[:, None]
    wall = wall + windows.frame[:, None] * (trim - wall)
    curtain = np.where(
        (windows.draw > 0.62)[:, None],
        _CURTAIN * (0.3 + windows.other_draw[:, None]),
        _DARK_ROOM * (0.6 + windows.other_draw[:, None]),
    )
    wall = wall + windows.pane[:, None] * (curtain - wall)
    emitted = _mirrored_sky(lighting, windows, points.facing)
    shops = ~house & (style % 2 == 0)
    if shops.any():
        wall, emitted = _add_shops(lighting, wall, emitted, points, shops)
    if lighting.night:
        emitted += _lit_rooms(windows, house)
    return wall, emitted


@dataclass(frozen=True)
class _Windows:
    """The window that each of n points may lie in: coverage of its `frame` and `pane` [n]; `up` (m over the storey's floor),
    where it begins and ends there (`low`, `high`), and the `storey` height [n]; two draws in [0, 1), the same all over a
    window [n]."""

    frame: np.ndarray
    pane: np.ndarray
    up: np.ndarray
    low: np.ndarray
    high: np.ndarray
    storey: np.ndarray
    draw: np.ndarray
    other_draw: np.ndarray


def _blur_u(points: SurfacePoints) -> np.ndarray:
    return np.maximum(points.footprint / np.maximum(points.facing, 0.06), 1e-3)


def _blur_v(points: SurfacePoints) -> np.ndarray:
    return np.maximum(points.footprint, 1e-3)


def _windows(points: SurfacePoints, style: np.ndarray, house: np.ndarray) -> _Windows:
    """The grid of windows: a row a storey, a column a bay."""
    seed = points.seed
    storey = np.where(house, np.float32(2.8), np.float32(3.0) + np.float32(0.7) * scramble(seed * 977, style))
    bay = np.where(house, np.float32(3.4), np.float32(1.5) + np.float32(2.4) * scramble(seed * 613, style))
    shops = ~house & (style % 2 == 0)
    foot = np.where(shops, np.float32(SHOP_HEIGHT), np.float32(0.0))
    level, column = np.floor((points.v - foot) / storey), np.floor(points.u / bay)
    across, up = points.u - column * bay, points.v - foot - level * storey
    blur_u, blur_v = _blur_u(points), _blur_v(points)
    width = np.float32(0.42) + np.float32(0.4) * scramble(seed * 331, style)  # share of the bay
    ribbon = ~house & (scramble(seed * 211, style) > 0.8)
    width = np.where(ribbon, np.float32(0.97), np.where(house, np.float32(0.36), width))
    low = np.where(house, np.float32(0.9), np.float32(0.75))
    high = np.where(house, np.float32(2.15), storey - np.float32(0.55))
    exists = (level >= 0) & ~(house & (scramble(column, level, seed) < 0.3))
    margin = bay * (1 - width) / 2
    frame = band_coverage(across, margin - 0.09, bay - margin + 0.09, blur_u)
    frame = frame * band_coverage(up, low - 0.12, high + 0.09, blur_v) * exists
    pane = band_coverage(across, margin, bay - margin, blur_u) * band_coverage(up, low, high, blur_v) * exists
    bar = band_coverage(across, bay / 2 - 0.03, bay / 2 + 0.03, blur_u)
    pane = pane * (1 - np.float32(0.7) * bar)
    draw, other_draw = scramble(column + 17, level, seed), scramble(column, level + 31, seed)
    return _Windows(frame, pane, up, low, high, storey, draw, other_draw)


def _mirrored_sky(lighting: Lighting, windows: _Windows, facing: np.ndarray) -> np.ndarray:
    """Radiance [n 3] of the horizon in the panes, stronger at grazing angles and toward their upper edge."""
    share = np.float32(0.10) + np.float32(0.35) * (1 - facing) ** 3 + np.float32(0.10) * (windows.other_draw > 0.8)
    upper = np.clip((windows.up - windows.low) / (windows.high - windows.low), 0, 1)
    share *= np.float32(0.45) + np.float32(0.9) * upper * (np.float32(0.4) + np.float32(0.6) * windows.draw)
    horizon = lighting.horizon * np.float32(0.5) + np.float32(0.4) * lighting.horizon.mean()
    return (windows.pane * share)[:, None] * horizon


def _lit_rooms(windows: _Windows, house: np.ndarray) -> np.ndarray:
    """Radiance [n 3] of the rooms where somebody has light on at night."""
    share = np.where(house, np.float32(0.28), np.float32(0.22))
    light = np.where((windows.other_draw > 0.35)[:, None], _WARM_LIGHT, _COLD_LIGHT)
    strength = (
        windows.pane
        * (windows.draw < share)
        * (np.float32(0.05) + np.float32(0.20) * windows.other_draw)
        * (np.float32(0.5) + np.float32(0.5) * windows.up / windows.storey)
    )
    return strength[:, None] * light


def _add_shops(
    lighting: Lighting, wall: np.ndarray, emitted: np.ndarray, points: SurfacePoints, shops: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Shop windows, doors, and the band with the name above them, where the front has `shops` bool [n]."""
    u, v, seed, blur_u, blur_v = points.u, points.v, points.seed, _blur_u(points), _blur_v(points)
    width = np.float32(6.5) + np.float32(4.0) * scramble(seed * 53, seed)
    shop = np.floor(u / width)
    across = u - shop * width
    red, green, blue = (scramble(shop + salt, seed * 100) for salt in (3, 9, 21))
    floor = shops * np.clip((SHOP_HEIGHT - v) / blur_v + 0.5, 0, 1)
    pane = across - np.floor(across / 1.7) * np.float32(1.7)
    window = band_coverage(across, np.float32(0.35), width - 0.35, blur_u)
    window = window * band_coverage(pane, np.float32(0.07), np.float32(1.63), blur_u)
    window *= band_coverage(v, np.float32(0.55), np.float32(2.75), blur_v)
    band = band_coverage(across, np.float32(0.15), width - 0.15, blur_u)
    band = band * band_coverage(v, np.float32(2.95), np.float32(3.6), blur_v)
    letters = band * band_coverage(v, np.float32(3.1), np.float32(3.45), blur_v)
    letters = letters * (scramble(np.floor(u / 0.22), shop) > 0.4)
    letters *= band_coverage(across, width * 0.25, width * 0.75, blur_u) * np.clip(0.25 / blur_u, 0, 1)
    hue = np.stack([0.06 + 0.30 * red * red, 0.06 + 0.22 * green * green, 0.07 + 0.26 * blue * blue], axis=-1)
    front = np.array([0.20, 0.19, 0.18], np.float32) * (0.4 + red[:, None])
    inside = np.array([0.03, 0.03, 0.032], np.float32) * (0.5 + 2.0 * scramble(np.floor(u / 0.9), shop)[:, None])
    front = front + window[:, None] * (inside - front)
    front = front + band[:, None] * (hue - front)
    front = front + letters[:, None] * (np.float32(0.6) - front)
    wall = wall + floor[:, None] * (front - wall)
    radiance = lighting.horizon * np.float32(0.13)  # of what the windows mirror
    if lighting.night:
        is_open = (green > 0.35) * floor
        strength = (np.float32(0.08) + np.float32(0.30) * red[:, None]) * np.array([1.0, 0.85, 0.62], np.float32)
        radiance = strength * is_open[:, None]
        name = (is_open * (band * np.float32(0.06) + letters * np.float32(0.5)))[:, None]
        emitted = emitted + name * (0.2 + hue * 2.5)
    return wall, emitted * (1 - floor)[:, None] + (window * floor)[:, None] * radiance
