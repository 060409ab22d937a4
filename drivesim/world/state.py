"""What a picture is made of: the surroundings that stand still and the moment that passes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from drivesim.roadside.roadside import Roadside
from drivesim.scene.camera import Camera
from drivesim.scene.vehicles import KINDS, SIZES
from drivesim.world.ground.surface import Surface
from drivesim.world.light.lighting import Lighting
from drivesim.world.light.sky import Backdrop
from drivesim.world.render.geometry import Geometry
from drivesim.world.roadside.scenery import Scenery

SIZE_TABLE = np.array([SIZES[kind] for kind in KINDS])


@dataclass(frozen=True)
class Surroundings:
    """What does not change in a world."""

    roadside: Roadside
    lighting: Lighting
    surface: Surface
    backdrop: Backdrop
    scenery: Scenery


@dataclass(frozen=True)
class Moment:
    """The world at one time: pose of the ego (world x, y, heading), its s and d; vehicles, one object each, in the ego frame.

    track, kind int64 [n]; s, d, heading (rad from the road's direction), yaw (rad in the ego frame) [n]; place [n 2] in the
    ego frame; braking bool [n]; parked bool [n]; paint float32 [n 3] and lamps uint8 [n] as in Boxes.
    """

    time: float
    pose: tuple[float, float, float]
    s: float
    camera: Camera
    vehicles: Geometry
    track: np.ndarray
    kind: np.ndarray
    vehicle_s: np.ndarray
    vehicle_d: np.ndarray
    heading: np.ndarray
    yaw: np.ndarray
    place: np.ndarray
    braking: np.ndarray
    parked: np.ndarray
    paint: np.ndarray
    lamps: np.ndarray
