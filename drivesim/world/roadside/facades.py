"""Textures with a pattern: house fronts with windows and shops, road signs with lettering."""

from __future__ import annotations

import numpy as np

from drivesim.world.ground.noise import scramble
from drivesim.world.light.lighting import Lighting

SHOP = 3.9  # m, height of a shop floor


def _inside(
    place: np.ndarray, low: np.ndarray | np.float32, high: np.ndarray | np.float32, blur: np.ndarray
) -> np.ndarray:
    """Coverage of [low, high] at `place`, edges `blur` wide."""
    return np.clip((place - low) / blur + 0.5, 0, 1) * np.clip((high - place) / blur + 0.5, 0, 1)


def facade(
    lighting: Lighting,
    colour: np.ndarray,
    u: np.ndarray,
    v: np.ndarray,
    seed: np.ndarray,
    footprint: np.ndarray,
    tilt: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """Albedo and glow [n 3] at u, v (m from the lower left corner). `seed`: the integer part of 10 * seed is the style
    (below 3 a house, else with shops at even numbers), the rest varies it."""
    style = np.floor(seed * 10)
    own = scramble(seed * 977, style)
    house = style < 3
    storey = np.where(house, np.float32(2.8), np.float32(3.0) + np.float32(0.7) * own)
    bay = np.where(house, np.float32(3.4), np.float32(1.5) + np.float32(2.4) * scramble(seed * 613, style))
    shops = ~house & (style % 2 == 0)
    base = np.where(shops, np.float32(SHOP), np.float32(0.0))
    level, column = np.floor((v - base) / storey), np.floor(u / bay)
    across, up = u - column * bay, v - base - level * storey
    blur_u, blur_v = np.maximum(footprint / np.maximum(tilt, 0.06), 1e-3), np.maximum(footprint, 1e-3)
    wide = np.float32(0.42) + np.float32(0.4) * scramble(seed * 331, style)
    ribbon = ~house & (scramble(seed * 211, style) > 0.8)
    wide = np.where(ribbon, np.float32(0.97), np.where(house, np.float32(0.36), wide))
    low, high = (
        np.where(house, np.float32(0.9), np.float32(0.75)),
        np.where(house, np.float32(2.15), storey - np.float32(0.55)),
    )
    exists = (level >= 0) & ~(house & (scramble(column, level, seed) < 0.3))
    margin = bay * (1 - wide) / 2
    frame = (
        _inside(across, margin - 0.09, bay - margin + 0.09, blur_u)
        * _inside(up, low - 0.12, high + 0.09, blur_v)
        * exists
    )
    pane = _inside(across, margin, bay - margin, blur_u) * _inside(up, low, high, blur_v) * exists
    bar = _inside(across, bay / 2 - 0.03, bay / 2 + 0.03, blur_u)
    pick = scramble(column + 17, level, seed)
    other = scramble(column, level + 31, seed)
    trim = np.where(
        (scramble(seed * 157, style) > 0.5)[:, None],
        np.array([0.42, 0.41, 0.39], np.float32),
        colour * np.float32(0.55),
    )
    ledge = _inside(up, np.float32(-0.05), np.float32(0.14), blur_v) * (~house & (scramble(seed * 91, style) > 0.45))
    out = colour * (1 - np.float32(0.3) * ledge)[:, None]
    out = out + frame[:, None] * (trim - out)
    curtain = np.where(
        (pick > 0.62)[:, None],
        np.array([0.30, 0.29, 0.27], np.float32) * (0.3 + other[:, None]),
        np.array([0.012, 0.015, 0.018], np.float32) * (0.6 + other[:, None]),
    )
    glass = pane * (1 - np.float32(0.7) * bar)
    out = out + glass[:, None] * (curtain - out)
    mirrored = np.float32(0.10) + np.float32(0.35) * (1 - tilt) ** 3 + np.float32(0.10) * (other > 0.8)
    mirrored *= np.float32(0.45) + np.float32(0.9) * np.clip((up - low) / (high - low), 0, 1) * (
        np.float32(0.4) + np.float32(0.6) * pick
    )
    glow = (glass * mirrored)[:, None] * (
        lighting.horizon * np.float32(0.5) + np.float32(0.4) * lighting.horizon.mean()
    )
    if shops.any():
        out, glow = _shops(lighting, out, glow, u, v, seed, blur_u, blur_v, shops)
    if lighting.night:
        share = np.where(house, np.float32(0.28), np.float32(0.22))
        warm = np.where(
            (other > 0.35)[:, None], np.array([1.0, 0.66, 0.33], np.float32), np.array([0.8, 0.9, 1.0], np.float32)
        )
        lit = (
            glass
            * (pick < share)
            * (np.float32(0.05) + np.float32(0.20) * other)
            * (np.float32(0.5) + np.float32(0.5) * up / storey)
        )
        glow += lit[:, None] * warm
    return out, glow


def _shops(
    lighting: Lighting,
    out: np.ndarray,
    glow: np.ndarray,
    u: np.ndarray,
    v: np.ndarray,
    seed: np.ndarray,
    blur_u: np.ndarray,
    blur_v: np.ndarray,
    shops: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """Shop windows, doors, and the band with the name above them."""
    width = np.float32(6.5) + np.float32(4.0) * scramble(seed * 53, seed)
    shop = np.floor(u / width)
    across = u - shop * width
    a, b, c = scramble(shop + 3, seed * 100), scramble(shop + 9, seed * 100), scramble(shop + 21, seed * 100)
    floor = shops * np.clip((SHOP - v) / blur_v + 0.5, 0, 1)
    bay = across - np.floor(across / 1.7) * np.float32(1.7)
    window = _inside(across, np.float32(0.35), width - 0.35, blur_u) * _inside(
        bay, np.float32(0.07), np.float32(1.63), blur_u
    )
    window *= _inside(v, np.float32(0.55), np.float32(2.75), blur_v)
    band = _inside(across, np.float32(0.15), width - 0.15, blur_u) * _inside(
        v, np.float32(2.95), np.float32(3.6), blur_v
    )
    letters = band * _inside(v, np.float32(3.1), np.float32(3.45), blur_v) * (scramble(np.floor(u / 0.22), shop) > 0.4)
    letters *= _inside(across, width * 0.25, width * 0.75, blur_u) * np.clip(0.25 / blur_u, 0, 1)
    hue = np.stack([0.06 + 0.30 * a * a, 0.06 + 0.22 * b * b, 0.07 + 0.26 * c * c], axis=-1)
    wall = np.array([0.20, 0.19, 0.18], np.float32) * (0.4 + a[:, None])
    inside = np.array([0.03, 0.03, 0.032], np.float32) * (0.5 + 2.0 * scramble(np.floor(u / 0.9), shop)[:, None])
    shopped = wall + window[:, None] * (inside - wall)
    shopped = shopped + band[:, None] * (hue - shopped)
    shopped = shopped + letters[:, None] * (np.float32(0.6) - shopped)
    out = out + floor[:, None] * (shopped - out)
    shine = lighting.horizon * np.float32(0.13)
    if lighting.night:
        open_ = (b > 0.35) * floor
        shine = (
            (np.float32(0.08) + np.float32(0.30) * a[:, None])
            * np.array([1.0, 0.85, 0.62], np.float32)
            * open_[:, None]
        )
        glow = glow + (open_ * (band * np.float32(0.06) + letters * np.float32(0.5)))[:, None] * (0.2 + hue * 2.5)
    return out, glow * (1 - floor)[:, None] + (window * floor)[:, None] * shine


def lettering(
    lighting: Lighting,
    colour: np.ndarray,
    u: np.ndarray,
    v: np.ndarray,
    seed: np.ndarray,
    footprint: np.ndarray,
    tilt: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """A sign: light border, lines of blocky letters (dark on light signs). Retroreflective at night. `seed` is its size code:
    signs keep u, v in [0, 1]."""
    dark = colour.mean(axis=1) > 0.3
    ink = np.where(dark[:, None], np.array([0.03, 0.03, 0.03], np.float32), np.array([0.7, 0.7, 0.68], np.float32))
    blur = np.clip(footprint * np.float32(0.6) / np.maximum(tilt, 0.2), 1e-3, 1.0)
    border = 1 - _inside(u, np.float32(0.03), np.float32(0.97), blur) * _inside(
        v, np.float32(0.05), np.float32(0.95), blur
    )
    line = np.floor(v * 3.0)
    cell = np.floor(u * 14 + seed * 31)
    end = np.float32(0.55) + np.float32(0.4) * scramble(line, seed * 100)
    text = (
        _inside(v * 3.0 - line, np.float32(0.25), np.float32(0.75), blur * 3)
        * (u > 0.09)
        * (u < end)
        * (scramble(cell, line, seed) > 0.3)
    )
    stroke = u * 14 + seed * 31 - cell
    text = text * np.where((scramble(cell + 5, line, seed) > 0.5) & (stroke > 0.35) & (stroke < 0.65), 0.3, 1.0)
    cover = np.minimum(border * (seed < 0.8) + text, 1.0) * np.clip(0.25 / blur, 0.2, 1)
    out = colour + cover[:, None] * (ink - colour)
    return out, np.zeros_like(out)
