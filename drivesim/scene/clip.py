"""A clip: pictures, and labels that say what is known about them."""

from __future__ import annotations

from collections.abc import Sequence
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

    `along` (m) is its place along the road, counted from where a period of the dashes begins (see scene.road.DASHES). NaN
    where a value is not known.
    """

    speed: np.ndarray
    yaw_rate: np.ndarray
    curvature: np.ndarray
    along: np.ndarray


@dataclass(frozen=True)
class EgoPose:
    """Where the ego and its camera are in every frame, float64 [f].

    x, y (m) and heading (rad) in the plane of the alignment of its road (see roadside.alignment); height (m) and pitch
    (degrees) of the camera, as bumps and braking move it.
    """

    x: np.ndarray
    y: np.ndarray
    heading: np.ndarray
    height: np.ndarray
    pitch: np.ndarray


@dataclass(frozen=True)
class RoadsideKey:
    """What, with setting and lanes of its road, a roadside follows from (see roadside.Roadside.rebuilt).

    `curvature` (1/m) is that of the road at s = 0, which a clip need not show; `lamp_posts`: they stand along the road.
    """

    seed: int
    curvature: float
    lamp_posts: bool


@dataclass(frozen=True)
class ClipLabels:
    """What is known of the f frames of a clip; what is not known is None, or NaN in arrays, and never made up.

    `boxes` has one table a frame, None where nobody labelled the vehicles; `crowdedness` float32 [f] counts vehicles (see
    Boxes.crowdedness). `road.curvature` is that of the first frame; `ego.curvature` has every frame's. `source` says what made
    the clip ("world 1, seed 7", a file name); `caption` says in words what it shows.
    """

    fps: float
    time_of_day: TimeOfDay | None
    road: Road | None
    camera: Camera | None
    boxes: tuple[Boxes | None, ...]
    crowdedness: np.ndarray
    ego: EgoMotion
    source: str
    pose: EgoPose | None = None
    roadside: RoadsideKey | None = None
    caption: str | None = None

    def __len__(self) -> int:
        """Number of frames."""
        return len(self.boxes)


@dataclass(frozen=True)
class Clip:
    """`frames` uint8 RGB [f h w 3] and their labels; `depth` float16 m [f h w] where it is known."""

    frames: np.ndarray
    labels: ClipLabels
    depth: np.ndarray | None = None


def crowdedness_of(boxes: Sequence[Boxes | None]) -> np.ndarray:
    """Vehicles that count in each frame, float32 [f], where all vehicles of a frame have boxes; NaN where it has no table."""
    return np.array([np.nan if table is None else table.crowdedness for table in boxes], np.float32)
