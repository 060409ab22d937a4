"""Time to collision with the ego, from labels alone."""

from __future__ import annotations

import numpy as np

LEAST_CLOSING = 0.1  # m/s; slower is not closing


def times_to_collision(cuboid: np.ndarray, times: np.ndarray, front: float) -> np.ndarray:
    """Seconds until the ego meets a vehicle along the road, in whatever lane, if neither changes its speed, float64 [f].

    `cuboid` [f 7] of one vehicle as in Placement.cuboid at `times` [f] s, two at least; `front` m of the ego before its frame's
    origin. Infinite where the gap does not close, or the vehicle is not ahead.
    """
    x, length, width, yaw = (cuboid[:, column].astype(np.float64) for column in (0, 3, 4, 6))
    gap = x - 0.5 * (np.abs(np.cos(yaw)) * length + np.abs(np.sin(yaw)) * width) - front
    closing = -np.gradient(x, times)  # of the middles: who turns gets no faster by it
    closes = (gap > 0) & (closing > LEAST_CLOSING)
    return np.where(closes, gap / np.where(closes, closing, 1.0), np.inf)
