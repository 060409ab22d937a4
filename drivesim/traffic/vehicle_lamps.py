"""The lamps of vehicles: who shines which, as a function of the traffic's state and the hour."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

BRAKE, HEAD, TAIL, LEFT, RIGHT = (1 << bit for bit in range(5))
"""Bits of what is lit at one moment: an indicator that blinks is lit half of the time."""


@dataclass(frozen=True)
class Lamps:
    """bool [n] each: lit now. `left` and `right` are the indicators as the driver sees them."""

    brake: np.ndarray
    head: np.ndarray
    tail: np.ndarray
    left: np.ndarray
    right: np.ndarray

    @property
    def bits(self) -> np.ndarray:
        """All in one number, uint8 [n]: the sum of BRAKE, HEAD, TAIL, LEFT, RIGHT."""
        pairs = ((self.brake, BRAKE), (self.head, HEAD), (self.tail, TAIL), (self.left, LEFT), (self.right, RIGHT))
        return np.stack([lit * bit for lit, bit in pairs]).sum(axis=0).astype(np.uint8)


def lamps(
    track: np.ndarray, braking: np.ndarray, indicator: np.ndarray, parked: np.ndarray, night: bool, time: float
) -> Lamps:
    """Lamps of vehicles [n] at `time` (s). Parked ones are dark; by day every third drives with its headlamps lit."""
    awake = ~parked
    blinks = awake & ((time * 1.5 + track * 0.37) % 1.0 < 0.5)
    return Lamps(
        brake=awake & braking,
        head=awake & (night | (track % 3 == 0)),
        tail=awake & night,
        left=blinks & (indicator > 0),
        right=blinks & (indicator < 0),
    )
