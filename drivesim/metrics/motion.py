"""How the ground of a driving video moves: toward the camera, not at all, or at random."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import cv2
import numpy as np

from drivesim.metrics.reconstruction import luma
from drivesim.video_format import NETWORK_WIDTH

_WIDTH = NETWORK_WIDTH  # at which optical flow is measured

_GROUND = 0.06  # of the frame height below the horizon: where the ground begins that is looked at
_ABOVE = 0.15  # of the frame height above the horizon: from where on there is sky, and what reaches into it
_LEAST_RATE = 1e-3  # a frame; slower expansion is none
_LEAST = 0.3  # pixels: slower flow says nothing about its direction


@dataclass(frozen=True)
class GroundMotion:
    """Optical flow of the ground, weighted with the detail that flow can be seen on.

    `expansion`: mean flow away from the vanishing point, in pixels of a frame 256 wide, from picture to picture; about 0 for a
    still. `outward`: share of the moving ground whose flow points within 45 degrees of away from it; 0.25 where it is
    random, NaN where nothing moves. `parallax`: how much more slowly what is above the horizon expands than
    the ground, as a share, both by flow over distance from the vanishing point: 0 where a still is zoomed into, 1 where the sky
    stands still, NaN where the ground does not expand.
    """

    expansion: float
    outward: float
    parallax: float


def ground_motion(frames: np.ndarray, horizon: float) -> GroundMotion:
    """Motion from each of the pictures uint8 [f h w 3] to the next, on average; `horizon` as a fraction of the height.

    The vanishing point is the middle of the horizon: meant for straight roads. Raises ValueError for fewer than 2 pictures.
    """
    if len(frames) < 2:
        raise ValueError("motion needs two pictures")
    height = round(_WIDTH * frames.shape[1] / frames.shape[2])
    y, x = np.mgrid[:height, :_WIDTH] + 0.5
    away = np.stack([x - _WIDTH / 2, y - horizon * height], axis=-1)
    away /= np.linalg.norm(away, axis=-1, keepdims=True)
    distance = np.hypot(x - _WIDTH / 2, y - horizon * height)
    ground = y > (horizon + _GROUND) * height
    above = y < (horizon - _ABOVE) * height
    seen = expansion = moving = outward = 0.0
    flown, radius = np.zeros(2), np.zeros(2)  # of the ground and of what is above the horizon
    for detail, flow in _flows(frames, height):
        weight = np.where(ground, detail, 0.0)
        outwards, speed = (flow * away).sum(axis=-1), np.linalg.norm(flow, axis=-1)
        moves = weight * (speed > _LEAST)
        seen += float(weight.sum())
        expansion += float((weight * outwards).sum())
        for half, part in enumerate((weight, np.where(above, detail, 0.0))):
            flown[half] += float((part * outwards).sum())
            radius[half] += float((part * distance).sum())
        moving += float(moves.sum())
        outward += float(moves[outwards > np.sqrt(0.5) * speed].sum())
    ground_rate, above_rate = flown / np.maximum(radius, 1e-9)
    return GroundMotion(
        expansion / max(seen, 1e-9),
        outward / moving if moving > 0 else float("nan"),
        float(1 - above_rate / ground_rate) if ground_rate > _LEAST_RATE else float("nan"),
    )


def _flows(frames: np.ndarray, height: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """For each pair of neighbours: detail (gradient magnitude) [h w] of the first, and flow (pixels) [h w 2] to the second."""
    estimator = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    grey = [
        cv2.resize(luma(frame).round().astype(np.uint8), (_WIDTH, height), interpolation=cv2.INTER_AREA) for frame in frames
    ]
    for a, b in pairwise(grey):
        smooth = cv2.GaussianBlur(a.astype(np.float32), (0, 0), 1.0)
        detail = np.hypot(cv2.Sobel(smooth, cv2.CV_32F, 1, 0), cv2.Sobel(smooth, cv2.CV_32F, 0, 1))
        yield detail, estimator.calc(a, b, np.zeros((*a.shape, 2), np.float32))
