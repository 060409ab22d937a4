"""Whether what a film shows moves as its layout says, and keeps its look while it does.

Each frame is compared with the one before it, moved by the layout's flow, where that is longer than a pixel: a film that stands still
is wrong there. Both figures are measured on rendered films, too, whose own error is the floor.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from drivesim.layout.flow import Flow
from drivesim.metrics.reconstruction import luma

LEAST_FLOW = 1.0  # px a frame
_SOFT = 1.0  # px: blur before comparing, so that resampling does not count as a change
_LEAST_DETAIL = 4.0  # levels a px: measured flow says little where there is less


@dataclass(frozen=True)
class Steadiness:
    """`flicker`: mean difference of brightness from the moved frame before, over the mean gradient there: pixels by which the
    picture would have to be off to change as much, whatever its sharpness. `motion_error`: median length in px of the difference
    of measured and layout flow. `share`: of the pixels that were looked at. NaN where nothing moves enough.
    """

    flicker: float
    motion_error: float
    share: float


def steadiness(frames: np.ndarray, flows: Sequence[Flow], looked_at: Sequence[np.ndarray] | None = None) -> Steadiness:
    """Of pictures uint8 [f h w 3] with the flow from each but the first to the one before it (f - 1 of the frames' size).

    `looked_at` bool [h w] for each flow: the pixels that count (those of vehicles, say); None counts all.
    """
    grey = [cv2.GaussianBlur(luma(frame).astype(np.float32), (0, 0), _SOFT) for frame in frames]
    estimator = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    change = detail = 0.0
    counted, errors = 0, []
    x, y = np.meshgrid(np.arange(frames.shape[2], dtype=np.float32), np.arange(frames.shape[1], dtype=np.float32))
    for k, flow in enumerate(flows):
        before, now = grey[k], grey[k + 1]
        moves = flow.seen & (np.hypot(flow.right, flow.down) >= LEAST_FLOW)
        moves = moves if looked_at is None else moves & looked_at[k]
        if not moves.any():
            continue
        gradient = np.hypot(cv2.Sobel(now, cv2.CV_32F, 1, 0) / 8, cv2.Sobel(now, cv2.CV_32F, 0, 1) / 8)
        moved = cv2.remap(before, x + flow.right, y + flow.down, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
        change += float(np.abs(now - moved)[moves].sum())
        detail += float(gradient[moves].sum()) + 0.5 * float(moves.sum())  # half a level: flat pictures have no detail
        counted += int(moves.sum())
        clear = moves & (gradient >= _LEAST_DETAIL)
        if clear.any():
            measured = estimator.calc(_byte(now), _byte(before), np.zeros((*now.shape, 2), np.float32))
            errors.append(np.hypot(measured[..., 0] - flow.right, measured[..., 1] - flow.down)[clear])
    return Steadiness(
        change / detail if detail else float("nan"),
        float(np.median(np.concatenate(errors))) if errors else float("nan"),
        counted / (max(len(flows), 1) * frames.shape[1] * frames.shape[2]),
    )


def _byte(grey: np.ndarray) -> np.ndarray:
    return np.asarray(grey.round().clip(0, 255).astype(np.uint8))
