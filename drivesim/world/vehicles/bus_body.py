"""Bodies of buses: window band, doors on the right, destination board, engine grille."""

from __future__ import annotations

from drivesim.scene.vehicles import SIZES
from drivesim.traffic.paint import BusStyle
from drivesim.world.vehicles.body_builder import (
    AHEAD,
    AMBER,
    BEHIND,
    BLACK,
    BRAKE_RED,
    GLASS,
    LEFT,
    LENS,
    TAIL_RED,
    UP,
    WHITE_PLATE,
    MeshBuilder,
    facing_x,
    facing_y,
)


def add_bus(body: MeshBuilder, style: BusStyle) -> None:
    """A single-deck city bus or coach: window band, doors on the right, destination board, engine grille."""
    length, width, height = SIZES["bus"]
    nose, tail, half = length / 2, -length / 2, width / 2 - 0.02
    paint, upper = style.paint, style.upper
    low, belt, rail = 0.34, 1.22, height - 0.42
    top_half, rake = half - 0.14, 0.16
    lower = [(tail, low), (nose, low), (nose, belt), (tail, belt)]
    body.both(facing_y(lower, half), LEFT, "paint", paint)
    body.both(
        facing_y([(tail, belt), (nose, belt), (nose - rake, rail), (tail + 0.05, rail)], half), LEFT, "paint", upper
    )
    body.both(
        [(tail + 0.05, half, rail), (nose - rake, half, rail), (nose - rake - 0.12, top_half, height),
         (tail + 0.14, top_half, height)],
        (0.0, 1.0, 1.0), "paint", upper,
    )  # fmt: skip
    body.across((tail + 0.14, top_half, height), (nose - rake - 0.12, top_half, height), UP, "paint", upper)
    for facing, x0, x1, x2 in (
        (AHEAD, nose, nose - rake, nose - rake - 0.12),
        (BEHIND, tail, tail + 0.05, tail + 0.14),
    ):
        body.across((x0, half, low), (x0, half, belt), facing, "paint", paint)
        body.across((x0, half, belt), (x1, half, rail), facing, "paint", upper)
        body.across((x1, half, rail), (x2, top_half, height), facing, "paint", upper)
    _add_bus_sides(body, nose, tail, half, belt, rail)
    _add_bus_front(body, nose, half, belt, rail, rake)
    _add_bus_rear(body, tail, half, belt, rail)


def _add_bus_sides(body: MeshBuilder, nose: float, tail: float, half: float, belt: float, rail: float) -> None:
    z0, z1 = belt - 0.08, rail - 0.08
    x0, x1 = tail + 0.30, nose - 0.45
    body.both(facing_y([(x0, z0), (x1, z0), (x1 - 0.1, z1), (x0, z1)], half + 0.008), LEFT, "glass", GLASS)
    for i in range(1, 7):
        x = x0 + (x1 - x0) * i / 7
        body.both(
            facing_y([(x - 0.04, z0), (x + 0.04, z0), (x + 0.04, z1), (x - 0.04, z1)], half + 0.014),
            LEFT,
            "plastic",
            BLACK,
            fine=True,
        )
    for x in (nose - 1.5, nose - 6.2):
        door = [
            (x - 0.6, -half - 0.012, 0.38),
            (x + 0.6, -half - 0.012, 0.38),
            (x + 0.6, -half - 0.012, z1),
            (x - 0.6, -half - 0.012, z1),
        ]
        body.add(door, (0.0, -1.0, 0.0), "glass", GLASS)
        seam = [
            (x - 0.02, -half - 0.018, 0.38),
            (x + 0.02, -half - 0.018, 0.38),
            (x + 0.02, -half - 0.018, z1),
            (x - 0.02, -half - 0.018, z1),
        ]
        body.add(seam, (0.0, -1.0, 0.0), "plastic", BLACK, fine=True)
    skirt = [(tail, 0.22), (nose, 0.22), (nose, 0.40), (tail, 0.40)]
    body.both(facing_y(skirt, half - 0.02), LEFT, "plastic", (0.02, 0.02, 0.02))
    for x in (nose - 2.75, tail + 3.1):
        body.wheel(x, half + 0.004, 0.48, (0.25, 0.25, 0.26), arch=0.07)
    body.treads(tail + 3.1, half - 0.02, 0.48, 0.5, BEHIND, 0.24)
    body.treads(nose - 2.75, half - 0.02, 0.48, 0.3, AHEAD, 0.24)


def _add_bus_front(body: MeshBuilder, nose: float, half: float, belt: float, rail: float, rake: float) -> None:
    body.across((nose - 0.04, half - 0.02, 0.20), (nose, half, 0.36), AHEAD, "plastic", (0.02, 0.02, 0.02))
    body.across((nose + 0.01, half - 0.06, belt + 0.02), (nose - rake + 0.02, half - 0.06, rail), AHEAD, "glass", GLASS)
    body.across(
        (nose + 0.012, half - 0.08, belt - 0.14), (nose + 0.012, half - 0.08, belt + 0.02), AHEAD, "plastic", BLACK
    )
    board = facing_x(nose - rake - 0.02, -half + 0.35, half - 0.35, rail + 0.02, rail + 0.26)
    body.add([(x + (0.0 if z < rail + 0.1 else -0.06), y, z) for x, y, z in board], AHEAD, "sign", (0.06, 0.05, 0.02))
    body.both(facing_x(nose + 0.008, half - 0.60, half - 0.03, 0.56, 0.95), AHEAD, "plastic", (0.05, 0.05, 0.05))
    body.both(facing_x(nose + 0.014, half - 0.55, half - 0.08, 0.60, 0.80), AHEAD, "headlamp", LENS)
    body.both(facing_x(nose + 0.014, half - 0.20, half - 0.06, 0.82, 0.92), AHEAD, "indicator", AMBER)
    body.add(facing_x(nose + 0.014, -0.26, 0.26, 0.44, 0.56), AHEAD, "plate", WHITE_PLATE)
    for x, facing in ((nose - 0.02, BEHIND), (nose + 0.0, AHEAD)):
        body.both(facing_x(x, half - 0.01, half + 0.02, belt + 0.45, belt + 0.95), facing, "plastic", BLACK, fine=True)


def _add_bus_rear(body: MeshBuilder, tail: float, half: float, belt: float, rail: float) -> None:
    body.across((tail + 0.04, half - 0.02, 0.20), (tail, half, 0.40), BEHIND, "plastic", (0.02, 0.02, 0.02))
    body.across(
        (tail - 0.012, half - 0.28, belt + 0.25), (tail + 0.033, half - 0.30, rail - 0.04), BEHIND, "glass", GLASS
    )
    body.add(facing_x(tail - 0.012, -half + 0.40, half - 0.40, 0.55, 0.98), BEHIND, "plastic", (0.03, 0.03, 0.03))
    for i in range(3):
        z = 0.62 + 0.12 * i
        body.add(
            facing_x(tail - 0.018, -half + 0.44, half - 0.44, z, z + 0.03),
            BEHIND,
            "metal",
            (0.10, 0.10, 0.10),
            fine=True,
        )
    for material, albedo, z0, z1 in (
        ("tail_lamp", TAIL_RED, 0.92, 1.16),
        ("brake_lamp", BRAKE_RED, 0.66, 0.90),
        ("indicator", AMBER, 0.52, 0.64),
    ):
        body.both(facing_x(tail - 0.014, half - 0.24, half - 0.06, z0, z1), BEHIND, material, albedo)  # type: ignore[arg-type]
    body.add(facing_x(tail - 0.012, -0.26, 0.26, 1.06, 1.18), BEHIND, "plate", WHITE_PLATE)
    body.add(facing_x(tail + 0.018, -0.3, 0.3, rail - 0.02, rail + 0.05), BEHIND, "brake_lamp", BRAKE_RED)
