"""Whether what a film shows moves as its layout says, and keeps its look while it does.

Each frame is compared with the one before it, moved by the layout's flow, where that is longer than a pixel: a film that stands
still is wrong there. Both figures are measured on rendered films, too, whose own error is the floor. The lower edge is left out,
where the ego's own bonnet may stand still before the road.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from drivesim.layout.flow import Flow
from drivesim.metrics.reconstruction import luma
from drivesim.scene.camera import BONNET

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


def steadiness(
    before: np.ndarray, now: np.ndarray, flows: Sequence[Flow], looked_at: Sequence[np.ndarray] | None = None
) -> Steadiness:
    """Of n pairs of neighbouring pictures uint8 [n h w 3] with the flow from each one `now` to the one `before` it.

    `looked_at` bool [h w] for each pair: the pixels of `now` that count (those of vehicles, say); None counts all.
    """
    estimator = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    change = detail = 0.0
    counted, errors = 0, []
    x, y = np.meshgrid(np.arange(now.shape[2], dtype=np.float32), np.arange(now.shape[1], dtype=np.float32))
    above = y < (1 - BONNET) * now.shape[1]
    for k, flow in enumerate(flows):
        moves = flow.seen & above & (np.hypot(flow.right, flow.down) >= LEAST_FLOW)
        moves = moves if looked_at is None else moves & looked_at[k]
        if not moves.any():
            continue
        grey, earlier = _soft(now[k]), _soft(before[k])
        gradient = np.hypot(cv2.Sobel(grey, cv2.CV_32F, 1, 0) / 8, cv2.Sobel(grey, cv2.CV_32F, 0, 1) / 8)
        moved = cv2.remap(earlier, x + flow.right, y + flow.down, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
        change += float(np.abs(grey - moved)[moves].sum())
        detail += float(gradient[moves].sum()) + 0.5 * float(moves.sum())  # half a level: flat pictures have no detail
        counted += int(moves.sum())
        clear = moves & (gradient >= _LEAST_DETAIL)
        if clear.any():
            measured = estimator.calc(_byte(grey), _byte(earlier), np.zeros((*grey.shape, 2), np.float32))
            errors.append(np.hypot(measured[..., 0] - flow.right, measured[..., 1] - flow.down)[clear])
    return Steadiness(
        change / detail if detail else float("nan"),
        float(np.median(np.concatenate(errors))) if errors else float("nan"),
        counted / max(now[..., 0].size, 1),
    )


def _soft(picture: np.ndarray) -> np.ndarray:
    return np.asarray(cv2.GaussianBlur(luma(picture).astype(np.float32), (0, 0), _SOFT))


def _byte(grey: np.ndarray) -> np.ndarray:
    return np.asarray(grey.round().clip(0, 255).astype(np.uint8))
