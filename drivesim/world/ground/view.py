"""Where on the road each pixel of the ground lies, and what changes along the road: junctions, crossings, new asphalt."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from drivesim.roadside.alignment import locate
from drivesim.scene.geometry import pixel_centres
from drivesim.world.state import Moment, Surroundings

REACH = 700.0  # m of tabulated road ahead
BACK = 40.0  # m of it behind
ALONG_STEP = 0.25  # m
JUNCTION, CROSSING, STOP_LINE, TONE = range(4)  # channels of the table along the road


@dataclass(frozen=True)
class GroundView:
    """Ground pixels of one frame: rows from `top` down.

    x float32 [h] and y float32 [h w] in the ego frame (m); s (from the ego) and d float32 [h w] (m); `step` m a row, `side` m
    a column float32 [h].
    """

    top: int
    x: np.ndarray
    y: np.ndarray
    s: np.ndarray
    d: np.ndarray
    step: np.ndarray
    side: np.ndarray


def ground_view(
    surroundings: Surroundings, moment: Moment, top: int, height: int, width: int
) -> tuple[GroundView, np.ndarray]:
    """Road coordinates of the pixels below the horizon, and their depth by row [h]."""
    camera = moment.camera
    u, _ = pixel_centres(height, width, like=camera.pinhole.height)
    ahead, left, up = camera.pinhole.rays(u, (np.arange(top, height + 1) + 0.5)[:, None] / height)
    scale = (camera.height / np.maximum(-up, 2e-4))[:, 0]
    x = np.minimum(scale * ahead[:, 0], 3000.0)
    left = (left * scale[:-1, None]).astype(np.float32)
    x32 = x.astype(np.float32)
    s, d = locate(surroundings.roadside.alignment, moment.s, moment.pose, x32[:-1], left, REACH)
    step, side = (x[:-1] - x[1:]).astype(np.float32), (scale[:-1] / (camera.focal * width)).astype(np.float32)
    return GroundView(top, x32[:-1], left, s, d, step, side), scale[:-1].astype(np.float32)


def table_along(surroundings: Surroundings, s: float) -> np.ndarray:
    """What changes along the road, float32 [1 n 4] from s - BACK on at ALONG_STEP: junction area, crossing, stop line (+1 own
    side, -1 oncoming side), tone of the asphalt."""
    places = s - BACK + np.arange(int((REACH + BACK) / ALONG_STEP)) * ALONG_STEP
    table = np.zeros((len(places), 4), np.float32)
    table[:, TONE] = _section_tone(surroundings, places)
    for place, half, signals in surroundings.roadside.junctions(s - BACK - 20, s + REACH):
        off = places - place
        table[:, JUNCTION] = np.maximum(table[:, JUNCTION], np.clip((half - np.abs(off)) / ALONG_STEP + 0.5, 0, 1))
        if signals:
            gap = np.abs(off) - half
            table[:, CROSSING] = np.maximum(table[:, CROSSING], (gap > 0.9) & (gap < 3.7))
            table[:, STOP_LINE] += np.where(off < 0, 1.0, -1.0) * ((gap > 4.6) & (gap < 5.1))
    return table[None]


def _section_tone(surroundings: Surroundings, places: np.ndarray) -> np.ndarray:
    """Brightness of the pavement by construction section, each some 220 m."""
    length = 220.0
    first, last = int(places[0] // length), int(places[-1] // length) + 1
    draws = [surroundings.roadside.stretch_generator((i + 0.5) * length, length, 31) for i in range(first, last + 1)]
    tones = np.array([np.exp(rng.normal(0, 0.16)) for rng in draws], np.float32)
    starts = np.array([(first + i) * length + rng.uniform(0, 160) for i, rng in enumerate(draws)])
    return tones[np.clip(np.searchsorted(starts, places) - 1, 0, len(tones) - 1)]


def look_up_along(along: np.ndarray, view: GroundView) -> np.ndarray:
    """The table at the pixels of a view [h w 4]."""
    place = (view.s + np.float32(BACK)) * np.float32(1 / ALONG_STEP)
    return cv2.remap(along, place, np.zeros_like(place), cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
