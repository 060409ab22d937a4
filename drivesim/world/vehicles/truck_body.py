"""Bodies of trucks: cab and chassis with a box, a loaded flatbed or a tank."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np

from drivesim.scene.triples import Colour
from drivesim.scene.vehicles import SIZES
from drivesim.traffic.paint import TRUCKS, TruckStyle
from drivesim.world.vehicles.body_builder import (
    AHEAD,
    AMBER,
    BEHIND,
    BLACK,
    BRAKE_RED,
    GLASS,
    LEFT,
    LENS,
    STEEL,
    TAIL_RED,
    UP,
    WHITE_PLATE,
    MeshBuilder,
    facing_x,
    facing_y,
)

_FRAME_BLACK: Colour = (0.015, 0.015, 0.016)


def add_truck(body: MeshBuilder, style: TruckStyle, rng: np.random.Generator) -> None:
    """A rigid truck: cab with wind deflector, chassis, and a box, a loaded flatbed or a tank."""
    length, width, height = SIZES["truck"]
    nose, tail, half = length / 2, -length / 2, width / 2
    rear = nose - 2.35  # where the load begins
    _add_chassis(body, nose, tail, half)
    if style.load == "box":
        _add_box(body, tail, rear, half, height, style.box, rng)
    elif style.load == "flatbed":
        _add_flatbed(body, tail, rear, half, height, rng)
    else:
        _add_tank(body, tail, rear, half, height, rng)
    _add_cab(body, nose, half, height, style.paint)
    _add_truck_tail(body, tail, half)


def _add_chassis(body: MeshBuilder, nose: float, tail: float, half: float) -> None:
    frame = [(tail + 0.25, 0.62), (nose - 2.2, 0.62), (nose - 2.2, 1.02), (tail + 0.25, 1.02)]
    body.both(facing_y(frame, half - 0.22), LEFT, "metal", _FRAME_BLACK)
    guard = [(tail + 2.6, 0.42), (nose - 2.75, 0.42), (nose - 2.75, 0.95), (tail + 2.6, 0.95)]
    body.both(facing_y(guard, half - 0.04), LEFT, "metal", (0.09, 0.09, 0.095))
    radius = 0.50
    for x in (nose - 1.35, tail + 1.55):
        body.wheel(x, half - 0.03, radius, (0.22, 0.22, 0.23), arch=0.07, top=1.0 if x < 0 else 9.0)
        body.treads(x, half - 0.03, radius, 0.55 if x < 0 else 0.30, BEHIND if x < 0 else AHEAD, 0.42)
    body.add(facing_x(tail + 1.2, -half + 0.4, half - 0.4, 0.30, 1.0), BEHIND, "metal", (0.008, 0.008, 0.008))


def _add_truck_tail(body: MeshBuilder, tail: float, half: float) -> None:
    x = tail + 0.06
    body.add(facing_x(x, -half + 0.06, half - 0.06, 0.74, 1.02), BEHIND, "metal", _FRAME_BLACK)
    body.add(facing_x(x, -half + 0.10, half - 0.10, 0.44, 0.58), BEHIND, "metal", (0.10, 0.10, 0.10))
    for material, albedo, y0, y1 in (
        ("indicator", AMBER, half - 0.22, half - 0.10),
        ("brake_lamp", BRAKE_RED, half - 0.40, half - 0.23),
        ("tail_lamp", TAIL_RED, half - 0.56, half - 0.41),
    ):
        body.both(facing_x(x - 0.012, y0, y1, 0.80, 0.95), BEHIND, material, albedo)  # type: ignore[arg-type]
    body.add(facing_x(x - 0.012, -0.26, 0.26, 0.80, 0.93), BEHIND, "plate", WHITE_PLATE)
    flap = facing_x(tail + 0.72, half - 0.60, half - 0.06, 0.18, 0.72)
    body.both(flap, BEHIND, "rubber", (0.02, 0.02, 0.02))


def _add_box(
    body: MeshBuilder,
    tail: float,
    front: float,
    half: float,
    height: float,
    colour: Colour,
    rng: np.random.Generator,
) -> None:
    low = 1.0
    body.add(facing_x(front, -half, half, low, height), AHEAD, "paint", colour)
    body.add(
        [(tail, -half, height), (front, -half, height), (front, half, height), (tail, half, height)],
        UP,
        "paint",
        colour,
    )
    body.both(facing_y([(tail, low), (front, low), (front, height), (tail, height)], half), LEFT, "paint", colour)
    body.add(facing_x(tail, -half, half, low, height), BEHIND, "paint", colour)
    rail: Colour = (0.30, 0.30, 0.31)
    for z0, z1 in ((low, low + 0.10), (height - 0.10, height)):
        body.both(facing_y([(tail, z0), (front, z0), (front, z1), (tail, z1)], half + 0.004), LEFT, "metal", rail)
        body.add(facing_x(tail - 0.006, -half, half, z0, z1), BEHIND, "metal", rail)
    body.both(facing_x(tail - 0.006, half - 0.08, half, low, height), BEHIND, "metal", rail)
    body.add(facing_x(tail - 0.006, -0.012, 0.012, low + 0.1, height - 0.1), BEHIND, "plastic", (0.03, 0.03, 0.03))
    for y in (0.22, 0.80):
        body.both(facing_x(tail - 0.012, y, y + 0.035, low + 0.1, height - 0.1), BEHIND, "metal", STEEL, fine=True)
    for y in (0.22, 0.70):
        body.both(
            facing_x(tail - 0.014, y, y + 0.24, low + 0.42, low + 0.50), BEHIND, "metal", (0.15, 0.15, 0.15), fine=True
        )
    body.both(
        facing_x(tail - 0.014, 0.15, half - 0.05, low + 0.02, low + 0.08),
        BEHIND,
        "indicator",
        (0.45, 0.02, 0.02),
        fine=True,
    )
    if rng.random() < 0.6:  # lettering and stripes of the owner
        logo = TRUCKS[rng.integers(2, len(TRUCKS))]
        z0, z1 = sorted(float(z) for z in rng.uniform(low + 0.4, height - 0.4, 2))
        z1 = max(z1, z0 + 0.35)
        x0, x1 = tail + 0.6, front - float(rng.uniform(0.5, 3.0))
        body.both(facing_y([(x0, z0), (x1, z0), (x1, z1), (x0, z1)], half + 0.008), LEFT, "matte", logo)
        if rng.random() < 0.6:
            body.add(facing_x(tail - 0.010, 0.28, half - 0.25, 1.9, 2.5), BEHIND, "matte", logo)


def _add_flatbed(
    body: MeshBuilder, tail: float, front: float, half: float, height: float, rng: np.random.Generator
) -> None:
    body.block((tail, -half, 1.0), (front, half, 1.18), "metal", (0.13, 0.12, 0.11))
    body.block((front - 0.08, -half, 1.1), (front, half, 2.4), "metal", (0.25, 0.25, 0.25))
    colours: tuple[Colour, ...] = (
        (0.28, 0.20, 0.12),
        (0.45, 0.43, 0.40),
        (0.32, 0.30, 0.27),
        (0.10, 0.16, 0.10),
        (0.25, 0.08, 0.05),
    )
    x, end = tail + 0.15, front - 0.3
    while x < end - 0.6:
        size = min(float(rng.uniform(1.0, 2.4)), end - x)
        top, y = 1.18 + float(rng.uniform(0.5, 1.5)), half - float(rng.uniform(0.08, 0.3))
        body.block((x, -y, 1.18), (x + size - 0.08, y, top), "matte", colours[rng.integers(len(colours))])
        x += size


def _add_tank(
    body: MeshBuilder, tail: float, front: float, half: float, height: float, rng: np.random.Generator
) -> None:
    shade = float(rng.uniform(0.35, 0.72))
    colour: Colour = (shade, shade, shade * 0.98)
    a, b, mid = half - 0.02, (height - 0.1 - 1.05) / 2, (height - 0.1 + 1.05) / 2
    angles = np.linspace(-math.pi / 2, math.pi * 1.5, 13)
    ring = [(a * math.copysign(abs(math.cos(t)) ** 0.7, math.cos(t)), mid + b * math.sin(t)) for t in angles]
    x0, x1 = tail + 0.35, front - 0.1
    body.block((x0 + 0.25, -0.85, 1.0), (x1 - 0.1, 0.85, 1.45), "metal", (0.05, 0.05, 0.05))  # cradle
    for (y0, z0), (y1, z1) in pairwise(ring):
        facing = (0.0, y0 + y1, z0 + z1 - 2 * mid)
        body.add([(x0, y0, z0), (x1, y0, z0), (x1, y1, z1), (x0, y1, z1)], facing, "metal", colour)
    outline = [(ring[i][0], ring[i][1]) for i in (0, 2, 3, 4, 6, 8, 9, 10)]
    for x, facing in ((x0, BEHIND), (x1, AHEAD)):
        body.add([(x, y, z) for y, z in outline], facing, "metal", colour)
    small = [(x0 - 0.012, 0.55 * y, mid + 0.55 * (z - mid)) for y, z in outline]
    body.add(small, BEHIND, "metal", (0.7 * shade, 0.7 * shade, 0.7 * shade), fine=True)
    body.add(facing_x(x0 - 0.02, -0.2, 0.2, 1.55, 1.95), BEHIND, "sign", (0.75, 0.30, 0.03))
    body.block((tail, -half + 0.1, 0.95), (x0 + 0.2, half - 0.1, 1.08), "metal", (0.2, 0.2, 0.2))


def _add_cab(body: MeshBuilder, nose: float, half: float, height: float, paint: Colour) -> None:
    rear, half = nose - 2.15, half - 0.03
    screen, brow, roof = 1.75, 2.75, 2.95
    profile = [(rear, 0.55), (nose - 0.06, 0.55), (nose, 1.70), (nose - 0.28, brow), (nose - 0.50, roof), (rear, roof)]
    body.both(facing_y(profile, half), LEFT, "paint", paint)
    body.add(facing_x(rear, -half, half, 1.0, roof), BEHIND, "paint", paint)
    for (x0, z0), (x1, z1) in pairwise(profile[1:5]):
        body.across((x0, half, z0), (x1, half, z1), (1.0, 0.0, 0.2), "paint", paint)
    body.across((rear, half, roof), (nose - 0.5, half, roof), UP, "paint", paint)
    low, high = (nose - 0.015, half - 0.10, screen + 0.02), (nose - 0.255, half - 0.12, brow - 0.06)
    body.across(low, high, (1.0, 0.0, 0.2), "glass", GLASS)
    window = [(nose - 1.35, 1.75), (nose - 0.22, 1.55), (nose - 0.42, 2.55), (nose - 1.35, 2.55)]
    body.both(facing_y(window, half + 0.01), LEFT, "glass", GLASS)
    # deflector rises from the roof to the height of the load
    top = height - 0.02
    body.across((nose - 0.75, half - 0.1, roof), (rear + 0.15, half - 0.1, top), (1.0, 0.0, 1.0), "paint", paint)
    body.both(
        facing_y([(rear + 0.15, roof), (nose - 0.75, roof), (rear + 0.15, top)], half - 0.1), LEFT, "paint", paint
    )
    body.add(facing_x(rear + 0.15, -half + 0.1, half - 0.1, roof, top), BEHIND, "plastic", BLACK)
    body.across(
        (nose - 0.045, half - 0.25, 0.98), (nose - 0.005, half - 0.25, 1.62), AHEAD, "plastic", (0.015, 0.015, 0.015)
    )
    body.across((nose - 0.06, half, 0.38), (nose - 0.03, half, 0.92), AHEAD, "plastic", (0.05, 0.05, 0.05))
    body.both(
        facing_y([(rear, 0.40), (nose - 0.06, 0.40), (nose - 0.06, 0.60), (rear, 0.60)], half),
        LEFT,
        "plastic",
        (0.03, 0.03, 0.03),
    )
    body.both(facing_x(nose - 0.026, half - 0.54, half - 0.005, 0.65, 0.91), AHEAD, "plastic", (0.05, 0.05, 0.05))
    body.both(facing_x(nose - 0.02, half - 0.50, half - 0.10, 0.68, 0.88), AHEAD, "headlamp", LENS)
    body.both(facing_x(nose - 0.018, half - 0.09, half - 0.01, 0.68, 0.88), AHEAD, "indicator", AMBER)
    body.add(facing_x(nose - 0.02, -0.26, 0.26, 0.50, 0.62), AHEAD, "plate", WHITE_PLATE)
    x = nose - 0.12
    mirror = facing_x(x, half - 0.02, half + 0.05, 1.75, 2.45)
    body.both(mirror, BEHIND, "plastic", BLACK, fine=True)
    body.both([(px + 0.12, y, z) for px, y, z in mirror], AHEAD, "plastic", BLACK, fine=True)
    seam = [(rear + 0.72, 0.75), (rear + 0.74, 0.75), (rear + 0.74, 2.7), (rear + 0.72, 2.7)]
    body.both(facing_y(seam, half + 0.005), LEFT, "plastic", (0.02, 0.02, 0.02), fine=True)
