"""The road ahead: setting, lanes, curvature, and road coordinates (ahead along, left of the ego's lane centre)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from drivesim.scene.geometry import plane_to_road, road_to_plane

Setting = Literal["highway", "city", "residential", "rural"]
SETTINGS: tuple[Setting, ...] = get_args(Setting)
LANE_WIDTH: dict[Setting, float] = {"highway": 3.7, "city": 3.3, "residential": 3.2, "rural": 3.4}  # m
DASHES: dict[Setting, tuple[float, float]] = {  # m: length of a dash between lanes, which lies in mid-period, and the period
    "highway": (3.0, 12.2),
    "city": (2.5, 7.5),
    "residential": (2.5, 7.5),
    "rural": (3.0, 12.0),
}
ROADSIDE: dict[Setting, float] = {"highway": 10.0, "city": 2.5, "residential": 2.0, "rural": 5.5}
"""m beyond the outermost lanes of both directions: about where the middle of what stands beside roads is in the world."""
MAX_LANES = 5
MAX_CURVATURE = 0.02  # 1/m, a bend of 50 m radius


@dataclass(frozen=True)
class Road:
    """`lanes` in the direction of travel (1 to 5); `ego_lane` counted from the left, from 1; traffic keeps right.

    `curvature` in 1/m, positive bends to the left, constant over the view.
    """

    setting: Setting = "highway"
    lanes: int = 2
    ego_lane: int = 1
    curvature: float = 0.0

    @property
    def lane_width(self) -> float:
        """Width of a lane in metres."""
        return LANE_WIDTH[self.setting]

    def lane_center(self, lane: int) -> float:
        """Metres left of the ego's lane centre at which `lane` (1 is the leftmost) has its centre."""
        return (self.ego_lane - lane) * self.lane_width

    def heading(self, ahead: np.ndarray | float) -> np.ndarray:
        """Direction of the road at `ahead` metres, in radians from the ego's, positive to the left."""
        return np.asarray(ahead, np.float64) * self.curvature

    def to_plane(self, ahead: np.ndarray | float, left: np.ndarray | float) -> np.ndarray:
        """Road coordinates (m) to ego-frame x, y (m) [... 2]; exact for the circular arc."""
        ahead, left, curvature = (np.asarray(value, np.float64) for value in (ahead, left, self.curvature))
        return np.stack(road_to_plane(ahead, left, curvature), axis=-1)

    def from_plane(self, point: np.ndarray) -> tuple[float, float]:
        """Ego-frame x, y (m) [2] to road coordinates ahead, left (m): the inverse of `to_plane` within half a turn."""
        x, y, curvature = (np.asarray(value, np.float64) for value in (*point, self.curvature))
        ahead, left = plane_to_road(x, y, curvature)
        return float(ahead), float(left)
