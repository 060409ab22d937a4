"""What a pixel of a frame shows: the classes that layout maps and the world's own id maps share."""

from __future__ import annotations

from enum import IntEnum


class SceneClass(IntEnum):
    """Class of a pixel; the value is what class maps (uint8) hold."""

    ROAD = 0
    WHITE_MARKING = 1
    YELLOW_MARKING = 2
    GROUND = 3  # all that is not paved for vehicles: verges, gravel, pavements for walking, banks
    KERB_OR_RAIL = 4  # kerb stones, guard rails, barriers, low walls and fences along the road
    BUILDING = 5  # houses, noise walls, bridges
    VEGETATION = 6
    POLE_OR_SIGN = 7
    VEHICLE = 8
    SKY = 9


CLASS_NAMES: tuple[str, ...] = tuple(member.name.lower().replace("_", " ") for member in SceneClass)
