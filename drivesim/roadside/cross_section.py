"""Cross-section of the road: what lies at which distance d (m, positive left) from the ego's first lane centre."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from drivesim.scene.road import Road

Median = Literal["line", "barrier", "rail", "grass", "kerb"]


@dataclass(frozen=True)
class CrossSection:
    """All d in m. Own lanes lie in [right, left], oncoming lanes in [near, far] with near >= left; edges are where paving ends.

    `parking_*` is the width of the parking strip beyond the outer lanes (0: none); `sidewalk` its width (0: no kerb).
    `junctions` is the mean distance between junctions (0: none).
    """

    lane_width: float
    lanes: int
    oncoming_lanes: int
    left: float
    right: float
    near: float
    far: float
    median: Median
    shoulder_left: float
    shoulder_right: float
    parking_left: float
    parking_right: float
    sidewalk: float
    junctions: float

    @property
    def edge_right(self) -> float:
        """d at which paving (or the kerb) ends on the right."""
        return self.right - self.shoulder_right - self.parking_right

    @property
    def edge_left(self) -> float:
        """d at which paving (or the kerb) ends on the far left."""
        return self.far + self.shoulder_right + self.parking_left

    @property
    def divided(self) -> bool:
        return self.median != "line"


def sample_cross_section(road: Road, rng: np.random.Generator) -> CrossSection:
    """A cross-section that suits the road's setting."""
    width = road.lane_width
    left = (road.ego_lane - 0.5) * width
    right = left - road.lanes * width
    oncoming, median, gap, parking, sidewalk, junctions = road.lanes, "line", 0.0, (0.0, 0.0), 0.0, 0.0
    shoulder_left, shoulder_right = 0.0, 0.0
    if road.setting == "highway":
        median = str(rng.choice(["barrier", "rail", "grass"], p=[0.5, 0.2, 0.3]))
        shoulder_left, shoulder_right = rng.uniform(0.8, 2.6), rng.uniform(1.8, 3.4)
        gap = 2 * shoulder_left + (
            0.8 if median == "barrier" else rng.uniform(3, 6) if median == "rail" else rng.uniform(8, 18)
        )
    elif road.setting == "city":
        if road.lanes > 1 and rng.random() < 0.35:
            median, gap = "kerb", rng.uniform(1.5, 4.0)
            shoulder_left = 0.3
        parking = (2.3 * (rng.random() < 0.5), 2.3 * (rng.random() < 0.55))
        shoulder_right = 0.5
        sidewalk, junctions = rng.uniform(2.5, 5.0), rng.uniform(80, 170)
    elif road.setting == "residential":
        parking = (2.2, 2.2)
        shoulder_right = 0.3
        sidewalk, junctions = rng.uniform(1.4, 2.2), rng.uniform(110, 260)
    else:
        shoulder_right = rng.uniform(0.3, 1.4)
    near = left + gap
    return CrossSection(
        width,
        road.lanes,
        oncoming,
        left,
        right,
        near,
        near + oncoming * width,
        median,  # type: ignore[arg-type]
        shoulder_left,
        shoulder_right,
        parking[0],
        parking[1],
        sidewalk,
        junctions,
    )
