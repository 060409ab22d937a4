"""Bodies of vehicles as few flat faces: a lower body, a cabin, wheels and lamps for each kind, simpler for far ones."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from drivesim.layout.faces import CORNERS
from drivesim.layout.scene_at import Face, Lamp
from drivesim.scene.triples import Point
from drivesim.scene.vehicles import SIZES, Kind
from drivesim.traffic.vehicle_lamps import BRAKE, HEAD, LEFT, RIGHT, TAIL


@dataclass(frozen=True)
class _Car:
    """Measures in metres as a tape takes them: heights above the road; `cowl`, `screen`, `front_axle` behind the nose, the
    others ahead of the tail; `lean` is how far the roof's rail lies within the belt."""

    clearance: float
    waist: float
    belt: float
    nose: float
    cowl: float
    screen: float
    roof_end: float
    glass_base: float
    lean: float
    front_axle: float
    rear_axle: float
    wheel: float
    front_corner: float = 0.55
    rear_corner: float = 0.30


_CARS: dict[Kind, _Car] = {
    "sedan": _Car(0.21, 0.62, 0.95, 0.74, 1.28, 2.08, 1.22, 0.52, 0.20, 0.90, 1.02, 0.325),
    "hatchback": _Car(0.21, 0.64, 0.98, 0.76, 1.05, 1.78, 0.40, 0.17, 0.18, 0.80, 0.72, 0.31, rear_corner=0.22),
    "suv": _Car(0.26, 0.76, 1.12, 0.93, 1.22, 1.88, 0.46, 0.17, 0.17, 0.90, 0.92, 0.37, rear_corner=0.22),
    "van": _Car(0.24, 0.78, 1.22, 1.00, 0.82, 1.52, 0.17, 0.12, 0.13, 0.95, 1.05, 0.34, rear_corner=0.16),
}


class BodyBuilder:
    """Collects faces in the object frame (x forward, y left, z up, origin on the road below the middle)."""

    def __init__(self) -> None:
        self.corners: list[list[Point]] = []
        self.toward: list[Point] = []
        self.face: list[Face] = []
        self.lamp: list[Lamp] = []
        self.bit: list[int] = []

    def add(self, points: list[Point], toward: Point, face: Face, lamp: Lamp = Lamp.NONE, bit: int = 0) -> None:
        """A face that looks `toward`; a lamp is there only while `bit` is lit."""
        self.corners.append(points)
        self.toward.append(toward)
        self.face.append(face)
        self.lamp.append(lamp)
        self.bit.append(bit)

    def sides(self, points: list[Point], lift: float = 0.0) -> None:
        """A face of the left side and its mirror image."""
        self.add(points, (0, 1, lift), Face.LEFT)
        self.add([(x, -y, z) for x, y, z in points], (0, -1, lift), Face.RIGHT)

    def across(self, low: Point, high: Point, toward: Point, face: Face) -> None:
        """A symmetric trapezoid between two cross lines, each (x, half width, z)."""
        (x0, y0, z0), (x1, y1, z1) = low, high
        self.add([(x0, y0, z0), (x0, -y0, z0), (x1, -y1, z1), (x1, y1, z1)], toward, face)

    def pair(self, x: float, y0: float, y1: float, z0: float, z1: float, front: bool, lamp: Lamp, bits: int) -> None:
        """Lamps from y0 to y1 on both sides of the front or rear at x; indicators have a bit for each side."""
        face, toward = (Face.FRONT, (1.0, 0.0, 0.0)) if front else (Face.REAR, (-1.0, 0.0, 0.0))
        for sign, own in ((1, bits & ~RIGHT), (-1, bits & ~LEFT)):
            self.add([(x, sign * y, z) for y, z in ((y0, z0), (y1, z0), (y1, z1), (y0, z1))], toward, face, lamp, own)

    def wheels(self, x: float, half: float, radius: float, width: float, front: bool, top: float) -> None:
        """The two wheels of an axle: discs at the sides, treads as seen from the nearer end, below the body's edge at `top`."""
        angles = (np.arange(CORNERS) + 0.5) * 2 * np.pi / CORNERS
        self.sides([(x + radius * float(np.cos(a)), half, radius + radius * float(np.sin(a))) for a in angles])
        sign, face = (1.0, Face.FRONT) if front else (-1.0, Face.REAR)
        for side in (1, -1):
            y0, y1, end = side * half, side * (half - width), x + sign * 0.5 * radius
            self.add([(end, y0, 0), (end, y1, 0), (end, y1, top), (end, y0, top)], (sign, 0, 0), face)


def _add_car(body: BodyBuilder, car: _Car, size: tuple[float, float, float]) -> None:
    nose, tail, height = size[0] / 2, -size[0] / 2, size[2]
    half = size[1] / 2 - 0.03
    front, rear = nose - car.front_corner, tail + car.rear_corner
    half_nose, half_tail = half - 0.46 * car.front_corner, half - 0.42 * car.rear_corner
    share = (front - (nose - car.cowl)) / (car.cowl - 0.14)
    shoulder = car.belt - (car.belt - car.nose) * (0.55 * share + 0.45 * share * share)
    low, cowl, base = car.clearance, nose - car.cowl, max(tail + car.glass_base, rear)
    body.sides(
        [(rear, half, low), (front, half, low), (front, half, shoulder), (cowl, half, car.belt), (rear, half, car.belt)]
    )
    body.sides([(front, half, low), (nose, half_nose, low), (nose, half_nose, car.nose), (front, half, shoulder)])
    body.sides([(rear, half, low), (tail, half_tail, low), (tail, half_tail, car.belt), (rear, half, car.belt)])
    body.across((nose, half_nose, low), (nose, half_nose, car.nose), (1, 0, 0), Face.FRONT)
    body.across((tail, half_tail, low), (tail, half_tail, car.belt), (-1, 0, 0), Face.REAR)
    body.across((nose, half_nose, car.nose), (front, half, shoulder), (0, 0, 1), Face.ROOF)
    body.across((front, half, shoulder), (cowl, half, car.belt), (0, 0, 1), Face.ROOF)
    body.across((tail, half_tail, car.belt), (rear, half, car.belt), (0, 0, 1), Face.ROOF)
    body.across((rear, half, car.belt), (base, half, car.belt), (0, 0, 1), Face.ROOF)
    belt, rail, roof = half, half - 0.07 - car.lean, height - 0.03
    ahead, behind = nose - car.screen, tail + car.roof_end
    foot = tail + car.glass_base
    body.sides([(foot, belt, car.belt), (cowl, belt, car.belt), (ahead, rail, roof), (behind, rail, roof)], 0.3)
    body.across((cowl, belt, car.belt), (ahead, rail, roof), (1, 0, 0.6), Face.FRONT)
    body.across((foot, belt, car.belt), (behind, rail, roof), (-1, 0, 0.6), Face.REAR)
    body.across((behind, rail, roof), (ahead, rail, roof), (0, 0, 1), Face.ROOF)
    body.across((behind + 0.15, rail - 0.13, height), (ahead - 0.2, rail - 0.13, height), (0, 0, 1), Face.ROOF)
    for x, y, sign, face in ((nose - 0.25, half_nose, 1, Face.FRONT), (tail + 0.25, half_tail, -1, Face.REAR)):
        body.across((x, y, 0.15), (x, y, low), (sign, 0, 0), face)
    body.wheels(nose - car.front_axle, half, car.wheel, 0.215, True, low)
    body.wheels(tail + car.rear_axle, half, car.wheel, 0.215, False, low)
    third = [(foot + (behind - foot) * v - 0.03, y, car.belt + (roof - car.belt) * v) for v, y in _THIRD_LAMP]
    body.add(third, (-1, 0, 0.6), Face.REAR, Lamp.BRAKE, BRAKE)
    _add_car_lamps(body, car, nose, tail, half_nose, half_tail)


def _add_car_lamps(body: BodyBuilder, car: _Car, nose: float, tail: float, front: float, rear: float) -> None:
    """Lamps on ends `front` and `rear` (half) wide."""
    rise = car.nose - car.waist
    z0, z1 = car.waist + 0.1 * rise, car.nose - 0.1 * rise
    body.pair(nose + 0.02, front - 0.25, front, z0, z1, True, Lamp.HEAD, HEAD)
    body.pair(nose + 0.03, front - 0.08, front + 0.02, car.waist - 0.1, car.waist, True, Lamp.INDICATOR, _SIDES)
    rise = car.belt - car.waist
    z0, z1 = car.waist + 0.34 * rise, car.waist + 0.86 * rise
    body.pair(tail - 0.02, rear - 0.13, rear, z0, z1, False, Lamp.TAIL, TAIL)
    body.pair(tail - 0.03, rear - 0.28, rear - 0.13, z0 + 0.05, z1, False, Lamp.BRAKE, BRAKE)
    body.pair(tail - 0.03, rear - 0.28, rear - 0.10, z0 - 0.08, z0 + 0.05, False, Lamp.INDICATOR, _SIDES)


def _add_far_car(body: BodyBuilder, car: _Car, size: tuple[float, float, float]) -> None:
    nose, tail, height = size[0] / 2, -size[0] / 2, size[2]
    half, low = size[1] / 2 - 0.05, 0.6 * car.clearance
    cowl, foot, rail = nose - car.cowl, tail + car.glass_base, half - 0.09 - car.lean
    ahead, behind = nose - car.screen, tail + car.roof_end
    body.sides(
        [(tail, half, low), (nose, half, low), (nose, half, car.nose), (cowl, half, car.belt), (tail, half, car.belt)]
    )
    body.across((nose, half, low), (nose, half, car.nose), (1, 0, 0), Face.FRONT)
    body.across((tail, half, low), (tail, half, car.belt), (-1, 0, 0), Face.REAR)
    body.across((nose, half, car.nose), (cowl, half, car.belt), (0, 0, 1), Face.ROOF)
    body.across((tail, half, car.belt), (foot, half, car.belt), (0, 0, 1), Face.ROOF)
    body.sides([(foot, half, car.belt), (cowl, half, car.belt), (ahead, rail, height), (behind, rail, height)], 0.3)
    body.across((cowl, half, car.belt), (ahead, rail, height), (1, 0, 0.6), Face.FRONT)
    body.across((foot, half, car.belt), (behind, rail, height), (-1, 0, 0.6), Face.REAR)
    body.across((behind, rail, height), (ahead, rail, height), (0, 0, 1), Face.ROOF)
    _add_car_lamps(body, car, nose, tail, half - 0.1, half - 0.1)


_SIDES = LEFT | RIGHT
_THIRD_LAMP = (
    (0.84, -0.16),
    (0.84, 0.16),
    (0.92, 0.16),
    (0.92, -0.16),
)  # share of the rear window's height, m to the left


def _box(body: BodyBuilder, tail: float, nose: float, half: float, low: float, high: float) -> None:
    body.sides([(tail, half, low), (nose, half, low), (nose, half, high), (tail, half, high)])
    body.across((nose, half, low), (nose, half, high), (1, 0, 0), Face.FRONT)
    body.across((tail, half, low), (tail, half, high), (-1, 0, 0), Face.REAR)
    body.across((tail, half, high), (nose, half, high), (0, 0, 1), Face.ROOF)


def _add_truck(body: BodyBuilder, size: tuple[float, float, float]) -> None:
    nose, tail, half, height = size[0] / 2, -size[0] / 2, size[1] / 2, size[2]
    load, cab = nose - 2.35, nose - 2.15
    body.sides(
        [
            (tail + 0.25, half - 0.1, 0.42),
            (nose - 2.4, half - 0.1, 0.42),
            (nose - 2.4, half - 0.1, 1.02),
            (tail + 0.25, half - 0.1, 1.02),
        ]
    )
    body.across((tail + 0.06, half - 0.08, 0.44), (tail + 0.06, half - 0.08, 1.0), (-1, 0, 0), Face.REAR)
    _box(body, tail, load, half, 1.0, height)
    side = [(cab, 0.4), (nose, 0.4), (nose, 1.7), (nose - 0.28, 2.75), (nose - 0.5, 2.95), (cab, 2.95)]
    body.sides([(x, half - 0.03, z) for x, z in side])
    for (x0, z0), (x1, z1) in pairwise(side[1:5]):
        body.across((x0, half - 0.03, z0), (x1, half - 0.03, z1), (1, 0, 0.2), Face.FRONT)
    body.across((cab, half - 0.03, 2.95), (nose - 0.5, half - 0.03, 2.95), (0, 0, 1), Face.ROOF)
    body.across((nose - 0.75, half - 0.1, 2.95), (cab, half - 0.1, height), (1, 0, 1), Face.FRONT)
    body.wheels(nose - 1.35, half - 0.03, 0.5, 0.30, True, 0.4)
    body.wheels(tail + 1.55, half - 0.03, 0.5, 0.55, False, 0.44)
    _add_truck_lamps(body, nose, tail, half)


def _add_truck_lamps(body: BodyBuilder, nose: float, tail: float, half: float) -> None:
    body.pair(nose + 0.02, half - 0.50, half - 0.10, 0.68, 0.88, True, Lamp.HEAD, HEAD)
    body.pair(nose + 0.03, half - 0.12, half - 0.01, 0.66, 0.90, True, Lamp.INDICATOR, _SIDES)
    for lamp, bits, y0, y1 in (
        (Lamp.INDICATOR, _SIDES, 0.22, 0.10), (Lamp.BRAKE, BRAKE, 0.40, 0.23), (Lamp.TAIL, TAIL, 0.56, 0.41),
    ):  # fmt: skip
        body.pair(tail - 0.02, half - y0, half - y1, 0.80, 0.95, False, lamp, bits)


def _add_far_truck(body: BodyBuilder, size: tuple[float, float, float]) -> None:
    nose, tail, half, height = size[0] / 2, -size[0] / 2, size[1] / 2, size[2]
    _box(body, tail, nose - 2.35, half, 0.4, height)
    _box(body, nose - 2.35, nose, half - 0.03, 0.4, 2.95)
    _add_truck_lamps(body, nose, tail, half)


def _add_bus(body: BodyBuilder, size: tuple[float, float, float]) -> None:
    nose, tail, half, height = size[0] / 2, -size[0] / 2, size[1] / 2 - 0.02, size[2]
    rail, rake = height - 0.42, 0.16
    body.sides(
        [(tail, half, 0.22), (nose, half, 0.22), (nose, half, 1.22), (nose - rake, half, rail), (tail, half, rail)]
    )
    body.sides(
        [
            (tail, half, rail),
            (nose - rake, half, rail),
            (nose - rake - 0.12, half - 0.14, height),
            (tail + 0.1, half - 0.14, height),
        ],
        1.0,
    )
    body.across((nose, half, 0.2), (nose, half, 1.22), (1, 0, 0), Face.FRONT)
    body.across((nose, half, 1.22), (nose - rake, half, rail), (1, 0, 0), Face.FRONT)
    body.across((nose - rake, half, rail), (nose - rake - 0.12, half - 0.14, height), (1, 0, 0), Face.FRONT)
    body.across((tail, half, 0.2), (tail, half, rail), (-1, 0, 0), Face.REAR)
    body.across((tail, half, rail), (tail + 0.1, half - 0.14, height), (-1, 0, 0.2), Face.REAR)
    body.across((tail + 0.1, half - 0.14, height), (nose - rake - 0.12, half - 0.14, height), (0, 0, 1), Face.ROOF)
    body.wheels(nose - 2.75, half, 0.48, 0.3, True, 0.2)
    body.wheels(tail + 3.1, half, 0.48, 0.5, False, 0.2)
    _add_bus_lamps(body, nose, tail, half)


def _add_bus_lamps(body: BodyBuilder, nose: float, tail: float, half: float) -> None:
    body.pair(nose + 0.02, half - 0.55, half - 0.08, 0.60, 0.80, True, Lamp.HEAD, HEAD)
    body.pair(nose + 0.02, half - 0.20, half - 0.06, 0.82, 0.92, True, Lamp.INDICATOR, _SIDES)
    body.pair(tail - 0.02, half - 0.24, half - 0.06, 0.92, 1.16, False, Lamp.TAIL, TAIL)
    body.pair(tail - 0.02, half - 0.24, half - 0.06, 0.66, 0.90, False, Lamp.BRAKE, BRAKE)
    body.pair(tail - 0.02, half - 0.24, half - 0.06, 0.52, 0.64, False, Lamp.INDICATOR, _SIDES)


def _add_far_bus(body: BodyBuilder, size: tuple[float, float, float]) -> None:
    nose, tail, half, height = size[0] / 2, -size[0] / 2, size[1] / 2 - 0.02, size[2]
    _box(body, tail, nose, half - 0.02, 0.15, height - 0.05)
    _add_bus_lamps(body, nose, tail, half)


def body_of(kind: Kind, far: bool) -> BodyBuilder:
    """The body of a kind in its object frame, as large as SIZES says; the far one has no wheels and rounded corners."""
    body, size = BodyBuilder(), SIZES[kind]
    if kind == "truck":
        (_add_far_truck if far else _add_truck)(body, size)
    elif kind == "bus":
        (_add_far_bus if far else _add_bus)(body, size)
    else:
        (_add_far_car if far else _add_car)(body, _CARS[kind], size)
    return body
