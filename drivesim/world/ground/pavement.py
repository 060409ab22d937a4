"""Textures of the ground: the profile across the road and the surface detail, both prefiltered for every footprint."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np

from drivesim.roadside.cross_section import CrossSection
from drivesim.roadside.pavement import Line, Pavement
from drivesim.scene.road import DASHES, Setting
from drivesim.world.ground.noise import fractal

D_FROM, D_TO, D_STEP = -64.0, 96.0, 0.025  # m: extent and resolution of the profile
LEVELS = 8
TILE_S, TILE_D, TILE_STEP = 64.0, 16.0, 0.05  # m: extent and resolution of the detail tile

# Channels of the profile, four to a table.
WHITE, WHITE_DASH, YELLOW, YELLOW_DASH = range(4)
PAVED, CONCRETE, GRAVEL, TYRE = range(4)
SEAM, OIL, KERB, SIDEWALK = range(4)


@dataclass(frozen=True)
class Profile:
    """Coverage in [0, 1] by d: float32 [LEVELS bins 4] each; level k is averaged over D_STEP * 2**k metres.

    `marks`: solid and dashed white, solid and dashed yellow; `zones`: paved, concrete, gravel, tyre tracks (the rest is verge);
    `lines`: seams, oil, kerb stone, sidewalk.
    """

    marks: np.ndarray
    zones: np.ndarray
    lines: np.ndarray
    dash: float
    period: float


def _prefiltered(rows: np.ndarray) -> np.ndarray:
    """[bins 4] to [LEVELS bins 4] by box filters of doubling width."""
    return np.stack([cv2.blur(rows[None], (2**k, 1), borderType=cv2.BORDER_REPLICATE)[0] for k in range(LEVELS)])


def build_profile(section: CrossSection, setting: Setting, pavement: Pavement) -> Profile:
    """The cross-section painted on the ground."""
    bins = round((D_TO - D_FROM) / D_STEP)
    d = D_FROM + (np.arange(bins, dtype=np.float32) + 0.5) * D_STEP
    zones, lines = _surfaces(d, section, setting, pavement)
    marks = _markings(d, pavement.lines(section))
    return Profile(_prefiltered(marks), _prefiltered(zones), _prefiltered(lines), *DASHES[setting])


def _surfaces(
    d: np.ndarray, section: CrossSection, setting: Setting, pavement: Pavement
) -> tuple[np.ndarray, np.ndarray]:
    zones, lines = np.zeros((len(d), 4), np.float32), np.zeros((len(d), 4), np.float32)
    right, left = section.edge_right, section.edge_left
    paved = (d > right) & (d < left)
    middle = (d > section.left + section.shoulder_left) & (d < section.near - section.shoulder_left)
    if section.median in ("grass", "rail"):
        paved &= ~middle
        zones[middle & (np.minimum(d - section.left, section.near - d) < section.shoulder_left + 0.7), GRAVEL] = 1
    if section.median == "kerb":
        zones[middle, CONCRETE] = 1
        inner = middle & (np.minimum(d - section.left, section.near - d) > section.shoulder_left + 0.35)
        if pavement.planted:
            zones[inner, CONCRETE] = 0
        paved &= ~middle
    if section.sidewalk:
        for edge, sign in ((right, -1.0), (left, 1.0)):
            out = (d - edge) * sign
            verge = 0.0 if setting == "city" else 1.4
            walk = (out > verge) & (out < verge + section.sidewalk)
            lines[(out >= 0) & (out < 0.18), KERB] = 1
            zones[((out >= 0) & (out < 0.18)) | walk, CONCRETE] = 1
            lines[walk, SIDEWALK] = 1
            lines[(out > -0.35) & (out < 0), OIL] = 0.7
            if setting == "city":
                zones[out >= verge + section.sidewalk, CONCRETE] = 0.7
    else:
        width = pavement.gravel
        for edge, sign in ((right, -1.0), (left, 1.0)):
            zones[((d - edge) * sign >= 0) & ((d - edge) * sign < width), GRAVEL] = 1
    zones[paved, PAVED] = 1
    for outer, lanes in ((section.right, section.lanes), (section.near, section.oncoming_lanes)):
        for lane in range(lanes):
            centre = outer + (lane + 0.5) * section.lane_width
            zones[:, TYRE] += sum(np.exp(-(((d - centre - w) / 0.33) ** 2)) for w in (-0.78, 0.78))
            lines[:, OIL] += np.exp(-(((d - centre) / 0.3) ** 2)) * 0.8
            lines[:, SEAM] += np.abs(d - outer - lane * section.lane_width + 0.12) < 0.02
    lines[:, SEAM] *= paved
    lines[:, OIL] *= paved
    return zones, np.minimum(lines, 1)


def _markings(d: np.ndarray, lines: list[Line]) -> np.ndarray:
    marks = np.zeros((len(d), 4), np.float32)
    for line in lines:
        channel = (YELLOW if line.yellow else WHITE) + line.dashed
        marks[np.abs(d - line.centre) < line.half, channel] = 1
    return marks


@lru_cache(maxsize=4)
def detail_tile(variant: int) -> tuple[np.ndarray, ...]:
    """Mip levels uint8 [rows, columns / 2**k, 4] of TILE_D x TILE_S metres; 128 is neutral.

    Channels: grain, cracks and patches, verge, wear of paint.
    """
    rng = np.random.default_rng([variant, 5])
    rows, columns = round(TILE_D / TILE_STEP), round(TILE_S / TILE_STEP)

    def noise(seed: int, slope: float, stretch: float = 1.0) -> np.ndarray:
        return np.tile(cv2.resize(fractal(seed, 320, slope, 1, stretch)[..., 0], (320, rows)), (1, columns // 320))

    grain = 0.8 * noise(1, 0.3) + 0.36 * noise(2, 1.0, 14.0) + 0.2 * noise(3, 1.2)
    verge = 0.8 * noise(4, 0.55) + 0.7 * noise(5, 1.2)
    wear = 0.7 * noise(6, 0.5) + 0.7 * noise(7, 1.0)
    cracks = _cracks(rng, rows, columns)
    top = np.stack([128 + 44 * grain, cracks, 128 + 50 * verge, 128 + 50 * wear], axis=-1)
    levels = [np.clip(top, 0, 255).astype(np.uint8)]
    wide = top.astype(np.float32)
    for k in range(1, LEVELS + 1):
        wide = 0.5 * (wide[:, 0::2] + wide[:, 1::2])
        across = max(1, round(np.sqrt(TILE_STEP * 2**k * 1.5 / 440) / TILE_STEP))
        levels.append(np.clip(cv2.blur(wide, (1, across)), 0, 255).astype(np.uint8))
    return tuple(np.ascontiguousarray(level) for level in levels)


def _cracks(rng: np.random.Generator, rows: int, columns: int) -> np.ndarray:
    """Patches, seams and cracks of asphalt; 128 neutral, darker below."""
    picture = np.full((rows, columns), 128, np.uint8)
    for _ in range(rng.integers(4, 12)):
        x, y = int(rng.integers(0, columns)), int(rng.integers(0, rows))
        w, h = int(rng.integers(20, 200)), int(rng.integers(16, 70))
        tone = int(rng.choice([70, 90, 105, 150, 165]))
        picture[y : y + h, x : x + w] = tone
        cv2.rectangle(picture, (x, y), (x + w, y + h), 60, 1)
    for _ in range(rng.integers(5, 26)):
        point, heading = rng.uniform(0, 1, 2) * [columns, rows], rng.uniform(-np.pi, np.pi)
        tone, thick = int(rng.choice([25, 60, 85])), int(rng.choice([1, 1, 2]))
        points = [point]
        for _ in range(rng.integers(8, 60)):
            heading += rng.normal(0, 0.35)
            points.append(points[-1] + 6 * np.array([np.cos(heading), np.sin(heading)]))
        for shift in (-columns, 0, columns):
            line = np.round(np.array(points) + np.array([shift, 0])).astype(np.int32)
            cv2.polylines(picture, [line], False, tone, thick)
    for _ in range(rng.integers(2, 9)):
        x = int(rng.integers(0, columns))
        cv2.line(picture, (x, 0), (x + int(rng.integers(-12, 12)), rows), int(rng.choice([60, 85])), 1)
    return picture
