"""Street lamps: one every CELL on each lit side of the road, how high, and where."""

from __future__ import annotations

from drivesim.roadside.roadside import SIDES, Roadside
from drivesim.scene.road import Setting

HEIGHT: dict[Setting, float] = {"highway": 10.5, "city": 8.0, "residential": 6.5, "rural": 8.0}  # m
ARM: dict[Setting, float] = {"highway": 2.6, "city": 1.8, "residential": 1.3, "rural": 1.8}  # m from the post toward the road
_FIRST = {-1: 8.0, 1: 28.0}  # m along a cell: the sides take turns
_WIDE = 40.0  # m to the left edge, from which on no left lamp lights the road


def lit_sides(roadside: Roadside) -> list[tuple[int, float]]:
    """The sides (-1 right, 1 left) with lamps, each with how far along every cell its lamp stands (m)."""
    one_side = roadside.setting in ("rural", "residential") or roadside.section.edge_left > _WIDE
    return [(side, _FIRST[side]) for side in SIDES if side < 0 or not one_side]


def post_offset(roadside: Roadside, side: int) -> float:
    """d of the posts on a side (m)."""
    return roadside.edge(side) + side * (0.9 if roadside.setting != "highway" else 1.8)
