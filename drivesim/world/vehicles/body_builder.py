"""What vehicle bodies are built with: colours, and a builder of polygons that mirrors sides and knows wheels and blocks."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from drivesim.scene.triples import Colour, Point
from drivesim.world.render.mesh import MATERIALS, SIDES, Material, Mesh

AHEAD: Point = (1.0, 0.0, 0.0)
BEHIND: Point = (-1.0, 0.0, 0.0)
LEFT: Point = (0.0, 1.0, 0.0)
UP: Point = (0.0, 0.0, 1.0)

GLASS: Colour = (0.022, 0.026, 0.028)
BLACK: Colour = (0.018, 0.018, 0.019)
RUBBER: Colour = (0.022, 0.022, 0.023)
TAIL_RED: Colour = (0.26, 0.010, 0.012)
BRAKE_RED: Colour = (0.36, 0.016, 0.016)
AMBER: Colour = (0.50, 0.16, 0.02)
LENS: Colour = (0.62, 0.64, 0.66)
WHITE_PLATE: Colour = (0.68, 0.68, 0.64)
STEEL: Colour = (0.42, 0.43, 0.44)


def facing_y(points: Sequence[tuple[float, float]], y: float) -> list[Point]:
    """An outline (x, z) in the plane across y."""
    return [(x, y, z) for x, z in points]


def facing_x(x: float, y0: float, y1: float, z0: float, z1: float) -> list[Point]:
    """A rectangle in the plane across x."""
    return [(x, y0, z0), (x, y1, z0), (x, y1, z1), (x, y0, z1)]


class MeshBuilder:
    """Collects the polygons of one vehicle in its object frame; `seed` varies the textures of the whole vehicle.

    Polygons marked `fine` are details that the far version of the body leaves out.
    """

    def __init__(self, seed: float) -> None:
        self.seed = seed
        self._points: list[Sequence[Point]] = []
        self._material: list[int] = []
        self._albedo: list[Colour] = []
        self._facing: list[Point] = []
        self._fine: list[bool] = []

    def add(
        self, points: Sequence[Point], facing: Point, material: Material, albedo: Colour, fine: bool = False
    ) -> None:
        """One convex polygon of 3 to SIDES points in either order; its outside is the side that `facing` points to."""
        self._points.append(points)
        self._material.append(MATERIALS.index(material))
        self._albedo.append(albedo)
        self._facing.append(facing)
        self._fine.append(fine)

    def both(
        self, points: Sequence[Point], facing: Point, material: Material, albedo: Colour, fine: bool = False
    ) -> None:
        """A polygon on the left and its mirror image on the right."""
        self.add(points, facing, material, albedo, fine)
        mirrored = [(x, -y, z) for x, y, z in points]
        self.add(mirrored, (facing[0], -facing[1], facing[2]), material, albedo, fine)

    def across(
        self,
        lower: tuple[float, float, float],
        upper: tuple[float, float, float],
        facing: Point,
        material: Material,
        albedo: Colour,
        fine: bool = False,
    ) -> None:
        """A symmetric trapezoid between two cross lines, each (x, half width, z)."""
        (x0, y0, z0), (x1, y1, z1) = lower, upper
        self.add([(x0, y0, z0), (x0, -y0, z0), (x1, -y1, z1), (x1, y1, z1)], facing, material, albedo, fine)

    def wheel(self, x: float, y: float, radius: float, rim: Colour, arch: float = 0.0, top: float = 9.0) -> None:
        """A pair of wheels on the sides +-y: a dark arch (0: none, cut at height `top`), tyre, rim and hub."""
        if arch > 0:
            outer = (radius + arch) / math.cos(math.pi / 12)
            angles = np.linspace(-0.12, math.pi + 0.12, 8)
            ring = [(x + outer * math.cos(a), y, min(top, radius + outer * math.sin(a))) for a in angles]
            self.both(ring, LEFT, "plastic", (0.008, 0.008, 0.009))
        discs: tuple[tuple[float, float, Material, Colour, bool], ...] = (
            (1.02, 0.008, "rubber", RUBBER, False),
            (0.68, 0.012, "metal", rim, False),
            (0.20, 0.018, "plastic", BLACK, True),
        )
        for share, proud, material, albedo, fine in discs:
            for half in (0.5, 0.0):  # two octagons, one turned, look round
                angles = (np.arange(8) + half) * math.pi / 4
                rise = [max(0.0, radius + share * radius * math.sin(a)) for a in angles]
                ring = [(x + share * radius * math.cos(a), y + proud, z) for a, z in zip(angles, rise, strict=True)]
                if half or share > 0.5:
                    self.both(ring, LEFT, material, albedo, fine or not half)

    def treads(self, x: float, y: float, radius: float, width: float, facing: Point, top: float) -> None:
        """The two tyres of an axle as seen from behind or ahead, up to `top`, the lower edge of the bodywork."""
        low, share = x + 0.40 * radius * facing[0], min(top / (0.75 * radius), 1.0)
        high, z = low + 0.58 * radius * facing[0] * share, 0.75 * radius * share
        points = [(low, y, 0.0), (low, y - width, 0.0), (high, y - width, z), (high, y, z)]
        self.both(points, facing, "rubber", RUBBER)

    def block(self, low: Point, high: Point, material: Material, albedo: Colour, fine: bool = False) -> None:
        """The five upper faces of an axis-aligned box (no floor)."""
        (x0, y0, z0), (x1, y1, z1) = low, high
        self.add([(x1, y0, z0), (x1, y1, z0), (x1, y1, z1), (x1, y0, z1)], AHEAD, material, albedo, fine)
        self.add([(x0, y0, z0), (x0, y1, z0), (x0, y1, z1), (x0, y0, z1)], BEHIND, material, albedo, fine)
        self.add([(x0, y1, z0), (x1, y1, z0), (x1, y1, z1), (x0, y1, z1)], LEFT, material, albedo, fine)
        self.add([(x0, y0, z0), (x1, y0, z0), (x1, y0, z1), (x0, y0, z1)], (0.0, -1.0, 0.0), material, albedo, fine)
        self.add([(x0, y0, z1), (x1, y0, z1), (x1, y1, z1), (x0, y1, z1)], UP, material, albedo, fine)

    def mesh(self, fine: bool) -> Mesh:
        """Everything as one mesh; without the polygons marked fine unless `fine`."""
        kept = np.flatnonzero(np.array([fine or not f for f in self._fine]))
        vertices = np.array(
            [[*self._points[i], *[self._points[i][-1]] * (SIDES - len(self._points[i]))] for i in kept], np.float32
        )
        facing = np.array(self._facing, np.float32)[kept]
        rolled = np.roll(vertices, -1, axis=1)
        normal = np.cross(vertices, rolled).sum(axis=1)  # Newell: twice the area times the normal
        backward = (normal * facing).sum(axis=1) < 0
        counts = np.array([len(self._points[i]) for i in kept])
        vertices[backward] = vertices[backward, ::-1]
        # a reversed polygon starts with its repeats; roll them to the end
        for i in np.flatnonzero(backward & (counts < SIDES)):
            k = SIDES - counts[i]
            vertices[i] = np.concatenate([vertices[i, k:], np.repeat(vertices[i, -1:], k, axis=0)])
        normal[backward] *= -1
        normal /= np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-9)
        along = vertices[:, 1] - vertices[:, 0]
        along /= np.maximum(np.linalg.norm(along, axis=1, keepdims=True), 1e-9)
        uv = np.stack([vertices[:, 0], along, np.cross(normal, along)], axis=1)
        return Mesh(
            vertices,
            np.array(self._material, np.int64)[kept],
            np.array(self._albedo, np.float32)[kept],
            np.full(len(kept), self.seed, np.float32),
            uv.astype(np.float32),
        )
