"""Vehicles between picture and road: where a pixel stands on the ground, and which vehicle on the road a drawn box is."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from shapely import box as rectangle

from drivesim.config import InputError
from drivesim.scenario.first_frame_boxes import first_frame_boxes
from drivesim.scenario.sections import BoxedVehicle, PlacedVehicle, Vehicle
from drivesim.scene.boxes import silhouette
from drivesim.scene.camera import Camera
from drivesim.scene.road import Road
from drivesim.scene.vehicles import SIZES, Kind, Placement
from drivesim.video_format import FRAME_HEIGHT, FRAME_WIDTH

NEAREST, FARTHEST = 3.0, 150.0  # m from the camera at which a drawn box may stand
ALIKE = 0.4  # intersection over union above which a drawn box is the vehicle on the road that fits it best
SIZE = np.array([FRAME_WIDTH, FRAME_HEIGHT] * 2, np.float64)


def heading_at(road: Road, left: float) -> float:
    """Degrees from the road's direction of a new vehicle so far left: 180, oncoming, beyond the ego's own carriageway."""
    return 180.0 if left > road.lane_center(1) + road.lane_width / 2 else 0.0


def ground_at(spot: Sequence[float], road: Road, camera: Camera) -> tuple[float, float] | None:
    """Ahead and left (m) of the ground at a pixel x, y of the frame; None at the horizon and above it."""
    place = camera.ground(spot[0] / FRAME_WIDTH, spot[1] / FRAME_HEIGHT)
    return None if place is None else road.from_plane(place)


def placed(kind: Kind, ahead: float, left: float, road: Road) -> PlacedVehicle:
    """A new vehicle at that place, driving as traffic does there."""
    return PlacedVehicle(ahead=round(ahead, 1), left=round(left, 1), heading=heading_at(road, left), kind=kind)


def drawn(box: Sequence[float], kind: Kind, road: Road, camera: Camera) -> Vehicle:
    """The vehicle that a box [x1 y1 x2 y2] (px) drawn by hand stands for: one on the road if a true size fits, else the box."""
    column = ground_at(((box[0] + box[2]) / 2, max(box[3], camera.horizon * FRAME_HEIGHT + 4)), road, camera)
    heading = 0.0 if column is None else heading_at(road, column[1])
    vehicle, share = fitted(box, kind, heading, road, camera)
    return vehicle if share >= ALIKE else BoxedVehicle(box=tuple(float(v) for v in box), heading=heading, kind=kind)


def fitted(
    box: Sequence[float], kind: Kind, heading: float, road: Road, camera: Camera, from_ego: bool = False
) -> tuple[PlacedVehicle, float]:
    """The vehicle on the road whose box overlaps best with `box` (px), and by how much (intersection over union).

    `heading` in degrees from the road's direction, or from the ego's with `from_ego`. A vehicle is looked for in the
    column of the box, from NEAREST to FARTHEST metres.
    """
    asked = rectangle(*(np.asarray(box, np.float64) / SIZE))
    middle = (box[0] + box[2]) / 2

    def at(distance: float) -> tuple[PlacedVehicle, float]:
        left = -(middle / FRAME_WIDTH - 0.5) / camera.focal * distance
        for _ in range(3):
            ahead, aside = road.from_plane(np.array([distance, left]))
            own = heading - float(np.degrees(road.heading(ahead))) if from_ego else heading
            own = (own + 180) % 360 - 180
            outline = silhouette(camera, Placement(ahead, aside, own, kind).cuboid(road))
            if outline is None:
                break
            seen = (outline.bounds[0] + outline.bounds[2]) / 2
            left += (seen - middle / FRAME_WIDTH) * max(distance - SIZES[kind][0] / 2, 1.0) / camera.focal  # of the near face
        vehicle = PlacedVehicle(ahead=round(ahead, 1), left=round(float(np.clip(aside, -60, 60)), 1), heading=round(own), kind=kind)
        bounds = box_of(vehicle, road, camera)
        if bounds is None:
            return vehicle, 0.0
        other = rectangle(*(bounds / SIZE))
        return vehicle, asked.intersection(other).area / asked.union(other).area

    return _best(at)


def _best(at: Callable[[float], tuple[PlacedVehicle, float]]) -> tuple[PlacedVehicle, float]:
    """The best of all distances: the best of a coarse row, then ever finer around it."""
    distances, step = np.geomspace(NEAREST, FARTHEST, 22), (FARTHEST / NEAREST) ** (1 / 21)
    tried = [(at(distance), distance) for distance in distances]
    (best, share), distance = max(tried, key=lambda item: item[0][1])
    while step > 1.003:
        step **= 0.5
        for near in (distance / step, distance * step):
            vehicle, other = at(near)
            if other > share:
                best, share, distance = vehicle, other, near
    return best, share


def box_of(vehicle: Vehicle, road: Road, camera: Camera) -> np.ndarray | None:
    """The box [x1 y1 x2 y2] (px) of a vehicle in the frame; None out of view."""
    boxes = first_frame_boxes((vehicle,), road, camera)
    return boxes.box[0].astype(np.float64) * SIZE if len(boxes) else None


def as_box(vehicle: PlacedVehicle, road: Road, camera: Camera) -> BoxedVehicle:
    """The same vehicle as a pixel box, its heading from the ego; InputError out of view."""
    box = box_of(vehicle, road, camera)
    if box is None:
        raise InputError("this vehicle is out of view and has no box; move it into view first")
    heading = (vehicle.heading + float(np.degrees(road.heading(vehicle.ahead))) + 180) % 360 - 180
    return BoxedVehicle(box=tuple(np.rint(box).tolist()), heading=float(round(heading)), kind=vehicle.kind)


def as_placed(vehicle: BoxedVehicle, road: Road, camera: Camera) -> PlacedVehicle:
    """The vehicle on the road that fits a pixel box best; InputError where none comes near."""
    found, share = fitted(vehicle.box, vehicle.kind, vehicle.heading, road, camera, from_ego=True)
    if share < ALIKE / 2:
        raise InputError(f"no {vehicle.kind} on this road has such a box; move it onto the road, or change its kind")
    return found
