"""The look of a vehicle that is known before any mesh is built: its body's variant, its paint and load, and colour names."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numpy as np

from drivesim.scene.triples import Colour
from drivesim.scene.vehicles import KINDS, Kind, PaintName

Load = Literal["box", "flatbed", "tanker"]

VARIANTS = 64  # bodies of each kind
WHITE: Colour = (0.74, 0.74, 0.72)  # linear albedo of white vans, trucks and buses
TRUCKS: tuple[Colour, ...] = (
    (0.75, 0.75, 0.73), (0.75, 0.75, 0.73), (0.40, 0.03, 0.03), (0.03, 0.08, 0.25), (0.30, 0.31, 0.32),
    (0.02, 0.02, 0.022), (0.60, 0.30, 0.03), (0.05, 0.18, 0.10),
)  # fmt: skip
_BUSES: tuple[Colour, ...] = (
    WHITE, (0.55, 0.03, 0.03), (0.05, 0.15, 0.42), (0.70, 0.42, 0.03), (0.10, 0.30, 0.14), (0.45, 0.46, 0.47),
)  # fmt: skip
# share of new cars and the ranges of their linear albedo (low, high per channel)
_CARS: tuple[tuple[float, Colour, Colour], ...] = (
    (0.25, (0.70, 0.70, 0.68), (0.82, 0.82, 0.80)),  # white
    (0.20, (0.008, 0.008, 0.009), (0.022, 0.022, 0.024)),  # black
    (0.14, (0.36, 0.37, 0.38), (0.50, 0.51, 0.52)),  # silver
    (0.21, (0.05, 0.052, 0.056), (0.20, 0.205, 0.215)),  # grey
    (0.08, (0.010, 0.030, 0.090), (0.035, 0.09, 0.26)),  # blue
    (0.07, (0.22, 0.008, 0.010), (0.42, 0.025, 0.022)),  # red
    (0.02, (0.015, 0.040, 0.022), (0.06, 0.11, 0.06)),  # green
    (0.02, (0.20, 0.15, 0.09), (0.40, 0.32, 0.22)),  # beige, bronze
    (0.01, (0.55, 0.20, 0.02), (0.75, 0.48, 0.05)),  # orange, yellow
)
PALETTE: dict[PaintName, Colour] = {  # sRGB in [0, 1], as names are used on the road
    "white": (0.88, 0.88, 0.87), "silver": (0.69, 0.70, 0.71), "grey": (0.38, 0.39, 0.40), "black": (0.12, 0.12, 0.13),
    "red": (0.62, 0.12, 0.12), "blue": (0.15, 0.27, 0.46), "green": (0.19, 0.36, 0.24), "yellow": (0.86, 0.68, 0.16),
    "orange": (0.82, 0.48, 0.14), "brown": (0.36, 0.25, 0.17), "beige": (0.58, 0.53, 0.44),
}  # fmt: skip


@dataclass(frozen=True)
class CarStyle:
    """What the body of a sedan, hatchback, SUV or van is drawn to be: the first draws of its generator.

    `texture` in [0, 1) varies its surfaces; `proportions` [8] in [-1, 1]; `paint` linear albedo; `estate`: a sedan with a
    long roof; `panel`: a van without rear side windows, `rear_glass`: with a rear window.
    """

    texture: float
    proportions: tuple[float, ...]
    paint: Colour
    estate: bool = False
    panel: bool = False
    rear_glass: bool = True


@dataclass(frozen=True)
class TruckStyle:
    """A truck's texture, the albedo of its cab (`paint`), its load and, of a box, the albedo."""

    texture: float
    paint: Colour
    load: Load
    box: Colour = WHITE


@dataclass(frozen=True)
class BusStyle:
    """A bus's texture and the albedo below (`paint`) and above its windows."""

    texture: float
    paint: Colour
    upper: Colour


def draw_car_style(kind: Kind, rng: np.random.Generator) -> CarStyle:
    """A random car or van; its body draws on from the same generator."""
    texture = float(rng.random())
    proportions = tuple(float(rng.uniform(-1, 1)) for _ in range(8))
    paint = _draw_car_paint(rng)
    estate = kind == "sedan" and bool(rng.random() < 0.15)
    if kind != "van":
        return CarStyle(texture, proportions, paint, estate)
    panel = bool(rng.random() < 0.6)
    if not panel:
        return CarStyle(texture, proportions, paint)
    rear_glass = bool(rng.random() < 0.6)
    return CarStyle(texture, proportions, paint if rng.random() < 0.35 else WHITE, False, panel, rear_glass)


def _draw_car_paint(rng: np.random.Generator) -> Colour:
    """Linear albedo of a car's paint, as common on the road: mostly white, black, silver and grey."""
    _, low, high = _CARS[rng.choice(len(_CARS), p=[share for share, _, _ in _CARS])]
    mix = rng.random()
    r, g, b = (a + (z - a) * mix for a, z in zip(low, high, strict=True))
    return r, g, b


def draw_truck_style(rng: np.random.Generator) -> TruckStyle:
    """A random truck; its body draws on from the same generator."""
    texture, cab = float(rng.random()), TRUCKS[rng.integers(len(TRUCKS))]
    load: Load = rng.choice(["box", "flatbed", "tanker"], p=[0.72, 0.14, 0.14])
    if load != "box":
        return TruckStyle(texture, cab, load)
    return TruckStyle(texture, cab, load, WHITE if rng.random() < 0.7 else TRUCKS[rng.integers(len(TRUCKS))])


def draw_bus_style(rng: np.random.Generator) -> BusStyle:
    """A random bus; its body draws on from the same generator."""
    texture, paint = float(rng.random()), _BUSES[rng.integers(len(_BUSES))]
    return BusStyle(texture, paint, paint if rng.random() < 0.6 else WHITE)


def body_generator(kind: int, variant: int) -> np.random.Generator:
    """The generator of one of the VARIANTS bodies of a kind (index into KINDS); its style is drawn first."""
    return np.random.default_rng([kind, variant, 40])


@lru_cache(maxsize=4096)
def body_variant(seed: int, track: int) -> int:
    """Which body the vehicle of a track has in the world of `seed`."""
    return int(np.random.default_rng([seed, 40, track]).integers(VARIANTS))


@lru_cache(maxsize=VARIANTS * len(KINDS))
def paint_of(kind: int, variant: int) -> Colour:
    """Paint (sRGB) of a body: of cars all, of buses below the windows, of box trucks the box, of other trucks the cab."""
    rng, name = body_generator(kind, variant), KINDS[kind]
    if name == "truck":
        truck = draw_truck_style(rng)
        return srgb(truck.box if truck.load == "box" else truck.paint)
    return srgb(draw_bus_style(rng).paint if name == "bus" else draw_car_style(name, rng).paint)


def paints(seed: int, kind: np.ndarray, track: np.ndarray) -> np.ndarray:
    """Paint of the vehicles of a world, sRGB float32 [n 3], by kind and track [n]."""
    colours = [paint_of(int(k), body_variant(seed, int(t))) for k, t in zip(kind, track, strict=True)]
    return np.array(colours, np.float32).reshape(-1, 3)


def srgb(albedo: Colour) -> Colour:
    """Linear to sRGB values in [0, 1] (IEC 61966-2-1)."""
    r, g, b = (12.92 * v if v <= 0.0031308 else 1.055 * v ** (1 / 2.4) - 0.055 for v in albedo)
    return r, g, b


def nearest_name(paint: np.ndarray) -> list[PaintName]:
    """The PALETTE's name for each sRGB colour [n 3] in [0, 1]: the nearest in CIE L*a*b*."""
    names = list(PALETTE)
    there = _lab(np.array([PALETTE[name] for name in names]))
    away = np.linalg.norm(_lab(np.asarray(paint, np.float64))[:, None] - there[None], axis=-1)
    return [names[i] for i in away.argmin(axis=1)]


def _lab(colour: np.ndarray) -> np.ndarray:
    """CIE L*a*b* (D65) of sRGB colours [n 3]."""
    linear = np.where(colour <= 0.04045, colour / 12.92, ((np.maximum(colour, 0.04045) + 0.055) / 1.055) ** 2.4)
    matrix = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
    ratio = linear @ matrix.T / [0.9505, 1.0, 1.089]
    root = np.where(ratio > 216 / 24389, np.cbrt(ratio), (24389 / 27 * ratio + 16) / 116)
    x, y, z = (root[:, i] for i in range(3))
    return np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], axis=1)
