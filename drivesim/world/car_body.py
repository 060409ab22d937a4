"""Bodies of cars and vans: one lofted shell (bands along the sides, tapered corners, cabin with tumblehome) and its details."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from drivesim.world.body_parts import (
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
    BodyBuilder,
    Colour,
    Point,
)


@dataclass(frozen=True)
class CarShape:
    """Measures in metres. Heights are above the road; `cowl`, `screen`, `front_axle` are behind the nose, `roof_end`,
    `glass_base`, `rear_axle` ahead of the tail. `pillars` are shares (0 rear, 1 front) of the side window where a dark
    pillar stands; `windows` is the share of the cabin side, from `windows[0]` to `windows[1]`, that is glass."""

    length: float
    width: float
    height: float
    clearance: float
    sill: float
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
    pillars: tuple[float, ...] = (0.52,)
    windows: tuple[float, float] = (0.0, 1.0)
    rear_glass: bool = True
    cladding: bool = False
    taillight: str = "wide"  # wide, tall
    plate_low: bool = False


@dataclass(frozen=True)
class _Frame:
    """Derived coordinates of a shape: the ends, half widths at the four levels, and the lines of the cabin."""

    shape: CarShape

    @property
    def nose(self) -> float:
        return self.shape.length / 2

    @property
    def tail(self) -> float:
        return -self.shape.length / 2

    def half(self, z: float) -> float:
        """Half width of the side at height z, from clearance to belt."""
        s, w = self.shape, self.shape.width / 2 - 0.03
        return float(np.interp(z, [s.clearance, s.sill, s.waist, s.belt], [w - 0.09, w - 0.03, w, w - 0.07]))

    def levels(self, front: bool) -> list[Point]:
        """End line of the body (x, half width, z) at clearance, sill, waist and the upper edge of the nose or tail."""
        s = self.shape
        if front:
            back, taper, edge = (0.16, 0.04, 0.0, 0.14), 0.26, s.nose
        else:
            back, taper, edge = (0.14, 0.03, 0.0, 0.10), 0.13, s.belt
        end, sign = (self.nose, -1.0) if front else (self.tail, 1.0)
        zs = (s.clearance, s.sill, s.waist, edge)
        return [(end + sign * b, self.half(z) - taper, z) for b, z in zip(back, zs, strict=True)]

    def bonnet(self, x: float) -> float:
        """Height of the bonnet's edge at x, a gentle curve from the cowl to the nose."""
        s = self.shape
        share = (x - (self.nose - s.cowl)) / (s.cowl - 0.14)
        return s.belt - (s.belt - s.nose) * (0.55 * share + 0.45 * share * share)

    @property
    def roof_half(self) -> float:
        """Half width at the roof rail."""
        return self.half(self.shape.belt) - self.shape.lean

    @property
    def rail(self) -> float:
        """Height of the roof rail, where side windows end."""
        return self.shape.height - 0.07

    def cabin(self) -> tuple[float, float, float, float]:
        """x of glass base (rear), cowl, roof front, roof rear."""
        s = self.shape
        return self.tail + s.glass_base, self.nose - s.cowl, self.nose - s.screen, self.tail + s.roof_end

    def cabin_point(self, along: float, up: float) -> Point:
        """Point on the left side of the cabin; `along` 0 rear to 1 front, `up` 0 belt to 1 rail."""
        rear0, front0, front1, rear1 = self.cabin()
        rear, front = rear0 + (rear1 - rear0) * up, front0 + (front1 - front0) * up
        y = self.half(self.shape.belt) + (self.roof_half - self.half(self.shape.belt)) * up
        return rear + (front - rear) * along, y, self.shape.belt + (self.rail - self.shape.belt) * up


def add_car(body: BodyBuilder, shape: CarShape, paint: Colour, rng: np.random.Generator) -> None:
    """The whole car: shell, cabin, ends, wheels, details."""
    frame = _Frame(shape)
    trim: Colour = BLACK if shape.cladding or rng.random() < 0.35 else paint
    _add_sides(body, frame, paint, trim)
    _add_end(body, frame, True, paint, trim)
    _add_end(body, frame, False, paint, trim)
    _add_cabin(body, frame, paint, rng)
    _add_wheels(body, frame, rng)
    _add_front_details(body, frame, rng)
    _add_rear_details(body, frame, paint, rng)
    _add_side_details(body, frame, paint)


def _add_sides(body: BodyBuilder, frame: _Frame, paint: Colour, trim: Colour) -> None:
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


def _add_end(body: BodyBuilder, frame: _Frame, ahead: bool, paint: Colour, trim: Colour) -> None:
    line, facing = frame.levels(ahead), AHEAD if ahead else BEHIND
    x, y, z = line[0]
    inward = -0.25 if ahead else 0.25
    body.across((x + inward, y - 0.05, 0.15), (x, y, z), facing, "plastic", (0.010, 0.010, 0.010))
    for i in range(3):
        colour = trim if i == 0 else paint
        body.across(line[i], line[i + 1], facing, "plastic" if colour == BLACK else "paint", colour)


def _add_cabin(body: BodyBuilder, frame: _Frame, paint: Colour, rng: np.random.Generator) -> None:
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
    side = [(rear1, rail, frame.rail), (front1, rail, frame.rail), (in_front, inset, s.height), (in_rear, inset, s.height)]
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


def _add_side_windows(body: BodyBuilder, frame: _Frame) -> None:
    s = frame.shape
    start, end = s.windows
    span = max(frame.cabin()[1] - frame.cabin()[0], 0.1)
    margin_rear, margin_front = 0.16 / span, 0.07 / span
    low, high = 0.05, 0.93

    def point(along: float, up: float, proud: float) -> Point:
        x, y, z = frame.cabin_point(along, up)
        return x, y + proud, z

    u0, u1 = max(start, margin_rear), min(end, 1 - margin_front)
    body.both([point(u0, low, 0.01), point(u1, low, 0.01), point(u1, high, 0.01), point(u0, high, 0.01)], LEFT, "glass", GLASS)
    for pillar in s.pillars:
        u, w = u0 + (u1 - u0) * pillar, 0.045 / span
        x0, _, _ = frame.cabin_point(u, 0.0)
        shift = (u - 0.5) * 0.04
        points = [point(u - w, low, 0.018), point(u + w, low, 0.018), point(u + w - shift, high, 0.018), point(u - w - shift, high, 0.018)]
        body.both(points, LEFT, "plastic", BLACK, fine=True)
    strip = [point(u0, low - 0.05, 0.014), point(u1, low - 0.05, 0.014), point(u1, low, 0.014), point(u0, low, 0.014)]
    body.both(strip, LEFT, "plastic", BLACK, fine=True)


def _add_wheels(body: BodyBuilder, frame: _Frame, rng: np.random.Generator) -> None:
    s = frame.shape
    y = s.width / 2 - 0.03
    shade = float(rng.choice([0.38, 0.30, 0.16, 0.05], p=[0.4, 0.3, 0.15, 0.15]))
    for x in (frame.nose - s.front_axle, frame.tail + s.rear_axle):
        body.wheel(x, y + 0.004, s.wheel, (shade, shade, shade * 1.02), arch=0.055)
    width = 0.215
    body.treads(frame.tail + s.rear_axle, y - 0.02, s.wheel, width, BEHIND)
    body.treads(frame.nose - s.front_axle, y - 0.02, s.wheel, width, AHEAD)


def _corner_patch(frame: _Frame, ahead: bool, low: float, high: float, reach: float) -> list[Point]:
    """A lamp on the corner panel: heights as shares of the panel above the waist, `reach` its share of the corner's length."""
    s, line = frame.shape, frame.levels(ahead)
    x = frame.nose - s.front_corner if ahead else frame.tail + s.rear_corner
    top = frame.bonnet(x) if ahead else s.belt
    inner = [np.array([x, frame.half(s.waist), s.waist]), np.array([x, frame.half(top), top])]
    outer = [np.array(line[2]), np.array(line[3])]
    sign = 1.0 if ahead else -1.0
    out: list[Point] = []
    for v, u in ((low, 1.0), (low, 1 - reach), (high, 1 - reach), (high, 1.0)):
        p = (outer[0] * (1 - v) + outer[1] * v) * u + (inner[0] * (1 - v) + inner[1] * v) * (1 - u)
        out.append((float(p[0] + 0.006 * sign), float(p[1] + 0.008), float(p[2])))
    return out


def _on_end(frame: _Frame, ahead: bool, y0: float, y1: float, low: float, high: float, proud: float = 0.012) -> list[Point]:
    """A patch on the face above the waist (shares of its height), or below it with negative shares, from y0 to y1 (m)."""
    line = frame.levels(ahead)
    sign = 1.0 if ahead else -1.0

    def at(share: float) -> tuple[float, float]:
        a, b, v = (line[2], line[3], share) if share >= 0 else (line[2], line[1], -share)
        return a[0] + (b[0] - a[0]) * v + sign * proud, a[2] + (b[2] - a[2]) * v

    (x0, z0), (x1, z1) = at(low), at(high)
    return [(x0, y0, z0), (x0, y1, z0), (x1, y1, z1), (x1, y0, z1)]


def _add_front_details(body: BodyBuilder, frame: _Frame, rng: np.random.Generator) -> None:
    edge = frame.levels(True)[3][1]
    chrome = rng.random() < 0.4
    grille = float(rng.uniform(0.45, 0.62)) * edge
    body.add(_on_end(frame, True, -grille, grille, 0.08, 0.88), AHEAD, "plastic", (0.014, 0.014, 0.014))
    housing: Colour = (0.05, 0.052, 0.055)
    body.both(_on_end(frame, True, grille + 0.02, edge + 0.01, 0.10, 0.95), AHEAD, "plastic", housing)
    body.both(_corner_patch(frame, True, 0.10, 0.95, 0.55), (1.0, 1.0, 0.0), "plastic", housing)
    body.both(_on_end(frame, True, grille + 0.06, edge + 0.01, 0.22, 0.80, 0.018), AHEAD, "headlamp", LENS)
    body.both(_corner_patch(frame, True, 0.30, 0.80, 0.30), (1.0, 1.0, 0.0), "headlamp", LENS)
    body.both(_corner_patch(frame, True, 0.15, 0.28, 0.50), (1.0, 1.0, 0.0), "indicator", AMBER, fine=True)
    if chrome:
        body.add(_on_end(frame, True, -grille, grille, 0.80, 0.90, 0.018), AHEAD, "chrome", (0.5, 0.5, 0.5), fine=True)
    intake = float(rng.uniform(0.75, 0.95)) * edge
    body.add(_on_end(frame, True, -intake, intake, -0.97, -0.50), AHEAD, "plastic", (0.012, 0.012, 0.012))
    body.add(_on_end(frame, True, -0.26, 0.26, -0.52, -0.16, 0.02), AHEAD, "plate", WHITE_PLATE)
    body.both(_on_end(frame, True, edge - 0.16, edge - 0.02, -0.70, -0.50, 0.018), AHEAD, "plastic", LENS, fine=True)


def _add_rear_details(body: BodyBuilder, frame: _Frame, paint: Colour, rng: np.random.Generator) -> None:
    s = frame.shape
    edge = frame.levels(False)[3][1]
    if s.taillight == "wide":
        inner, low, high = edge - float(rng.uniform(0.22, 0.36)), 0.34, 0.86
        split = inner + 0.45 * (edge - inner)
        body.both(_on_end(frame, False, split, edge + 0.01, low, high), BEHIND, "tail_lamp", TAIL_RED)
        body.both(_on_end(frame, False, inner, split, low + 0.16, high), BEHIND, "brake_lamp", BRAKE_RED)
        body.both(_on_end(frame, False, inner, split, low, low + 0.15), BEHIND, "indicator", AMBER, fine=True)
        body.both(_corner_patch(frame, False, low, high, 0.75), (-1.0, 1.0, 0.0), "tail_lamp", TAIL_RED)
        if rng.random() < 0.2:  # light bar between the lamps
            body.add(_on_end(frame, False, -inner, inner, 0.62, 0.70), BEHIND, "tail_lamp", TAIL_RED, fine=True)
    else:
        inner = edge - 0.15
        body.both(_on_end(frame, False, inner, edge + 0.01, 0.62, 0.98), BEHIND, "tail_lamp", TAIL_RED)
        body.both(_on_end(frame, False, inner, edge + 0.01, 0.28, 0.60), BEHIND, "brake_lamp", BRAKE_RED)
        body.both(_on_end(frame, False, inner, edge + 0.01, 0.10, 0.27), BEHIND, "indicator", AMBER, fine=True)
        body.both(_corner_patch(frame, False, 0.28, 0.98, 0.5), (-1.0, 1.0, 0.0), "tail_lamp", TAIL_RED)
    low, high = (-0.55, -0.10) if s.plate_low else (0.24, 0.24 + 0.15 / (s.belt - s.waist))
    body.add(_on_end(frame, False, -0.34, 0.34, low - 0.04, high + 0.06), BEHIND, "paint", _darker(paint), fine=True)
    body.add(_on_end(frame, False, -0.22, 0.22, low, high, 0.02), BEHIND, "plate", WHITE_PLATE)
    body.add(_on_end(frame, False, -edge - 0.02, edge + 0.02, -0.03, 0.02), BEHIND, "plastic", BLACK, fine=True)
    rear0, _, _, rear1 = frame.cabin()
    share = 0.86 if s.rear_glass else 0.93
    third = [
        (rear0 + (rear1 - rear0) * v - 0.022, y, s.belt + (frame.rail - s.belt) * v)
        for y, v in ((-0.16, share), (0.16, share), (0.16, share + 0.05), (-0.16, share + 0.05))
    ]
    body.add(third, (-1.0, 0.0, 0.6), "brake_lamp", BRAKE_RED)
    if rng.random() < 0.5:
        body.both(_on_end(frame, False, edge - 0.28, edge - 0.12, -0.98, -0.86), BEHIND, "chrome", (0.4, 0.4, 0.4), fine=True)


def _add_side_details(body: BodyBuilder, frame: _Frame, paint: Colour) -> None:
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
    front = [(x + 0.10, inner, z), (x + 0.10, outer - 0.02, z + 0.02), (x + 0.10, outer - 0.02, z + 0.14), (x + 0.10, inner, z + 0.14)]
    body.both(front, AHEAD, "paint", paint, fine=True)
    side = [back[1], front[1], front[2], back[2]]
    body.both(side, LEFT, "paint", paint, fine=True)


def _darker(colour: Colour) -> Colour:
    return (0.35 * colour[0], 0.35 * colour[1], 0.35 * colour[2])
