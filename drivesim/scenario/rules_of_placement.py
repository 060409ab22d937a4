"""Rules of what stands where: vehicles within the frame, apart from each other, on a road that has such lanes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from shapely import Polygon
from shapely import box as rectangle

from drivesim.scenario.first_frame_boxes import FRAME_SIZE, first_frame_boxes
from drivesim.scenario.sections import (
    LANES,
    BoxedVehicle,
    LookSection,
    PlacedVehicle,
    RoadSection,
    Vehicle,
)
from drivesim.scene.boxes import FRAME, cuboid_corners, silhouette
from drivesim.scene.camera import Camera
from drivesim.scene.road import Road
from drivesim.scene.vehicles import SIZES
from drivesim.video_format import FRAME_HEIGHT, FRAME_WIDTH, MAX_VEHICLES

Location = tuple[str | int, ...]

EGO_CUBOID = np.array([-0.65, 0.0, 0.725, 4.7, 1.82, 1.45, 0.0])  # a sedan with the camera behind its windscreen
MIN_SIDE = 8.0  # px of the 1024x512 frame
MAX_OVERLAP = 0.05  # m2 of two footprints: touching is not yet inside each other
SAME_BOX = 0.9  # intersection over union above which two boxes mean one vehicle


@dataclass(frozen=True)
class Conflict:
    """What is wrong, and the path of keys to where the user can mend it."""

    location: Location
    message: str


def conflicts(
    look: LookSection | None, road: RoadSection | None, camera: Camera | None, vehicles: Mapping[int, Vehicle]
) -> list[Conflict]:
    """Everything that contradicts something else; a broken section is None.

    `vehicles` by their index in the file, without the broken ones.
    """
    found: list[Conflict] = []
    if road is not None and not LANES[road.setting][0] <= road.lanes <= LANES[road.setting][1]:
        low, high = LANES[road.setting]
        message = f"lanes is {road.lanes}, but a {road.setting} road has {low} to {high} lanes in the direction of travel"
        found.append(Conflict(("road", "lanes"), f"{message}; change lanes or setting"))
    if road is not None and road.ego_lane > road.lanes:
        message = f"ego_lane is {road.ego_lane}, but the road has lanes: {road.lanes}; lower it or add lanes"
        found.append(Conflict(("road", "ego_lane"), message))
    sound: dict[int, Vehicle] = {}
    for i, vehicle in vehicles.items():
        if isinstance(vehicle, BoxedVehicle):
            faults = _box_faults(vehicle)
        elif road is not None and camera is not None:
            faults = _placement_faults(vehicle, road.model(), camera)
        else:
            continue
        spot: Location = ("vehicles", i, "box" if isinstance(vehicle, BoxedVehicle) else "ahead")
        found += [Conflict(spot, f"{_name(i, vehicle)} {fault}") for fault in faults]
        if not faults:
            sound[i] = vehicle
    if road is not None:
        found += _overlaps(vehicles, road.model())
    if road is not None and camera is not None:
        found += _same_boxes(sound, road.model(), camera)
        count = first_frame_boxes(tuple(sound.values()), road.model(), camera).crowdedness
        if look is not None and look.crowdedness < count <= MAX_VEHICLES:
            message = f"crowdedness is {look.crowdedness}, but {count} of the vehicles count; make it at least {count}"
            found.append(Conflict(("look", "crowdedness"), message))
    return found


def _name(index: int, vehicle: Vehicle) -> str:
    return f"vehicle {index + 1} ({vehicle.kind})"


def _pixels(bounds: np.ndarray) -> str:
    x1, y1, x2, y2 = bounds
    return f"x {x1:.0f} to {x2:.0f}, y {y1:.0f} to {y2:.0f}"


def _box_faults(vehicle: BoxedVehicle) -> list[str]:
    x1, y1, x2, y2 = vehicle.box
    if x2 <= x1 or y2 <= y1:
        axis = "x2 must exceed x1" if x2 <= x1 else "y2 must exceed y1"
        return [f"has a box without area: {axis}; a box is [x1, y1, x2, y2] from the top left corner"]
    if min(x1, y1) < 0 or x2 > FRAME_WIDTH or y2 > FRAME_HEIGHT:
        inside = np.clip(vehicle.box, 0, [FRAME_WIDTH, FRAME_HEIGHT] * 2)
        seen = inside[2] > inside[0] and inside[3] > inside[1]
        remedy = f"cut it to [{', '.join(f'{v:g}' for v in inside)}]" if seen else "no part of it is inside"
        return [f"has a box that leaves the {FRAME_WIDTH}x{FRAME_HEIGHT} frame; {remedy}"]
    if min(x2 - x1, y2 - y1) < MIN_SIDE:
        return [f"has a box of {x2 - x1:g}x{y2 - y1:g} px; it needs at least {MIN_SIDE:g}x{MIN_SIDE:g} px to be drawn"]
    return []


def _placement_faults(vehicle: PlacedVehicle, road: Road, camera: Camera) -> list[str]:
    cuboid = vehicle.placement().cuboid(road)
    if _footprint(cuboid).intersection(_footprint(EGO_CUBOID)).area > MAX_OVERLAP:
        clear = EGO_CUBOID[0] + (EGO_CUBOID[3] + SIZES[vehicle.kind][0]) / 2
        return [f"stands on top of the ego, the car that carries the camera; move it aside, or ahead of {clear:.1f} m"]
    outline = silhouette(camera, cuboid)
    if outline is None:
        return [f'is out of view, {-cuboid[0]:.1f} m behind the camera; give it a larger "ahead"']
    bounds = np.asarray(outline.bounds) * FRAME_SIZE
    inside = outline.intersection(FRAME)
    if inside.area == 0:
        sides = ((bounds[0] >= FRAME_WIDTH, "right of"), (bounds[2] <= 0, "left of"),
                 (bounds[1] >= FRAME_HEIGHT, "below"), (bounds[3] <= 0, "above"))  # fmt: skip
        side = next((name for outside, name in sides if outside), "beside")
        where = f"it would be at {_pixels(bounds)}, {side} the {FRAME_WIDTH}x{FRAME_HEIGHT} frame"
        return [f'is out of view: {where}; give it a larger "ahead", or a "left" nearer to 0']
    seen = np.asarray(inside.bounds) * FRAME_SIZE
    if min(seen[2] - seen[0], seen[3] - seen[1]) < MIN_SIDE:
        size = f"{seen[2] - seen[0]:.0f}x{seen[3] - seen[1]:.0f} px would be seen of it, at {_pixels(seen)}"
        nearer = "place it nearer" if np.allclose(seen, bounds) else "place it more inside the frame"
        return [f"is hardly in view: {size}; {nearer} ({MIN_SIDE:g}x{MIN_SIDE:g} px are needed)"]
    return []


def _footprint(cuboid: np.ndarray) -> Polygon:
    return Polygon(cuboid_corners(cuboid)[[0, 2, 6, 4], :2])


def _overlaps(vehicles: Mapping[int, Vehicle], road: Road) -> list[Conflict]:
    placed = {i: v for i, v in vehicles.items() if isinstance(v, PlacedVehicle)}
    footprints = {i: _footprint(v.placement().cuboid(road)) for i, v in placed.items()}
    found = []
    for i, j in combinations(placed, 2):
        area = footprints[i].intersection(footprints[j]).area
        if area > MAX_OVERLAP:
            message = f"{_name(j, placed[j])} stands inside {_name(i, placed[i])}: their footprints share {area:.1f} m2"
            found.append(Conflict(("vehicles", j, "ahead"), f"{message}; move them apart"))
    return found


def _same_boxes(vehicles: Mapping[int, Vehicle], road: Road, camera: Camera) -> list[Conflict]:
    """Pairs of almost the same box, one or both given in pixels (placed ones are judged by their footprints)."""
    outlines = {i: rectangle(*first_frame_boxes((v,), road, camera).box[0]) for i, v in vehicles.items()}
    found = []
    for i, j in combinations(vehicles, 2):
        if isinstance(vehicles[i], PlacedVehicle) and isinstance(vehicles[j], PlacedVehicle):
            continue
        shared = outlines[i].intersection(outlines[j]).area / outlines[i].union(outlines[j]).area
        if shared > SAME_BOX:
            key = "box" if isinstance(vehicles[j], BoxedVehicle) else "ahead"
            message = f"{_name(j, vehicles[j])} has nearly the same box as {_name(i, vehicles[i])}; remove one of them"
            found.append(Conflict(("vehicles", j, key), message))
    return found
