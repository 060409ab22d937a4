"""The ground under the camera, pixel by pixel: inverse depth, class, and the share of paint by box filters."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from drivesim.layout.course import Course
from drivesim.layout.strips import D_FROM, D_STEP, Strips
from drivesim.scene.camera import Camera
from drivesim.scene.classes import SceneClass

_KNOTS = 17, 33  # columns whose road coordinates are computed, on gentle roads and in bends
_BEND = 0.003  # 1/m
_FAR = 3000.0  # m; the ground beyond is as if there
_ROW = 256  # pixels that are looked up side by side
MARKED = 0.5  # share of a pixel from which on it is a marking


@dataclass(frozen=True)
class Ground:
    """Rows of a frame from `top` down: inverse_depth float32 [r] by row, scene_class and marking uint8 [r w] as in
    LayoutMaps."""

    top: int
    inverse_depth: np.ndarray
    scene_class: np.ndarray
    marking: np.ndarray


def ground_of(
    camera: Camera, course: Course, along: float, strips: Strips, rows: slice, size: tuple[int, int]
) -> Ground:
    """The flat ground in some rows of a frame of `size` (height, width); `along` as in SceneAt.

    Pinhole.ground a row at a time, as all but y is the same in a row, with y and what follows of it at knots alone.
    """
    height, width = size
    axes = camera.axes()
    down = ((np.arange(rows.start, rows.stop + 1) + 0.5) / height - 0.5) * (0.5 / camera.focal)
    slope = -(axes[2, 2] + down * axes[1, 2])  # m that a ray falls in one m of depth
    sky = int(np.searchsorted(slope, camera.height / _FAR))
    top = rows.start + sky
    if top >= rows.stop:
        empty = np.zeros((0, width), np.uint8)
        return Ground(rows.stop, np.zeros(0, np.float32), empty, empty)
    depth = camera.height / slope[sky:]
    x = depth * (axes[2, 0] + down[sky:] * axes[1, 0])
    long, wide = (x[:-1] - x[1:]).astype(np.float32), (depth[:-1] / (camera.focal * width)).astype(np.float32)
    pixels = _Pixels(long, wide, width, _KNOTS[int(np.abs(course.points[:, 3]).max() > _BEND)])
    y = -depth[:-1, None] * ((pixels.knots / width - 0.5) / camera.focal)
    s, d = (table.astype(np.float32) for table in course.locate(x[:-1], y))
    across = pixels.between(d)
    across -= np.float32(D_FROM)
    across *= np.float32(1 / D_STEP)
    bins = np.clip(across, 0, len(strips.surface) - 1).astype(np.int32)
    surface = strips.surface.take(bins)
    marking = np.zeros_like(surface)
    where, white, yellow = _shares(strips, across, bins, s, along, pixels)
    share = white + yellow
    marked = share >= MARKED
    surface.ravel()[where[marked]] = np.where(yellow > white, SceneClass.YELLOW_MARKING, SceneClass.WHITE_MARKING)[
        marked
    ]
    marking.ravel()[where] = np.minimum(share * 255, 255).astype(np.uint8)
    return Ground(top, (1 / depth[:-1]).astype(np.float32), surface, marking)


class _Pixels:
    """Footprints of pixels on the ground: `long` m along and `wide` m across the view [r]; `knots` (pixels) between which what
    is known of a row's points lies on lines."""

    def __init__(self, long: np.ndarray, wide: np.ndarray, width: int, knots: int) -> None:
        self.long, self.wide = np.maximum(long, np.float32(0.02)), wide
        self.knots = np.linspace(0.5, width - 0.5, knots)
        place = np.arange(width) * ((knots - 1) / (width - 1))
        self._knot = np.minimum(place.astype(np.int64), knots - 2)
        self._share = (place - self._knot).astype(np.float32)

    def between(self, table: np.ndarray) -> np.ndarray:
        """Values at the knots [r k] spread over the columns [r w]."""
        out = np.diff(table, axis=1).take(self._knot, axis=1)
        out *= self._share
        out += table.take(self._knot, axis=1)
        return out

    def at(self, table: np.ndarray, row: np.ndarray, column: np.ndarray) -> np.ndarray:
        """The same for some pixels [m]."""
        knot, share = self._knot[column], self._share[column]
        return table[row, knot] * (1 - share) + table[row, knot + 1] * share


def _shares(
    strips: Strips, across: np.ndarray, bins: np.ndarray, s: np.ndarray, along: float, pixels: _Pixels
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Flat indices [m] of pixels with paint, and their shares of white and yellow [m], by box filters as large as the pixels.

    `across` [r w] counts bins of the strips' tables, `bins` are the whole ones; `s` [r k] is m ahead of the ego at the knots.
    """
    half = pixels.wide * np.float32(0.5 / D_STEP)
    near = np.flatnonzero(strips.paint_distance.take(bins) <= half[:, None] + np.float32(2))
    row = near // across.shape[1]
    middle, half = across.take(near), half.take(row)
    high, low = (_paint_until(strips, place) for place in (middle + half, middle - half))
    kept = np.flatnonzero(high > low + np.float32(1e-4))
    where, row, middle, half = near.take(kept), row.take(kept), middle.take(kept), half.take(kept)
    column = where - row * across.shape[1]
    share = (_level(strips.paint, middle + half) - _level(strips.paint, middle - half)) / pixels.wide[row, None]
    dashes = _dashes(pixels.at(s, row, column) + along % strips.period, strips, pixels.long[row])
    return where, share[:, 0] + share[:, 1] * dashes, share[:, 2] + share[:, 3] * dashes


def _paint_until(strips: Strips, place: np.ndarray) -> np.ndarray:
    """Metres of paint from the strips' tables' start to `place` [m] (bins), float32 [m]."""
    rows = np.zeros((len(place) // _ROW + 1, _ROW), np.float32)  # cv2.remap takes no row of 32767 and more
    rows.ravel()[: len(place)] = place
    level = cv2.remap(strips.any_paint, rows, np.zeros_like(rows), cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return level.ravel()[: len(place)]


def _level(table: np.ndarray, place: np.ndarray) -> np.ndarray:
    """Rows of a table [n c] at `place` [m], between rows on lines, held at the ends [m c]."""
    place = np.clip(place, 0, len(table) - 1.001)
    whole = place.astype(np.int64)
    low = table.take(whole, axis=0)
    return low + (place - whole)[:, None] * (table.take(whole + 1, axis=0) - low)


def _dashes(s: np.ndarray, strips: Strips, long: np.ndarray) -> np.ndarray:
    """Share of footprints `long` m along the road at s that dashes cover [m]; where they span periods, the mean."""
    phase = s / strips.period
    away = np.abs(phase - np.floor(phase) - 0.5) * strips.period
    sharp = np.clip((strips.dash / 2 - away) / long + 0.5, 0, 1)
    blur = np.clip((long / strips.period - 0.5) / 1.5, 0, 1)
    return sharp + blur * (strips.dash / strips.period - sharp)
