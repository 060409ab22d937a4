"""What a picture is made of: the surroundings that stand still and the moment that passes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from drivesim.roadside.roadside import Roadside
from drivesim.scene.camera import Camera
from drivesim.world.ground.surface import Surface
from drivesim.world.light.lighting import Lighting
from drivesim.world.light.sky import Backdrop
from drivesim.world.render.geometry import Geometry
from drivesim.world.roadside.scenery import Scenery


@dataclass(frozen=True)
class Surroundings:
    """What stands still in a world: what is beside the road, as things and as meshes, the ground, the light, the horizon."""

    roadside: Roadside
    lighting: Lighting
    surface: Surface
    backdrop: Backdrop
    scenery: Scenery


@dataclass(frozen=True)
class Moment:
    """The world at one time (s), seen by the ego from `pose` (world x, y in m, heading in rad), `s` m along the road.

    `vehicles`, one object each, in the ego frame; of each: track, kind int64 [n] (index into KINDS); vehicle_s, vehicle_d (m, road
    coordinates), heading (rad from the road's direction), yaw (rad in the ego frame) [n]; place [n 2] of its middle in the ego
    frame (m); braking, parked bool [n]; paint float32 [n 3] and lamps uint8 [n] as in Boxes.
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
