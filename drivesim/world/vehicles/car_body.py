"""Bodies of cars and vans: a lofted shell of side bands, tapered corners and a leaning cabin."""

from __future__ import annotations

import numpy as np

from drivesim.scene.triples import Colour, Point
from drivesim.world.vehicles.body_builder import AHEAD, BEHIND, BLACK, GLASS, LEFT, UP, MeshBuilder
from drivesim.world.vehicles.car_details import add_front_details, add_rear_details, add_side_details
from drivesim.world.vehicles.car_frame import CarFrame, CarShape


def add_car(body: MeshBuilder, shape: CarShape, paint: Colour, rng: np.random.Generator) -> None:
    """The whole car: shell, cabin, ends, wheels, details."""
    frame = CarFrame(shape)
    trim: Colour = BLACK if shape.cladding or rng.random() < 0.6 else paint
    _add_sides(body, frame, paint, trim)
    _add_end(body, frame, True, paint, trim)
    _add_end(body, frame, False, paint, trim)
    _add_cabin(body, frame, paint, rng)
    _add_wheels(body, frame, rng)
    add_front_details(body, frame, rng)
    add_rear_details(body, frame, paint, rng)
    add_side_details(body, frame, paint)


def _add_sides(body: MeshBuilder, frame: CarFrame, paint: Colour, trim: Colour) -> None:
    s, half = frame.shape, frame.half
    rear, front = frame.tail + s.rear_corner, frame.nose - s.front_corner
    base, cowl = frame.cabin()[:2]
    base = max(base, rear)
    shoulder = frame.bonnet(front)
    bands = ((s.clearance, s.sill, trim), (s.sill, s.waist, paint))
    for low, high, colour in bands:
        points = [(rear, half(low), low), (front, half(low), low), (front, half(high), high), (rear, half(high), high)]
        body.both(points, LEFT, "plastic" if colour == BLACK else "paint", colour)
    upper = [(rear, s.waist), (front, s.waist), (front, shoulder), (cowl, s.belt), (rear, s.belt)]
    body.both([(x, half(z), z) for x, z in upper], LEFT, "paint", paint)
    # bonnet: cowl to front corner to nose; boot lid: cabin to tail
    edge = frame.levels(front=True)[3]
    body.across((front, half(shoulder), shoulder), (cowl, half(s.belt), s.belt), UP, "paint", paint)
    body.across(edge, (front, half(shoulder), shoulder), UP, "paint", paint)
    deck = frame.levels(front=False)[3]
    body.across(deck, (rear, half(s.belt), s.belt), UP, "paint", paint)
    if base > rear + 0.02:
        body.across((rear, half(s.belt), s.belt), (base, half(s.belt), s.belt), UP, "paint", paint)
    for ahead, x, top in ((True, front, shoulder), (False, rear, s.belt)):
        line = frame.levels(ahead)
        facing = (1.0 if ahead else -1.0, 1.0, 0.0)
        for i, (low, high) in enumerate(((s.clearance, s.sill), (s.sill, s.waist), (s.waist, top))):
            colour = trim if i == 0 else paint
            points = [(x, half(low), low), line[i], line[i + 1], (x, half(high), high)]
            body.both(points, facing, "plastic" if colour == BLACK else "paint", colour)


def _add_end(body: MeshBuilder, frame: CarFrame, ahead: bool, paint: Colour, trim: Colour) -> None:
    line, facing = frame.levels(ahead), AHEAD if ahead else BEHIND
    x, y, z = line[0]
    inward = -0.25 if ahead else 0.25
    body.across((x + inward, y - 0.05, 0.15), (x, y, z), facing, "plastic", (0.010, 0.010, 0.010))
    for i in range(3):
        colour = trim if i == 0 else paint
        body.across(line[i], line[i + 1], facing, "plastic" if colour == BLACK else "paint", colour)


def _add_cabin(body: MeshBuilder, frame: CarFrame, paint: Colour, rng: np.random.Generator) -> None:
    s = frame.shape
    corners = [frame.cabin_point(0, 0), frame.cabin_point(1, 0), frame.cabin_point(1, 1), frame.cabin_point(0, 1)]
    body.both(corners, LEFT, "paint", paint)
    rear0, front0, front1, rear1 = frame.cabin()
    low, rail = frame.half(s.belt), frame.roof_half
    roof: Colour = BLACK if rng.random() < 0.08 else paint
    in_front, in_rear, inset = front1 - 0.22, rear1 + 0.14, rail - 0.13
    body.across((in_rear, inset, s.height), (in_front, inset, s.height), UP, "paint", roof)
    body.across((front1, rail, frame.rail), (in_front, inset, s.height), (1.0, 0.0, 1.0), "paint", roof)
    body.across((rear1, rail, frame.rail), (in_rear, inset, s.height), (-1.0, 0.0, 1.0), "paint", roof)
    side = [
        (rear1, rail, frame.rail),
        (front1, rail, frame.rail),
        (in_front, inset, s.height),
        (in_rear, inset, s.height),
    ]
    body.both(side, (0.0, 1.0, 1.0), "paint", roof)
    # windscreen and rear window: painted frame, glass within
    for bottom, top, facing, glazed in ((front0, front1, AHEAD, True), (rear0, rear1, BEHIND, s.rear_glass)):
        body.across((bottom, low, s.belt), (top, rail, frame.rail), (facing[0], 0.0, 0.6), "paint", paint)
        if not glazed:
            continue
        down, up = (0.03, 0.95) if facing == AHEAD else (0.10, 0.90)
        proud = 0.012 * facing[0]
        line = [
            (bottom + (top - bottom) * v + proud, low + (rail - low) * v - 0.075, s.belt + (frame.rail - s.belt) * v)
            for v in (down, up)
        ]
        body.across(line[0], line[1], (facing[0], 0.0, 0.6), "glass", GLASS)
    _add_side_windows(body, frame)


def _add_side_windows(body: MeshBuilder, frame: CarFrame) -> None:
    s = frame.shape
    start, end = s.windows
    span = max(frame.cabin()[1] - frame.cabin()[0], 0.1)
    margin_rear, margin_front = 0.16 / span, 0.07 / span
    low, high = 0.05, 0.93

    def point(along: float, up: float, proud: float) -> Point:
        x, y, z = frame.cabin_point(along, up)
        return x, y + proud, z

    u0, u1 = max(start, margin_rear), min(end, 1 - margin_front)
    body.both(
        [point(u0, low, 0.01), point(u1, low, 0.01), point(u1, high, 0.01), point(u0, high, 0.01)], LEFT, "glass", GLASS
    )
    for pillar in s.pillars:
        u, w = u0 + (u1 - u0) * pillar, 0.045 / span
        shift = (u - 0.5) * 0.04
        points = [
            point(u - w, low, 0.018),
            point(u + w, low, 0.018),
            point(u + w - shift, high, 0.018),
            point(u - w - shift, high, 0.018),
        ]
        body.both(points, LEFT, "plastic", BLACK, fine=True)
    strip = [point(u0, low - 0.05, 0.014), point(u1, low - 0.05, 0.014), point(u1, low, 0.014), point(u0, low, 0.014)]
    body.both(strip, LEFT, "plastic", BLACK, fine=True)


def _add_wheels(body: MeshBuilder, frame: CarFrame, rng: np.random.Generator) -> None:
    s = frame.shape
    y = s.width / 2 - 0.03
    shade = float(rng.choice([0.38, 0.30, 0.16, 0.05], p=[0.4, 0.3, 0.15, 0.15]))
    for x in (frame.nose - s.front_axle, frame.tail + s.rear_axle):
        body.wheel(x, y + 0.004, s.wheel, (shade, shade, shade * 1.02), arch=0.055)
    width = 0.215
    body.treads(frame.tail + s.rear_axle, y - 0.02, s.wheel, width, BEHIND, s.clearance + 0.02)
    body.treads(frame.nose - s.front_axle, y - 0.02, s.wheel, width, AHEAD, s.clearance + 0.02)
