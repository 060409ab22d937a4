"""Vehicles as faces: the bodies of all kinds in one table, of which each vehicle takes those that the camera sees."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np

from drivesim.layout.faces import Faces, normals, outward, stacked
from drivesim.layout.scene_at import Vehicles
from drivesim.layout.solid_faces import rectangles
from drivesim.layout.vehicles.shapes import body_of
from drivesim.scene.classes import SceneClass
from drivesim.scene.vehicles import KINDS, SIZE_TABLE


@dataclass(frozen=True, eq=False)
class _Bodies:
    """Faces of all kinds and then of all far ones, in their object frames: `start` [2 kinds + 1] where each kind's begin.

    corners [3 CORNERS f], normal [3 f], offset [f] as in Faces; face, lamp uint8 [f]; `bit` uint8 [f] (of traffic.vehicle_lamps)
    lights the lamp.
    """

    corners: np.ndarray
    normal: np.ndarray
    offset: np.ndarray
    face: np.ndarray
    lamp: np.ndarray
    bit: np.ndarray
    start: np.ndarray


@cache
def _bodies() -> _Bodies:
    builders = [body_of(kind, far) for far in (False, True) for kind in KINDS]
    corners = stacked([points for body in builders for points in body.corners])
    corners = outward(corners, np.array([toward for body in builders for toward in body.toward], np.float32).T)
    normal = normals(corners)
    face, lamp, bit = (
        np.array([value for body in builders for value in getattr(body, name)], np.uint8)
        for name in ("face", "lamp", "bit")
    )
    start = np.cumsum([0] + [len(body.corners) for body in builders])
    return _Bodies(corners, normal, (normal * corners[:, 0]).sum(axis=0), face, lamp, bit, start)



def vehicle_faces(vehicles: Vehicles, eye: np.ndarray, far: float) -> Faces:
    """Faces of the vehicles that look toward `eye` [3] and, of lamps, shine; in the ego frame, the owner is the row.

    Vehicles whose height is less than `far` times their distance have simple bodies.
    """
    bodies = _bodies()
    distance = np.hypot(vehicles.cuboid[:, 0], vehicles.cuboid[:, 1])
    body = vehicles.kind + len(KINDS) * (vehicles.cuboid[:, 5] < far * distance)
    first, count = bodies.start[body], np.diff(bodies.start)[body]
    owner = np.repeat(np.arange(len(vehicles)), count)
    index = np.arange(len(owner)) - np.repeat(np.cumsum(count) - count - first, count)
    x, y, z, length, width, height, yaw = vehicles.cuboid.T
    c, n = np.cos(yaw), np.sin(yaw)
    scale = np.stack([length, width, height]) / SIZE_TABLE[vehicles.kind].T
    foot = np.stack([x, y, z - height / 2])
    away = eye[:, None] - foot
    own = np.stack([away[0] * c + away[1] * n, -away[0] * n + away[1] * c, away[2]]) / scale
    toward = (bodies.normal.take(index, axis=1) * own.take(owner, axis=1)).sum(axis=0) > bodies.offset.take(
        index
    ) + 1e-4
    bit = bodies.bit.take(index)
    kept = np.flatnonzero(toward & ((bit == 0) | ((bit & vehicles.lamps.take(owner)) != 0)))
    owner, index = owner[kept], index[kept]
    c, n, scale, foot = (value.astype(np.float32).take(owner, axis=-1) for value in (c, n, scale, foot))
    corners = bodies.corners.take(index, axis=2) * scale[:, None]
    normal = bodies.normal.take(index, axis=1) / scale
    turned, facing = (np.stack([v[0] * c - v[1] * n, v[0] * n + v[1] * c, v[2]]) for v in (corners, normal))
    what = np.full(len(owner), SceneClass.VEHICLE, np.uint8)
    return Faces(turned + foot[:, None], facing, owner, what, bodies.face.take(index), bodies.lamp.take(index))


def vehicle_footprints(vehicles: Vehicles) -> np.ndarray:
    """Corners of what each vehicle covers on the ground [2 4 n], counter-clockwise, in the ego frame."""
    x, y, _, length, width, _, yaw = vehicles.cuboid.T
    return rectangles(np.stack([x, y]), yaw, np.stack([length, width]) / 2)
