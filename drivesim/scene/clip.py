"""A clip: pictures with everything that is known about them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from drivesim.scene.boxes import Boxes
from drivesim.scene.camera import Camera
from drivesim.scene.road import Road

TimeOfDay = Literal["day", "night"]
TIMES_OF_DAY: tuple[TimeOfDay, ...] = get_args(TimeOfDay)


@dataclass(frozen=True)
class EgoMotion:
    """Motion of the ego, float32 [f]: speed (m/s), yaw_rate (rad/s, positive left), curvature of its road (1/m).

    `along` (m) is its place along the road, counted from where a period of the dashes begins (see scene.road.DASHES).
    """

    speed: np.ndarray
    yaw_rate: np.ndarray
    curvature: np.ndarray
    along: np.ndarray


@dataclass(frozen=True)
class Clip:
    """`frames` uint8 RGB [f h w 3]; `boxes` one table a frame; `depth` float16 m [f h w] where it is known.

    `road.curvature` is that of the first frame; `ego.curvature` has every frame's. `source` says what made the clip
    ("world 1, seed 7", a file name).
    """

    frames: np.ndarray
    fps: float
    time_of_day: TimeOfDay
    road: Road
    camera: Camera
    boxes: tuple[Boxes, ...]
    ego: EgoMotion
    source: str
    depth: np.ndarray | None = None
