"""The layout of what the world renders: what layout maps are compared with its pictures by."""

from __future__ import annotations

import numpy as np

from drivesim.layout.scene_at import SceneAt, Vehicles
from drivesim.scene.geometry import Pose
from drivesim.scene.vehicles import KINDS, SIZES
from drivesim.traffic.paint import paints
from drivesim.traffic.vehicle_lamps import lamps
from drivesim.world.generator import World


def scene_of(world: World, moment) -> SceneAt:
    """The layout's scene of a moment of a world."""
    pose = Pose(*map(np.asarray, moment.pose))
    return SceneAt.beside(world.surroundings.roadside, moment.s, pose, moment.camera, vehicles_of(world, moment))


def vehicles_of(world: World, moment) -> Vehicles:
    sizes = np.array([SIZES[kind] for kind in KINDS])[moment.kind]
    cuboid = np.concatenate([moment.place, sizes[:, 2:] / 2, sizes, moment.yaw[:, None]], axis=1)
    night = world.time_of_day == "night"
    none = np.zeros(len(moment.track), np.int64)
    lit = lamps(moment.track, moment.braking, none, moment.parked, night, moment.time)
    return Vehicles(moment.track, moment.kind, cuboid, paints(world.seed, moment.kind, moment.track), lit.bits)
