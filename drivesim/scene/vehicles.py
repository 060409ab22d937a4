"""Vehicles: their kinds, sizes and places on the road."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from drivesim.scene.road import Road

Kind = Literal["sedan", "hatchback", "suv", "van", "truck", "bus"]
PaintName = Literal[
    "white", "silver", "grey", "black", "red", "blue", "green", "yellow", "orange", "brown", "beige"
]  # fmt: skip
KINDS: tuple[Kind, ...] = get_args(Kind)
SIZES: dict[Kind, tuple[float, float, float]] = {  # length, width, height in m
    "sedan": (4.7, 1.82, 1.45),
    "hatchback": (4.1, 1.76, 1.50),
    "suv": (4.7, 1.92, 1.72),
    "van": (5.4, 2.00, 2.30),
    "truck": (9.0, 2.50, 3.60),
    "bus": (11.5, 2.55, 3.10),
}
SIZE_TABLE = np.array([SIZES[kind] for kind in KINDS])  # [6 3], by index in KINDS
KIND_COLOURS: dict[Kind, tuple[int, int, int]] = {  # RGB in which people are shown the boxes of each kind
    "sedan": (86, 180, 233),
    "hatchback": (31, 181, 138),
    "suv": (240, 228, 66),
    "van": (240, 147, 43),
    "truck": (157, 141, 241),
    "bus": (224, 123, 176),
}


@dataclass(frozen=True)
class Placement:
    """A vehicle on the road: its centre `ahead` and `left` of the ego in road coordinates (m).

    `heading` in degrees from the road's direction, positive to the left; 180 is an oncoming vehicle.
    """

    ahead: float
    left: float
    heading: float = 0.0
    kind: Kind = "sedan"

    def cuboid(self, road: Road) -> np.ndarray:
        """The vehicle's cuboid [7]: centre x, y, z, length, width, height (m), yaw (rad) in the ego frame."""
        x, y = road.to_plane(self.ahead, self.left)
        length, width, height = SIZES[self.kind]
        yaw = math.radians(self.heading) + float(road.heading(self.ahead))
        return np.array([x, y, height / 2, length, width, height, yaw])
