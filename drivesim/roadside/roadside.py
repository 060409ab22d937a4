"""The roadside of one world: what it follows from, what is the same over stretches longer than a cell, and the cells."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import NamedTuple

import numpy as np

from drivesim.roadside.alignment import Alignment
from drivesim.roadside.cross_section import CrossSection, sample_cross_section
from drivesim.roadside.style import Style
from drivesim.roadside.things import (
    ASPECTS,
    PIECE,
    Barrier,
    Fence,
    GuardRail,
    Plant,
    Slope,
    Standing,
    Thing,
    Wall,
    colour_of,
)
from drivesim.scene.clip import RoadsideKey
from drivesim.scene.road import Road, Setting

CELL = 40.0  # m of road per cell
REACH: dict[Setting, int] = {"highway": 9, "city": 7, "residential": 6, "rural": 8}  # cells seen ahead
SIDES = (-1, 1)  # right and left of the road


class Junction(NamedTuple):
    """A cross street at `s`, `half` m to either side; with signals it has crossings and stop lines."""

    s: float
    half: float
    signals: bool


@dataclass(frozen=True, eq=False)
class Roadside:
    """All that the roadside follows from; everything about it is a pure function of these.

    `lamp_posts`: lamp posts stand along the road (see Style.has_lamp_posts). In every `future` what can be seen from s = 0 is the
    same, as its first frame is, and what stands beyond is drawn for it alone; road, style and junctions are the same all along.
    """

    seed: int
    setting: Setting
    section: CrossSection
    alignment: Alignment
    lamp_posts: bool
    future: int | None = None  # None: the one roadside of a world
    style: Style = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "style", Style.of(self.seed))

    @classmethod
    def of(cls, seed: int, road: Road, lamp_posts: bool) -> Roadside:
        """The roadside of the world of `seed` along `road`, whose curvature is that at s = 0."""
        section = sample_cross_section(road, np.random.default_rng([seed, 2]))
        return cls(seed, road.setting, section, Alignment(seed, road.setting, road.curvature), lamp_posts)

    @classmethod
    def rebuilt(cls, key: RoadsideKey, road: Road) -> Roadside:
        """The one that a clip's labels tell of; `road` says setting and lanes."""
        return cls.of(key.seed, replace(road, curvature=key.curvature), key.lamp_posts)

    @property
    def reach(self) -> float:
        """How far ahead anything stands (m)."""
        return CELL * REACH[self.setting]

    @property
    def common(self) -> float:
        """Metres along the road up to which all futures have the same: what stands in the last cell that is seen from s = 0."""
        return CELL * self.cells(0.0).stop

    def edge(self, side: int) -> float:
        """d at which paving ends on a side."""
        return self.section.edge_right if side < 0 else self.section.edge_left

    def cells(self, s: float) -> range:
        """Cells from a little behind s to as far as is seen."""
        return range(int(np.floor((s - 25.0) / CELL)), int(np.floor(s / CELL)) + REACH[self.setting] + 1)

    def cell_generator(self, index: int) -> np.random.Generator:
        """The generator of what stands in a cell."""
        return np.random.default_rng([self.seed, 22, index + 100_000, *self._branch(index * CELL)])

    def stretch_generator(self, s: float, length: float, tag: int) -> np.random.Generator:
        """A generator shared by everything within the same stretch of `length` m around s, on either side of `common`."""
        return np.random.default_rng([self.seed, 23, tag, int(np.floor(s / length)) + 100_000, *self._branch(s)])

    def _branch(self, s: float) -> list[int]:
        """What keys of generators at s end in: nothing where all futures have the same."""
        return [] if self.future is None or s < self.common else [1 + self.future]  # a last 0 would change no generator

    def bank(self, s: np.ndarray | float, side: int) -> np.ndarray:
        """Height (m) of the earth bank on a side (-1 right, 1 left) at s; zero over long stretches."""
        s, style = np.asarray(s, np.float64), self.style
        phase = (style.bank_left if side > 0 else style.bank_right) * 400
        wave = (
            np.sin((s + phase) / 61.0)
            + 0.7 * np.sin((s + 2.3 * phase) / 143.0)
            + 0.25 * np.sin((s + 3.1 * phase) / 23.0)
        )
        steep = {"highway": 3.2, "rural": 1.6}.get(self.setting, 0.0) * style.bank_steepness
        return np.clip(wave - 0.2 + 0.6 * style.bank_share, 0, None) * steep * (s * 0 + 1)

    def bank_height(self, s: float, side: int, beyond: float) -> float:
        """Ground height `beyond` m outside the edge of the road."""
        rise = float(self.bank(s, side))
        return rise * float(np.clip((beyond - 4.0) / 14.0, 0, 1))

    def junctions(self, low: float, high: float) -> list[Junction]:
        """Junctions between s = low and high."""
        spacing = self.section.junctions
        if not spacing:
            return []
        found = []
        for k in range(int(np.floor(low / spacing)) - 1, int(np.ceil(high / spacing)) + 1):
            rng = np.random.default_rng([self.seed, 24, k + 100_000])
            s = (k + 0.5 + rng.uniform(-0.25, 0.25)) * spacing
            half = rng.uniform(3.2, 7.5) if self.setting == "city" else rng.uniform(3.0, 4.0)
            signals = bool(rng.random() < (0.75 if self.setting == "city" else 0.15))
            if low <= s <= high:
                found.append(Junction(s, half, signals))
        return found

    def in_junction(self, s: float, margin: float) -> bool:
        """Whether s is within `margin` of a cross street."""
        return any(abs(s - junction.s) < junction.half + margin for junction in self.junctions(s - 40, s + 40))


@dataclass
class Cell:
    """What stands in one cell of a roadside, collected in the order in which it is drawn from `rng`."""

    roadside: Roadside
    start: float
    rng: np.random.Generator
    standing: list[Standing | Slope] = field(default_factory=list)
    plants: list[Plant] = field(default_factory=list)

    def put(
        self, thing: Thing, s: float, d: float, turn: float = 0.0, stretch: float = 1.0, shadow: bool = True
    ) -> None:
        """Places a thing (see Standing)."""
        self.standing.append(Standing(thing, s, d, turn, stretch, shadow))

    def put_row(self, piece: Barrier | GuardRail | Wall | Fence, d: float, shadow: bool = True) -> None:
        """Copies of `piece` (PIECE m long), one after the other along d, stretched to meet in bends."""
        for s in np.arange(self.start, self.start + CELL - 0.01, PIECE):
            length, turn = self.chord(s, d, PIECE)
            self.put(piece, s, d, turn, length / PIECE, shadow)

    def chord(self, s: float, d: float, length: float) -> tuple[float, float]:
        """Length (m) of the straight line from (s, d) to (s + length, d), and its turn from the road at s (rad)."""
        x0, y0, here = self.roadside.alignment.point(s, d)
        x1, y1, _ = self.roadside.alignment.point(s + length, d)
        return float(np.hypot(x1 - x0, y1 - y0)), float(np.arctan2(y1 - y0, x1 - x0)) - here

    def grow(
        self,
        species: str,
        s: float,
        d: float,
        height: float,
        wide: tuple[float, float] | float = 1.0,
        z: float = 0.0,
        leaf: str | None = None,
        darker: float = 1.0,
    ) -> None:
        """Vegetation `height` m tall, `wide` times (or drawn from a range) as wide as usual; `leaf` names whose colour it has."""
        rng = self.rng
        straw, shade, hue = rng.uniform(0, 0.9), rng.uniform(0.65, 1.3), colour_of(1 + rng.normal(0, 0.07, 3))
        width = height * ASPECTS[species] * (wide if isinstance(wide, float) else rng.uniform(*wide))
        mirror = bool(rng.random() < 0.5)
        self.plants.append(Plant(species, s, d, z, height, width, leaf or species, straw, shade, hue, darker, mirror))
