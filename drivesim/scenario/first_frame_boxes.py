"""The boxes of a scenario's first frame, of vehicles on the road and of those given in pixels."""

from __future__ import annotations

import numpy as np

from drivesim.scenario.sections import PlacedVehicle, Vehicle
from drivesim.scene.boxes import Boxes, project_cuboids
from drivesim.scene.camera import Camera
from drivesim.scene.road import Road
from drivesim.scene.vehicles import KINDS
from drivesim.video_format import FRAME_HEIGHT, FRAME_WIDTH

FRAME_SIZE = np.array([FRAME_WIDTH, FRAME_HEIGHT] * 2, np.float64)


def first_frame_boxes(vehicles: tuple[Vehicle, ...], road: Road, camera: Camera) -> Boxes:
    """The vehicles that are in view, sorted near to far, with track ids 0, 1, ... in that order.

    A placed vehicle is hidden by nearer placed ones. A pixel box is taken as given: wholly visible, as far away as flat
    ground is at its bottom edge, cuboid unknown (NaN).
    """
    if not vehicles:
        return Boxes.none()
    n = len(vehicles)
    box, cuboid = np.full((n, 4), np.nan), np.full((n, 7), np.nan)
    visible, distance, heading = np.ones(n), np.zeros(n), np.zeros(n)
    placed = [i for i, vehicle in enumerate(vehicles) if isinstance(vehicle, PlacedVehicle)]
    for i, vehicle in enumerate(vehicles):
        if isinstance(vehicle, PlacedVehicle):
            cuboid[i] = vehicle.placement().cuboid(road)
            distance[i], heading[i] = np.hypot(*cuboid[i, :2]), cuboid[i, 6]
        else:
            box[i] = np.asarray(vehicle.box) / FRAME_SIZE
            distance[i], heading[i] = ground_distance(camera, box[i]), np.radians(vehicle.heading)
    if placed:
        box[placed], visible[placed] = project_cuboids(camera, cuboid[placed])
    order = np.argsort(distance, kind="stable")
    order = order[~np.isnan(box[order, 0])]
    kind = np.array([KINDS.index(vehicle.kind) for vehicle in vehicles], np.int64)
    f32 = np.float32
    return Boxes(np.arange(len(order)), kind[order], box[order].astype(f32), heading[order].astype(f32),
                 visible[order].astype(f32), cuboid[order].astype(f32))  # fmt: skip


def ground_distance(camera: Camera, box: np.ndarray) -> float:
    """Metres to the flat ground at the bottom edge of `box` (frame fractions); inf above the horizon."""
    place = camera.ground((box[0] + box[2]) / 2, box[3])
    return np.inf if place is None else float(np.hypot(*place))
