"""Scenes of the tests: a straight road with what a test puts on it."""

from __future__ import annotations

import numpy as np

from drivesim.layout.course import Course
from drivesim.layout.scene_at import SceneAt, Vehicles
from drivesim.layout.solid_faces import Shape, Solids
from drivesim.layout.strips import Strips
from drivesim.scene.camera import Camera
from drivesim.scene.classes import SceneClass
from drivesim.scene.geometry import Pose
from drivesim.scene.road import Road
from drivesim.scene.vehicles import KINDS, Kind, Placement

CAMERA = Camera(1.5, 0.0, 60.0)


def pose(x: float = 0.0, y: float = 0.0, yaw: float = 0.0) -> Pose[np.ndarray]:
    return Pose(*map(np.asarray, (x, y, yaw)))


def vehicles(*rows: tuple[float, float, float, Kind], lamps: int = 0, road: Road | None = None) -> Vehicles:
    """Rows ahead, left (m), heading (degrees), kind; tracks count from 0."""
    placed = [Placement(*row).cuboid(road or Road()) for row in rows]
    count = len(rows)
    kind = np.array([KINDS.index(row[3]) for row in rows], np.int64)
    paint = np.tile(np.array([0.2, 0.4, 0.8], np.float32), (count, 1))
    return Vehicles(np.arange(count), kind, np.array(placed).reshape(-1, 7), paint, np.full(count, lamps, np.uint8))


def solid(
    shape: Shape, what: SceneClass, place: tuple[float, float, float], size: tuple[float, float, float]
) -> Solids:
    return Solids(np.array([shape], np.int64), np.array([what], np.uint8), np.array([place]), np.zeros(1), np.array([size]),
                  np.zeros((0, 4, 2)), np.zeros(0, np.uint8))  # fmt: skip


def scene(
    road: Road | None = None, solids: Solids | None = None, cars: Vehicles | None = None, at: Pose[np.ndarray] | None = None,
    camera: Camera = CAMERA, along: float = 0.0,
) -> SceneAt:  # fmt: skip
    road, solids = road or Road(), Solids.none() if solids is None else solids
    return SceneAt(at or pose(), camera, Course.of(road), along, Strips.plain(road), solids, cars or vehicles())
