"""The picture of the editor: vehicles as boxes on it and back, and the guide that shows the road behind them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import cv2
import numpy as np

from drivesim.scene.camera import NEAR, Camera
from drivesim.scene.consistency import first_frame_boxes
from drivesim.scene.road import Road
from drivesim.scene.sections import FRAME_HEIGHT, FRAME_WIDTH, BoxedVehicle, Vehicle
from drivesim.scene.traffic import KINDS

SIZE = np.array([FRAME_WIDTH, FRAME_HEIGHT] * 2)  # px
SHIFT = 4  # bits of a pixel's fraction in the coordinates given to OpenCV
STILL = 1.5  # px; a box whose edges are all this near to where it was shown has not been moved

DIRECTIONS = {"": 0.0, " oncoming": 180.0, " to the left": 90.0, " to the right": -90.0}  # degrees
LABELS = {kind + words: (kind, heading) for words, heading in DIRECTIONS.items() for kind in KINDS}
_PALETTE = ((77, 171, 247), (56, 217, 169), (255, 212, 59), (255, 146, 43), (240, 101, 149), (177, 151, 252))
COLORS = dict(zip(KINDS, _PALETTE, strict=True))

Annotation = dict[str, Any]  # label, xmin, ymin, xmax, ymax (px), color: a box of the annotator component


@dataclass(frozen=True)
class Draft:
    """A vehicle, its heading from the ego's direction (degrees) and its box [x1 y1 x2 y2] (px; None out of view)."""

    vehicle: Vehicle
    heading: float
    box: tuple[float, ...] | None

    @property
    def label(self) -> str:
        """Kind and the nearest of the four directions."""
        return self.vehicle.kind + min(DIRECTIONS, key=lambda words: _turn(self.heading, DIRECTIONS[words]))


def _turn(a: float, b: float) -> float:
    """Degrees between two headings."""
    return abs((a - b + 180) % 360 - 180)


def drafts(vehicles: Iterable[Vehicle], road: Road, camera: Camera) -> list[Draft]:
    """Vehicles as they are shown on this road by this camera; those in metres stay in metres."""
    return [_draft(vehicle, road, camera) for vehicle in vehicles]


def _draft(vehicle: Vehicle, road: Road, camera: Camera) -> Draft:
    if isinstance(vehicle, BoxedVehicle):
        return Draft(vehicle, vehicle.heading, tuple(vehicle.box))
    boxes = first_frame_boxes((vehicle,), road, camera)
    heading = (vehicle.heading + np.degrees(float(road.heading(vehicle.ahead))) + 180) % 360 - 180
    return Draft(vehicle, round(heading, 2), tuple((boxes.box[0] * SIZE).tolist()) if len(boxes) else None)


def boxes_of(shown: Iterable[Draft]) -> list[Annotation]:
    """The boxes that the annotator draws."""
    edges = ("xmin", "ymin", "xmax", "ymax")
    return [
        {"label": draft.label, "color": COLORS[draft.vehicle.kind], **dict(zip(edges, map(round, draft.box), strict=True))}
        for draft in shown
        if draft.box is not None
    ]


def edited(shown: Sequence[Draft], boxes: Iterable[Annotation]) -> list[Draft]:
    """The vehicles after the user has worked on what was `shown`, in the same order, new ones last.

    A box that was not moved leaves its vehicle as it was, in metres too, but for a change of label; a moved or resized
    one is from then on a pixel box, its heading kept. A new box without a label of LABELS is still being drawn and does
    not count yet, and vehicles out of view have no box that could be deleted.
    """
    result = {i: draft for i, draft in enumerate(shown) if draft.box is None}
    rest: list[tuple[str, tuple[float, ...]]] = []
    for label, box in ((b["label"], _inside(b)) for b in boxes):
        still = [i for i, draft in enumerate(shown) if i not in result and _same(draft.box, box)]
        if still:
            result[still[0]] = _relabelled(shown[still[0]], label)
        else:
            rest.append((label, box))
    missing = [i for i in range(len(shown)) if i not in result]
    while missing and rest:  # the annotator puts new boxes first, so the last ones are those that were moved
        label, box = rest.pop()
        i = missing.pop()
        vehicle = BoxedVehicle(box=box, heading=shown[i].heading, kind=shown[i].vehicle.kind)
        result[i] = _relabelled(replace(shown[i], vehicle=vehicle, box=box), label)
    new = []
    for label, box in reversed(rest):
        if label in LABELS:
            kind, heading = LABELS[label]
            new.append(Draft(BoxedVehicle(box=box, heading=heading, kind=kind), heading, box))
    return [result[i] for i in sorted(result)] + new


def _inside(box: Annotation) -> tuple[float, ...]:
    return tuple(np.clip([box["xmin"], box["ymin"], box["xmax"], box["ymax"]], 0, SIZE).tolist())


def _same(one: tuple[float, ...] | None, other: tuple[float, ...]) -> bool:
    return one is not None and max(abs(a - b) for a, b in zip(one, other, strict=True)) <= STILL


def _relabelled(draft: Draft, label: str) -> Draft:
    """The draft with kind and direction of `label`, if it is one; the exact heading stays if the direction does."""
    if label not in LABELS:
        return draft
    kind, heading = LABELS[label]
    turned = 0.0 if draft.label.removeprefix(draft.vehicle.kind) == label.removeprefix(kind) else heading - draft.heading
    own = (draft.vehicle.heading + turned + 180) % 360 - 180 if turned else draft.vehicle.heading
    vehicle = draft.vehicle.model_copy(update={"kind": kind, "heading": own})
    return replace(draft, vehicle=vehicle, heading=heading if turned else draft.heading)


def guide_picture(road: Road, camera: Camera, night: bool = False) -> np.ndarray:
    """Road and horizon as this camera sees them, uint8 [512 1024 3]: lanes, the ego's one lighter, and distances."""
    sky, ground, asphalt, own, paint = (
        ((18, 22, 38), (26, 28, 26), (38, 38, 42), (50, 50, 56), (170, 170, 160))
        if night
        else ((176, 204, 232), (134, 146, 118), (104, 106, 110), (122, 124, 128), (244, 244, 240))
    )
    picture = np.empty((FRAME_HEIGHT, FRAME_WIDTH, 3), np.uint8)
    picture[:] = sky
    picture[max(0, round(camera.horizon * FRAME_HEIGHT)) :] = ground
    far = min(400.0, 1.4 / abs(road.curvature)) if road.curvature else 400.0
    ahead = np.geomspace(0.8, far, 160)
    edges = [road.lane_center(lane) + road.lane_width / 2 for lane in range(1, road.lanes + 2)]
    for left, right, color in ((edges[0], edges[-1], asphalt), (road.lane_width / 2, -road.lane_width / 2, own)):
        outline = np.concatenate([_line(road, camera, ahead, left), _line(road, camera, ahead, right)[::-1]])
        cv2.fillPoly(picture, [outline], color, cv2.LINE_AA, SHIFT)
    for edge in (edges[0], edges[-1]):
        cv2.polylines(picture, [_line(road, camera, ahead, edge)], False, paint, 2, cv2.LINE_AA, SHIFT)
    for edge in edges[1:-1]:
        for start in np.arange(0.8, 120, 9):
            dash = _line(road, camera, np.linspace(start, start + 3, 4), edge)
            cv2.polylines(picture, [dash], False, paint, 2, cv2.LINE_AA, SHIFT)
    for metres in (10, 20, 40, 80):
        across = _line(road, camera, np.array([metres, metres]), np.array([edges[0], edges[-1]]))
        cv2.polylines(picture, [across], False, paint, 1, cv2.LINE_AA, SHIFT)
        x, y = across[-1] >> SHIFT
        spot = int(min(x + 4, FRAME_WIDTH - 40)), int(y)
        cv2.putText(picture, f"{metres} m", spot, cv2.FONT_HERSHEY_SIMPLEX, 0.4, paint, 1, cv2.LINE_AA)
    return picture


def _line(road: Road, camera: Camera, ahead: np.ndarray, left: np.ndarray | float) -> np.ndarray:
    """Points on the road, those in front of the camera, as OpenCV's fixed-point pixels int32 [n 2]."""
    plane = road.to_plane(ahead, left)
    view = camera.view(np.concatenate([plane, np.zeros((len(plane), 1))], axis=1))
    points = camera.project_view(view[view[:, 2] > NEAR]) * SIZE[:2] - 0.5
    return np.clip(np.rint(points * 2**SHIFT), -(2**20), 2**20).astype(np.int32)
