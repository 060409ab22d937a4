"""What stands beside the road, drawn cell by cell along s, so that clips of any length find the same place the same."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import cv2
import numpy as np

from drivesim.scene.road import Setting
from drivesim.world.alignment import Alignment
from drivesim.world.cross_section import Layout
from drivesim.world.light.lighting import Lighting
from drivesim.world.render.geometry import Geometry, assemble, footprint_of, merged
from drivesim.world.render.mesh import Mesh
from drivesim.world.roadside.sprites import SPECIES, Sprite, species_index

CELL = 40.0  # m of road per cell
OUTLINE = 12  # corners kept of a shadow
REACH: dict[Setting, int] = {"highway": 9, "city": 7, "residential": 6, "rural": 8}  # cells seen ahead


@dataclass
class Site:
    """Collects the objects of a cell; places are road coordinates, turned into the world frame at once."""

    alignment: Alignment
    rng: np.random.Generator
    lighting: Lighting
    meshes: list[Mesh] = field(default_factory=list)
    footprints: list[np.ndarray] = field(default_factory=list)
    shadows: list[np.ndarray] = field(default_factory=list)
    sprites: list[Sprite] = field(default_factory=list)
    lamps: list[np.ndarray] = field(default_factory=list)
    emissions: list[float] = field(default_factory=list)

    def put(
        self,
        mesh: Mesh,
        s: float,
        d: float,
        z: float = 0.0,
        turn: float = 0.0,
        shadow: bool = True,
        emission: float = 0.0,
        stretch: float = 1.0,
    ) -> None:
        """A mesh in its local frame, its origin at (s, d), its x along the road turned by `turn` and stretched."""
        x, y, heading = self.alignment.point(s, d)
        placed = mesh.moved(x, y, z, heading + turn, (stretch, 1.0, 1.0))
        self.meshes.append(placed)
        self.footprints.append(footprint_of(placed, heading + turn))
        self.emissions.append(emission)
        if shadow and not self.lighting.night:
            self.shadows.append(shadow_outline(placed.vertices, self.lighting.sun))

    def grow(
        self, name: str, s: float, d: float, height: float, tint: np.ndarray, wide: float = 1.0, z: float = 0.0
    ) -> None:
        """Vegetation of a species, `height` m tall."""
        x, y, _ = self.alignment.point(s, d)
        width = height * SPECIES[name].aspect * wide
        self.sprites.append(
            Sprite((x, y, z), (width, height), species_index(name), tuple(tint), bool(self.rng.random() < 0.5))
        )

    def tint(self, name: str) -> np.ndarray:
        """A leaf colour that suits species and season."""
        rng, dry = self.rng, self.lighting.dry
        if name in ("pine", "fir"):
            base = np.array([0.038, 0.062, 0.036])
        elif name in ("gum", "gum2"):
            base = np.array([0.085, 0.092, 0.052])
        elif name == "bare":
            base = np.array([0.16, 0.13, 0.09])
        else:
            base = np.array([0.068, 0.098, 0.030])
        if name == "grass":
            base = (1 - dry) * np.array([0.09, 0.13, 0.04]) + dry * np.array([0.34, 0.26, 0.13])
        base = base * (1 + np.array([0.55, 0.1, 0.15]) * dry * rng.uniform(0, 0.9))
        return (base * rng.uniform(0.65, 1.3) * (1 + rng.normal(0, 0.07, 3))).clip(0.01, 1)


def shadow_outline(vertices: np.ndarray, sun: np.ndarray) -> np.ndarray:
    """Convex outline [OUTLINE 2] of the shadow of vertices [... 3] on the ground, in their frame."""
    points = vertices.reshape(-1, 3)
    flat = points[:, :2] - points[:, 2:] * (sun[:2] / max(float(sun[2]), 0.12))
    hull = cv2.convexHull(flat.astype(np.float32))[:, 0]
    if len(hull) > OUTLINE:
        hull = hull[np.linspace(0, len(hull) - 1, OUTLINE).astype(int)]
    return np.concatenate([hull, np.repeat(hull[-1:], OUTLINE - len(hull), axis=0)])


@dataclass(frozen=True)
class Cell:
    """Finished scenery of one cell in the world frame; `shadows` outlines [m OUTLINE 2], `lamps` heads of street lamps [n 3]."""

    geometry: Geometry
    shadows: np.ndarray
    lamps: np.ndarray


class Scenery:
    """Cells of a world, made when first seen and kept."""

    def __init__(
        self,
        seed: int,
        setting: Setting,
        layout: Layout,
        lighting: Lighting,
        alignment: Alignment,
        furnish: Callable[[Scenery, Site, int], None],
    ) -> None:
        self.seed, self.setting, self.layout, self.lighting, self.alignment = seed, setting, layout, lighting, alignment
        self._furnish = furnish
        self.style = np.random.default_rng([seed, 21]).random(16)
        self.reach = CELL * REACH[setting]
        self._cells: dict[int, Cell] = {}
        self._merged: tuple[tuple[int, int], Cell] | None = None

    def around(self, s: float) -> Cell:
        """Everything from a little behind s to as far as is seen, as one cell."""
        first, last = int(np.floor((s - 25.0) / CELL)), int(np.floor(s / CELL)) + REACH[self.setting]
        if self._merged is None or self._merged[0] != (first, last):
            for index in [key for key in self._cells if key < first - 2]:
                del self._cells[index]
            cells = [self._cell(i) for i in range(first, last + 1)]
            whole = Cell(
                merged([c.geometry for c in cells]),
                np.concatenate([c.shadows for c in cells]),
                np.concatenate([c.lamps for c in cells]),
            )
            self._merged = ((first, last), whole)
        return self._merged[1]

    def _cell(self, index: int) -> Cell:
        if index not in self._cells:
            site = Site(self.alignment, np.random.default_rng([self.seed, 22, index + 100_000]), self.lighting)
            self._furnish(self, site, index)
            geometry = assemble(site.meshes, site.footprints, site.sprites)
            for i, emission in enumerate(site.emissions):
                geometry.emission[geometry.owner == i] = emission
            self._cells[index] = Cell(
                geometry,
                np.array(site.shadows, np.float64).reshape(-1, OUTLINE, 2),
                np.array(site.lamps, np.float32).reshape(-1, 3),
            )
        return self._cells[index]

    def stretch(self, s: float, length: float, tag: int) -> np.random.Generator:
        """A generator shared by everything within the same stretch of `length` m around s."""
        return np.random.default_rng([self.seed, 23, tag, int(np.floor(s / length)) + 100_000])

    def bank(self, s: np.ndarray | float, side: int) -> np.ndarray:
        """Height (m) of the earth bank on a side (-1 right, 1 left) at s; zero over long stretches."""
        s = np.asarray(s, np.float64)
        phase = self.style[2 + (side > 0)] * 400
        wave = (
            np.sin((s + phase) / 61.0)
            + 0.7 * np.sin((s + 2.3 * phase) / 143.0)
            + 0.25 * np.sin((s + 3.1 * phase) / 23.0)
        )
        steep = {"highway": 3.2, "rural": 1.6}.get(self.setting, 0.0) * self.style[4]
        return np.clip(wave - 0.2 + 0.6 * self.style[5], 0, None) * steep * (s * 0 + 1)

    def junctions(self, low: float, high: float) -> np.ndarray:
        """Junctions between s = low and high: [n 3] place, half width of the cross street, whether it has signals and crossings."""
        spacing = self.layout.junctions
        if not spacing:
            return np.zeros((0, 3))
        out = []
        for k in range(int(np.floor(low / spacing)) - 1, int(np.ceil(high / spacing)) + 1):
            rng = np.random.default_rng([self.seed, 24, k + 100_000])
            place = (k + 0.5 + rng.uniform(-0.25, 0.25)) * spacing
            half = rng.uniform(3.2, 7.5) if self.setting == "city" else rng.uniform(3.0, 4.0)
            signals = float(rng.random() < (0.75 if self.setting == "city" else 0.15))
            if low <= place <= high:
                out.append((place, half, signals))
        return np.array(out).reshape(-1, 3)

    def in_junction(self, s: float, margin: float) -> bool:
        """Whether s is within `margin` of a cross street."""
        return any(abs(s - place) < half + margin for place, half, _ in self.junctions(s - 40, s + 40))
