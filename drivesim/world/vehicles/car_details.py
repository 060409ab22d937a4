"""What makes a shell a car: lamps, plates, grille, seams, handles and mirrors, all slightly proud of their hosts."""

from __future__ import annotations

import numpy as np

from drivesim.scene.triples import Colour
from drivesim.world.vehicles.body_builder import (
    AHEAD,
    AMBER,
    BEHIND,
    BLACK,
    BRAKE_RED,
    LEFT,
    LENS,
    TAIL_RED,
    WHITE_PLATE,
    MeshBuilder,
)
from drivesim.world.vehicles.car_frame import CarFrame


def add_front_details(body: MeshBuilder, frame: CarFrame, rng: np.random.Generator) -> None:
    """Grille, head lamps, intake, plate."""
    edge = frame.levels(True)[3][1]
    chrome = rng.random() < 0.4
    grille = float(rng.uniform(0.45, 0.62)) * edge
    body.add(frame.on_end(True, -grille, grille, 0.08, 0.88), AHEAD, "plastic", (0.014, 0.014, 0.014))
    housing: Colour = (0.05, 0.052, 0.055)
    body.both(frame.on_end(True, grille + 0.02, edge + 0.01, 0.10, 0.95), AHEAD, "plastic", housing)
    body.both(frame.corner_patch(True, 0.10, 0.95, 0.55), (1.0, 1.0, 0.0), "plastic", housing)
    body.both(frame.on_end(True, grille + 0.06, edge + 0.01, 0.22, 0.80, 0.018), AHEAD, "headlamp", LENS)
    body.both(frame.corner_patch(True, 0.30, 0.80, 0.30), (1.0, 1.0, 0.0), "headlamp", LENS)
    body.both(frame.corner_patch(True, 0.15, 0.28, 0.50), (1.0, 1.0, 0.0), "indicator", AMBER, fine=True)
    if chrome:
        body.add(frame.on_end(True, -grille, grille, 0.80, 0.90, 0.018), AHEAD, "chrome", (0.5, 0.5, 0.5), fine=True)
    intake = float(rng.uniform(0.75, 0.95)) * edge
    body.add(frame.on_end(True, -intake, intake, -0.97, -0.50), AHEAD, "plastic", (0.012, 0.012, 0.012))
    body.add(frame.on_end(True, -0.26, 0.26, -0.52, -0.16, 0.02), AHEAD, "plate", WHITE_PLATE)
    body.both(frame.on_end(True, edge - 0.16, edge - 0.02, -0.70, -0.50, 0.018), AHEAD, "plastic", LENS, fine=True)


def add_rear_details(body: MeshBuilder, frame: CarFrame, paint: Colour, rng: np.random.Generator) -> None:
    """Tail, brake and indicator lamps, plate, bumper edge, exhausts."""
    s = frame.shape
    edge = frame.levels(False)[3][1]
    if s.taillight == "wide":
        inner, low, high = edge - float(rng.uniform(0.22, 0.36)), 0.34, 0.86
        split = inner + 0.45 * (edge - inner)
        body.both(frame.on_end(False, split, edge + 0.01, low, high), BEHIND, "tail_lamp", TAIL_RED)
        body.both(frame.on_end(False, inner, split, low + 0.16, high), BEHIND, "brake_lamp", BRAKE_RED)
        body.both(frame.on_end(False, inner, split, low, low + 0.15), BEHIND, "indicator", AMBER, fine=True)
        body.both(frame.corner_patch(False, low, high, 0.75), (-1.0, 1.0, 0.0), "tail_lamp", TAIL_RED)
        if rng.random() < 0.2:  # light bar between the lamps
            body.add(frame.on_end(False, -inner, inner, 0.77, 0.85), BEHIND, "tail_lamp", TAIL_RED, fine=True)
    else:
        inner = edge - 0.15
        body.both(frame.on_end(False, inner, edge + 0.01, 0.62, 0.98), BEHIND, "tail_lamp", TAIL_RED)
        body.both(frame.on_end(False, inner, edge + 0.01, 0.28, 0.60), BEHIND, "brake_lamp", BRAKE_RED)
        body.both(frame.on_end(False, inner, edge + 0.01, 0.10, 0.27), BEHIND, "indicator", AMBER, fine=True)
        body.both(frame.corner_patch(False, 0.28, 0.98, 0.5), (-1.0, 1.0, 0.0), "tail_lamp", TAIL_RED)
    low, high = (-0.55, -0.10) if s.plate_low else (0.24, 0.24 + 0.15 / (s.belt - s.waist))
    body.add(frame.on_end(False, -0.34, 0.34, low - 0.04, high + 0.06), BEHIND, "paint", _darker(paint), fine=True)
    body.add(frame.on_end(False, -0.22, 0.22, low, high, 0.02), BEHIND, "plate", WHITE_PLATE)
    body.add(frame.on_end(False, -edge - 0.02, edge + 0.02, -0.03, 0.02), BEHIND, "plastic", BLACK, fine=True)
    rear0, _, _, rear1 = frame.cabin()
    share = 0.86 if s.rear_glass else 0.93
    third = [
        (rear0 + (rear1 - rear0) * v - 0.022, y, s.belt + (frame.rail - s.belt) * v)
        for y, v in ((-0.16, share), (0.16, share), (0.16, share + 0.05), (-0.16, share + 0.05))
    ]
    body.add(third, (-1.0, 0.0, 0.6), "brake_lamp", BRAKE_RED)
    if rng.random() < 0.5:
        body.both(
            frame.on_end(False, edge - 0.28, edge - 0.12, -0.98, -0.86), BEHIND, "chrome", (0.4, 0.4, 0.4), fine=True
        )


def add_side_details(body: MeshBuilder, frame: CarFrame, paint: Colour) -> None:
    """Door lines, handles, mirrors."""
    s, dark = frame.shape, _darker(paint)
    base, cowl = frame.cabin()[:2]
    middle = base + (cowl - base) * 0.50
    for x in (cowl - 0.12, middle, base + (cowl - base) * 0.08):
        for low, high in ((s.sill, s.waist), (s.waist, s.belt)):
            if abs(x - (frame.tail + s.rear_axle)) < s.wheel + 0.08 and low < 2 * s.wheel:
                continue
            points = [(x - 0.008, low), (x + 0.008, low), (x + 0.008, high), (x - 0.008, high)]
            body.both([(px, frame.half(z) + 0.005, z) for px, z in points], LEFT, "plastic", dark, fine=True)
    z0 = s.waist + 0.55 * (s.belt - s.waist)
    for x in (middle + 0.10, middle - 0.95):
        points = [(x, z0), (x + 0.2, z0), (x + 0.2, z0 + 0.035), (x, z0 + 0.035)]
        body.both([(px, frame.half(z) + 0.012, z) for px, z in points], LEFT, "plastic", dark, fine=True)
    x, y = cowl - 0.30, frame.half(s.belt)
    inner, outer, z = y - 0.06, s.width / 2, s.belt + 0.03
    back = [(x, inner, z), (x, outer, z + 0.02), (x, outer, z + 0.14), (x, inner, z + 0.14)]
    body.both(back, BEHIND, "plastic", BLACK, fine=True)
    front = [
        (x + 0.10, inner, z),
        (x + 0.10, outer - 0.02, z + 0.02),
        (x + 0.10, outer - 0.02, z + 0.14),
        (x + 0.10, inner, z + 0.14),
    ]
    body.both(front, AHEAD, "paint", paint, fine=True)
    side = [back[1], front[1], front[2], back[2]]
    body.both(side, LEFT, "paint", paint, fine=True)


def _darker(colour: Colour) -> Colour:
    return (0.35 * colour[0], 0.35 * colour[1], 0.35 * colour[2])
