"""Shape of a car or van: its measures, and the coordinates of its shell that follow from them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from drivesim.scene.triples import Point


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
class CarFrame:
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
        back = (0.16, 0.04, 0.0, 0.14) if front else (0.14, 0.03, 0.0, 0.10)
        zs = (s.clearance, s.sill, s.waist, s.nose if front else s.belt)
        end, sign = (self.nose, -1.0) if front else (self.tail, 1.0)
        corner = s.front_corner if front else s.rear_corner  # narrows evenly, which keeps its panels planar
        taper = 0.46 if front else 0.42
        return [(end + sign * b, self.half(z) - taper * (corner - b), z) for b, z in zip(back, zs, strict=True)]

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

    def corner_patch(self, ahead: bool, low: float, high: float, reach: float) -> list[Point]:
        """A lamp on the corner panel: heights as shares of it above the waist, `reach` its share of the corner's length."""
        s, line = self.shape, self.levels(ahead)
        x = self.nose - s.front_corner if ahead else self.tail + s.rear_corner
        top = self.bonnet(x) if ahead else s.belt
        inner = [np.array([x, self.half(s.waist), s.waist]), np.array([x, self.half(top), top])]
        outer = [np.array(line[2]), np.array(line[3])]
        sign = 1.0 if ahead else -1.0
        out: list[Point] = []
        for v, u in ((low, 1.0), (low, 1 - reach), (high, 1 - reach), (high, 1.0)):
            p = (outer[0] * (1 - v) + outer[1] * v) * u + (inner[0] * (1 - v) + inner[1] * v) * (1 - u)
            out.append((float(p[0] + 0.006 * sign), float(p[1] + 0.008), float(p[2])))
        return out

    def on_end(self, ahead: bool, y0: float, y1: float, low: float, high: float, proud: float = 0.012) -> list[Point]:
        """A patch on the end face from y0 to y1 (m): `low` and `high` are shares of it above the waist, negative below."""
        line = self.levels(ahead)
        sign = 1.0 if ahead else -1.0

        def at(share: float) -> tuple[float, float]:
            a, b, v = (line[2], line[3], share) if share >= 0 else (line[2], line[1], -share)
            return a[0] + (b[0] - a[0]) * v + sign * proud, a[2] + (b[2] - a[2]) * v

        (x0, z0), (x1, z1) = at(low), at(high)
        return [(x0, y0, z0), (x0, y1, z0), (x1, y1, z1), (x1, y0, z1)]
