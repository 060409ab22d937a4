"""What a layout map is made of: the place of the ego, its camera, the road, what stands beside it and the vehicles."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import IntEnum
from functools import lru_cache
from typing import Self

import numpy as np

from drivesim.layout.course import BACK, REACH, STEP, Course
from drivesim.layout.solid_faces import Solids
from drivesim.layout.strips import Strips
from drivesim.roadside.pavement import patches, strips
from drivesim.roadside.roadside import CELL, Roadside
from drivesim.roadside.solids import solids
from drivesim.scene.boxes import UNKNOWN_LAMPS
from drivesim.scene.camera import Camera
from drivesim.scene.clip import ClipLabels, RoadsideKey
from drivesim.scene.geometry import Pose
from drivesim.scene.road import Road


class Face(IntEnum):
    """Face of a vehicle that a pixel shows."""

    NONE = 0
    FRONT = 1
    REAR = 2
    LEFT = 3
    RIGHT = 4
    ROOF = 5


class Lamp(IntEnum):
    """Shining lamp that a pixel shows."""

    NONE = 0
    HEAD = 1
    TAIL = 2
    BRAKE = 3
    INDICATOR = 4


@dataclass(frozen=True, eq=False)
class Vehicles:
    """n vehicles in the ego frame: track int64 [n] (from 0); kind int64 [n] (index into KINDS); cuboid float64 [n 7] as
    Placement.cuboid; paint float32 [n 3] (sRGB in [0, 1]); lamps uint8 [n] (bits of traffic.vehicle_lamps)."""

    track: np.ndarray
    kind: np.ndarray
    cuboid: np.ndarray
    paint: np.ndarray
    lamps: np.ndarray

    @classmethod
    def none(cls) -> Self:
        """No vehicle."""
        whole = np.zeros(0, np.int64)
        return cls(whole, whole, np.zeros((0, 7)), np.zeros((0, 3), np.float32), np.zeros(0, np.uint8))

    def __len__(self) -> int:
        return len(self.track)

    def take(self, index: np.ndarray) -> Vehicles:
        """The rows of `index`, an integer or boolean array."""
        return Vehicles(self.track[index], self.kind[index], self.cuboid[index], self.paint[index], self.lamps[index])


@dataclass(frozen=True, eq=False)
class SceneAt:
    """One moment. `pose` is the ego in the plane in which `solids` stand; course and vehicles are in the ego frame. `along` is the
    ego's place on the road as in EgoMotion."""

    pose: Pose[np.ndarray]
    camera: Camera
    course: Course
    along: float
    strips: Strips
    solids: Solids = field(default_factory=Solids.none)
    vehicles: Vehicles = field(default_factory=Vehicles.none)

    @classmethod
    def beside(
        cls, roadside: Roadside, along: float, pose: Pose[np.ndarray], camera: Camera, vehicles: Vehicles
    ) -> Self:
        """The moment at which an ego that is `along` m along the road of `roadside` has `pose` in the plane of its alignment."""
        s = along + np.arange(-BACK, REACH + STEP, STEP)
        course = Course(np.stack(roadside.alignment.centre(s), axis=1)).seen_from(pose)
        return cls(pose, camera, course, along, _strips(roadside), _solids(roadside, roadside.cells(along)), vehicles)

    @classmethod
    def labelled(cls, labels: ClipLabels, frame: int) -> Self:
        """The moment of a frame of a clip whose labels know pose, camera, road, roadside and vehicles; ValueError if not."""
        pose, boxes = labels.pose, labels.boxes[frame]
        if pose is None or boxes is None or labels.road is None or labels.camera is None or labels.roadside is None:
            raise ValueError(f"{labels.source}: the labels do not know what stands and moves in frame {frame}")
        camera = Camera(float(pose.height[frame]), float(pose.pitch[frame]), labels.camera.field_of_view)
        lit = np.where(boxes.lamps == UNKNOWN_LAMPS, 0, boxes.lamps).astype(np.uint8)
        paint = np.where(np.isnan(boxes.paint), np.float32(0.5), boxes.paint)  # grey where nobody knows
        vehicles = Vehicles(boxes.track, boxes.kind, boxes.cuboid.astype(np.float64), paint, lit)
        roadside = _rebuilt(labels.roadside, replace(labels.road, curvature=0.0))
        place = Pose(pose.x[frame], pose.y[frame], pose.heading[frame])
        return cls.beside(roadside, float(labels.ego.along[frame]), place, camera, vehicles)


@lru_cache(maxsize=64)
def _rebuilt(key: RoadsideKey, road: Road) -> Roadside:
    return Roadside.rebuilt(key, road)


@lru_cache(maxsize=32)
def _strips(roadside: Roadside) -> Strips:
    rows, (dash, period) = strips(roadside)
    return Strips.of([(row.low, row.high, row.what, row.dashed) for row in rows], dash, period)


@lru_cache(maxsize=8)  # a window is gone over by prediction, by each interpolation and by labels
def _solids(roadside: Roadside, cells: range) -> Solids:
    """Solids and patches of these cells of a roadside, in the plane of its alignment."""
    first, last = cells[0] * CELL, cells[-1] * CELL
    table, flat = solids(roadside, first, last), patches(roadside, first, last + CELL)
    s = np.array([[row.start, row.end, row.end, row.start] for row in flat]).reshape(-1, 4)
    d = np.array([[row.low, row.low, row.high, row.high] for row in flat]).reshape(-1, 4)
    x, y, _ = roadside.alignment.to_world(s, d)
    what = np.array([row.what for row in flat], np.uint8)
    return Solids(table.shape, table.what, table.place, table.yaw, table.size, np.stack([x, y], axis=-1), what)
