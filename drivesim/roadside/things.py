"""What stands beside roads, each with all that was drawn of it: enough to build its mesh, or a coarse solid, without a draw.

Which class its pixels have in layout maps (a guard rail's, say) stands at the end, in _CLASSES.

A thing has a frame of its own: x along the road, y left, z up (m), its origin on the ground. Albedos are linear RGB; `texture`
in [0, 1) varies surfaces.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from drivesim.scene.classes import SceneClass
from drivesim.scene.triples import Colour, Point

PIECE = 10.0  # m of barrier, rail, wall or fence a piece
ASPECTS: dict[str, float] = {  # species of vegetation: width over height
    "oak": 1.05, "oak2": 1.2, "plane": 0.85, "street": 0.8, "gum": 0.75, "gum2": 1.0, "pine": 0.55, "fir": 0.42,
    "poplar": 0.3, "bare": 0.95, "bush": 1.5, "bush2": 1.9, "hedge": 4.0, "wood": 3.2, "grass": 3.0,
}  # fmt: skip


def colour_of(values: np.ndarray) -> Colour:
    """Three numbers as they are."""
    r, g, b = values.tolist()
    return r, g, b


@dataclass(frozen=True)
class Barrier:
    """A piece of concrete (Jersey) barrier."""

    albedo: Colour
    texture: float
    height: float = 0.86


@dataclass(frozen=True)
class GuardRail:
    """A piece of W-beam rail on posts."""

    texture: float


@dataclass(frozen=True)
class Wall:
    """A thin wall along x, `posts` m apart slightly higher posts (0: none)."""

    length: float
    height: float
    albedo: Colour
    texture: float
    material: Literal["concrete", "bark"] = "concrete"
    posts: float = 0.0


@dataclass(frozen=True)
class Fence:
    """A piece of wooden rails or wire on posts; `half` of a rail's height."""

    albedo: Colour
    half: float

    @classmethod
    def drawn(cls, rng: np.random.Generator) -> Fence:
        """A random one."""
        tone = np.array([0.2, 0.16, 0.12], np.float32) * rng.uniform(0.6, 1.6)
        return cls(colour_of(tone), 0.06 if rng.random() < 0.5 else 0.015)


@dataclass(frozen=True)
class Sign:
    """A panel across the road that faces toward -x, its lower edge at `foot`, on `posts` posts."""

    width: float
    height: float
    foot: float
    albedo: Colour
    lettering: float
    posts: int = 1


@dataclass(frozen=True)
class Pole:
    """An upright prism, `x` m along the road from the origin."""

    height: float
    radius: float
    albedo: Colour
    material: Literal["metal", "concrete"] = "metal"
    sides: int = 6
    x: float = 0.0


@dataclass(frozen=True)
class Truss:
    """The beams of a gantry from y = 0 to `span`."""

    span: float
    albedo: Colour


@dataclass(frozen=True)
class Overpass:
    """A bridge across the road from y = `near` to `far`, `width` m along x, with parapets."""

    near: float
    far: float
    width: float
    albedo: Colour
    texture: float


@dataclass(frozen=True)
class StreetLamp:
    """A pole with an arm of `arm` m toward +y (negative: -y)."""

    height: float
    arm: float


@dataclass(frozen=True)
class TrafficLight:
    """A pole with an arm over the road and two heads that face -x; `state` in [0, 1): green, yellow, red."""

    arm: float
    state: float


@dataclass(frozen=True)
class PowerPole:
    """A wooden pole with a crossbar."""


@dataclass(frozen=True)
class Wire:
    """A straight piece of wire."""

    start: Point
    end: Point


@dataclass(frozen=True)
class Bin:
    """A box at the kerb, square in plan."""

    size: float
    height: float
    albedo: Colour


@dataclass(frozen=True)
class Awning:
    """The awning of a shop, `width` m from x on."""

    albedo: Colour
    x: float
    width: float


@dataclass(frozen=True)
class Building:
    """A city block from x = 0, its front on y = 0, its back away from the road (`side` -1 right, 1 left of it)."""

    width: float
    depth: float
    height: float
    side: int
    albedo: Colour
    texture: float
    awning: Awning | None = None

    @classmethod
    def drawn(cls, width: float, side: int, tall: float, rng: np.random.Generator) -> Building:
        """A random one, `tall` in [0, 1): how high houses are here."""
        height = float(np.clip(rng.gamma(3.0, 3.2 + 5.5 * tall), 5.0, 60.0))
        depth = rng.uniform(10, 18)
        albedo = colour_of(_MASONRY[int(rng.integers(len(_MASONRY)))] * rng.uniform(0.7, 1.15))
        texture = 0.3 + 0.6999 * rng.random()
        awning = None
        if rng.random() < 0.35:
            cloth, wide = muted(rng, 0.03, 0.3), rng.uniform(2.5, 5.0)
            awning = Awning(cloth, rng.uniform(0.5, max(width - wide - 0.5, 0.6)), wide)
        return cls(width, depth, height, side, albedo, texture, awning)


@dataclass(frozen=True)
class House:
    """A house whose front looks toward +y, its middle at the origin; walls `height` m high, the roof `rise` m above them.

    `along`: the ridge runs along x, else y; `porch` x of the door; `garage` albedo of its door, if there is one.
    """

    width: float
    depth: float
    height: float
    albedo: Colour
    roof: Colour
    texture: float
    rise: float
    along: bool
    porch: float
    door: Colour
    garage: Colour | None

    @classmethod
    def drawn(cls, width: float, depth: float, height: float, rng: np.random.Generator) -> House:
        """A random one of this size."""
        albedo = colour_of(_WALLS[rng.integers(len(_WALLS))] * rng.uniform(0.75, 1.1))
        roof = colour_of(_TILES[rng.integers(len(_TILES))] * rng.uniform(0.8, 1.3))
        texture, rise = 0.02 + 0.26 * rng.random(), rng.uniform(1.4, 2.8)
        along = bool(rng.random() < 0.65)
        porch, door = rng.uniform(-0.25, 0.25) * width, muted(rng, 0.03, 0.28)
        garage = None
        if rng.random() < 0.6:
            garage = colour_of(np.array([0.4, 0.39, 0.37], np.float32) * rng.uniform(0.5, 1.2))
        return cls(width, depth, height, albedo, roof, texture, rise, along, porch, door, garage)


Thing = (
    Barrier | GuardRail | Wall | Fence | Sign | Pole | Truss | Overpass | StreetLamp | TrafficLight | PowerPole | Wire | Bin
    | Building | House
)  # fmt: skip


@dataclass(frozen=True)
class Standing:
    """A thing at its place: its origin at road coordinates (s, d), its x along the road turned by `turn` and stretched."""

    thing: Thing
    s: float
    d: float
    turn: float = 0.0
    stretch: float = 1.0
    shadow: bool = True


@dataclass(frozen=True)
class Slope:
    """A PIECE of earth bank from s on, on a side (-1 right, 1 left): rises from `foot` to `top` (d, m), to two heights."""

    s: float
    side: int
    foot: float
    top: float
    heights: tuple[float, float]


@dataclass(frozen=True)
class Plant:
    """Vegetation of a species (see ASPECTS), `height` m tall and `width` wide, its foot at (s, d, z).

    Its leaf colour is that of species `leaf`, turned toward straw by up to `straw` where the season is dry, times `shade`,
    `hue` and `darker`.
    """

    species: str
    s: float
    d: float
    z: float
    height: float
    width: float
    leaf: str
    straw: float
    shade: float
    hue: Colour
    darker: float
    mirror: bool


_MASONRY = np.array(
    [
        (0.28, 0.25, 0.21), (0.20, 0.11, 0.08), (0.38, 0.35, 0.30), (0.16, 0.16, 0.165), (0.30, 0.29, 0.28),
        (0.24, 0.17, 0.12), (0.42, 0.40, 0.37), (0.11, 0.10, 0.10),
    ],
    np.float32,
)  # fmt: skip
_WALLS = np.array(
    [
        (0.42, 0.39, 0.33), (0.30, 0.27, 0.22), (0.26, 0.13, 0.09), (0.45, 0.44, 0.42), (0.20, 0.22, 0.22),
        (0.33, 0.28, 0.18),
    ],
    np.float32,
)  # fmt: skip
_TILES = np.array([(0.07, 0.065, 0.065), (0.12, 0.07, 0.05), (0.16, 0.08, 0.055), (0.10, 0.095, 0.09)], np.float32)


def muted(rng: np.random.Generator, low: float, high: float) -> Colour:
    """A random colour, rarely a loud one."""
    grey, hue = rng.uniform(low, high), rng.uniform(0.5, 1.5, 3)
    return colour_of(grey * (0.55 + 0.45 * hue))


_CLASSES: dict[type, SceneClass] = {
    Barrier: SceneClass.KERB_OR_RAIL,
    GuardRail: SceneClass.KERB_OR_RAIL,
    Fence: SceneClass.KERB_OR_RAIL,
    Sign: SceneClass.POLE_OR_SIGN,
    Truss: SceneClass.POLE_OR_SIGN,
    Overpass: SceneClass.BUILDING,
    StreetLamp: SceneClass.POLE_OR_SIGN,
    TrafficLight: SceneClass.POLE_OR_SIGN,
    PowerPole: SceneClass.POLE_OR_SIGN,
    Wire: SceneClass.POLE_OR_SIGN,
    Bin: SceneClass.POLE_OR_SIGN,
    Building: SceneClass.BUILDING,
    House: SceneClass.BUILDING,
}


def class_of(thing: Thing) -> SceneClass:
    """Class of all pixels that show a thing."""
    if isinstance(thing, Wall):  # a noise wall closes the view as a house does
        return SceneClass.BUILDING if thing.height > 2 else SceneClass.KERB_OR_RAIL
    if isinstance(thing, Pole):  # piers belong to their bridge
        return SceneClass.BUILDING if thing.material == "concrete" else SceneClass.POLE_OR_SIGN
    return _CLASSES[type(thing)]
