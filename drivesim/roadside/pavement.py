"""What is painted and paved on the ground, drawn once a world: lane lines, kerbs, junctions, as strips and patches."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from drivesim.roadside.cross_section import CrossSection
from drivesim.roadside.roadside import Junction, Roadside
from drivesim.scene.classes import SceneClass
from drivesim.scene.road import DASHES, Setting

CentreLine = Literal["double", "dashed", "half dashed", "none"]  # of undivided roads; half dashed: own side solid
_CENTRE_LINES: tuple[CentreLine, ...] = ("double", "dashed", "half dashed", "none")
_CENTRE_ODDS: dict[Setting, tuple[float, ...]] = {
    "highway": (1.0, 0.0, 0.0, 0.0),
    "city": (0.75, 0.1, 0.1, 0.05),
    "residential": (0.25, 0.2, 0.05, 0.5),
    "rural": (0.35, 0.35, 0.25, 0.05),
}
_EDGE_LINES: dict[Setting, float] = {"highway": 1.0, "rural": 0.75, "city": 0.35, "residential": 0.05}
KERB = 0.18  # m, width of a kerb stone
CROSSING, STOP = (0.9, 3.7), (4.6, 5.1)  # m from the cross street: extent of a crossing and of its stop line
BAR = 1.2  # m, period of a crossing's bars, which are half as wide


@dataclass(frozen=True)
class Line:
    """A painted line `half` m to either side of d = `centre`."""

    centre: float
    half: float
    yellow: bool = False
    dashed: bool = False


@dataclass(frozen=True)
class Pavement:
    """What is drawn of the ground, in the order in which it is drawn: the first draws of the generator of a world's ground.

    `tone` of asphalt, `slabs` of concrete with their own tone (0: asphalt), `tint` per channel; `lush`, `straw` shades of
    the verge; `planted`: the median within kerbs; `gravel` m beside an unkerbed road; `half` width of lines (m).
    """

    tone: float
    slabs: float
    tint: tuple[float, ...]
    lush: float
    straw: float
    planted: bool
    gravel: float
    half: float
    centre_line: CentreLine
    edge_lines: bool

    @classmethod
    def drawn(cls, section: CrossSection, setting: Setting, rng: np.random.Generator) -> Pavement:
        """A random one; the ground's materials are drawn on from the same generator."""
        tone = rng.uniform(0.05, 0.14)
        concrete = setting == "highway" and rng.random() < 0.25
        tint = tuple(rng.normal(0, 0.02, 3).tolist())
        slabs = rng.uniform(0.2, 0.3) if concrete else 0.0
        lush, straw = rng.uniform(0.8, 1.4), rng.uniform(0.7, 1.05)
        planted = section.median == "kerb" and bool(rng.random() < 0.6)
        gravel = 0.0 if section.sidewalk else rng.uniform(0.4, 1.8)
        half = rng.uniform(0.055, 0.08) if setting != "highway" else rng.uniform(0.065, 0.09)
        centre: CentreLine = "none"
        if not section.divided:
            centre = _CENTRE_LINES[int(rng.choice(4, p=_CENTRE_ODDS[setting]))]
        edged = bool(rng.random() < _EDGE_LINES[setting])
        return cls(tone, slabs, tint, lush, straw, planted, gravel, half, centre, edged)

    @classmethod
    def of(cls, roadside: Roadside) -> Pavement:
        """The one of a world."""
        return cls.drawn(roadside.section, roadside.setting, np.random.default_rng([roadside.seed, 4]))

    def lines(self, section: CrossSection) -> list[Line]:
        """Lane lines, the middle of the road, edge lines."""
        half, rows = self.half, []
        for outer, lanes in ((section.right, section.lanes), (section.near, section.oncoming_lanes)):
            rows += [Line(outer + lane * section.lane_width, half, dashed=True) for lane in range(1, lanes)]
        if section.divided:
            rows += [Line(d, half, yellow=True) for d in (section.left - 0.02, section.near + 0.02)]
        elif self.centre_line == "dashed":
            rows.append(Line(section.left, half, True, True))
        elif self.centre_line != "none":
            rows.append(Line(section.left - 2 * half, half, True))
            rows.append(Line(section.left + 2 * half, half, True, self.centre_line == "half dashed"))
        if self.edge_lines:
            rows += [Line(d, half) for d in (section.right, section.far)]
        return rows


@dataclass(frozen=True)
class Strip:
    """Ground of a class from d = `low` to `high` (m) all along the road, or in dashes."""

    low: float
    high: float
    what: SceneClass
    dashed: bool = False


def strips(roadside: Roadside) -> tuple[list[Strip], tuple[float, float]]:
    """The cross-section as strips, later ones over earlier ones; and the length and period of dashes (m).

    Beside the strips is ground. A dash lies in the middle of each period, counted from s = 0.
    """
    section = roadside.section
    right, left, inner = section.edge_right, section.edge_left, section.shoulder_left
    rows = [Strip(right, left, SceneClass.ROAD)]
    if section.median in ("grass", "rail", "kerb"):
        rows.append(Strip(section.left + inner, section.near - inner, SceneClass.GROUND))
    if section.sidewalk:
        rows += [Strip(right - KERB, right, SceneClass.KERB_OR_RAIL), Strip(left, left + KERB, SceneClass.KERB_OR_RAIL)]
    for line in Pavement.of(roadside).lines(section):
        what = SceneClass.YELLOW_MARKING if line.yellow else SceneClass.WHITE_MARKING
        rows.append(Strip(line.centre - line.half, line.centre + line.half, what, line.dashed))
    return rows, DASHES[roadside.setting]


@dataclass(frozen=True)
class Patch:
    """Ground of a class from s = `start` to `end` and d = `low` to `high` (m), over all strips."""

    start: float
    end: float
    low: float
    high: float
    what: SceneClass


def patches(roadside: Roadside, s_from: float, s_to: float) -> list[Patch]:
    """Cross streets, crossings and stop lines between s_from and s_to, later ones over earlier ones."""
    margin, rows = 20.0, []
    for junction in roadside.junctions(s_from - margin, s_to + margin):
        rows.append(Patch(junction.s - junction.half, junction.s + junction.half, -60.0, 60.0, SceneClass.ROAD))
        if junction.signals:
            for way in (-1, 1):
                rows += _crossing(roadside.section, junction, way)
    return rows


def _crossing(section: CrossSection, junction: Junction, way: int) -> list[Patch]:
    """Bars and stop line before (way -1) or behind (1) a cross street, from edge to edge of what is paved."""
    paved = [(section.edge_right, section.edge_left)]
    if section.median in ("grass", "rail", "kerb"):
        inner = section.shoulder_left
        paved = [(section.edge_right, section.left + inner), (section.near - inner, section.edge_left)]
    rim = junction.s + way * junction.half
    (near, far), (stop, end) = (sorted((rim + way * a, rim + way * b)) for a, b in (CROSSING, STOP))
    rows = []
    for low, high in paved:
        rows.append(Patch(near, far, low, high, SceneClass.ROAD))
        for k in range(int(np.floor(low / BAR)), int(np.ceil(high / BAR))):
            a, b = max((k + 0.25) * BAR, low), min((k + 0.75) * BAR, high)
            if a < b:
                rows.append(Patch(near, far, a, b, SceneClass.WHITE_MARKING))
        rows.append(Patch(stop, end, low, high, SceneClass.WHITE_MARKING))
    return rows
