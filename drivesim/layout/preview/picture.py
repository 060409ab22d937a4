"""Layout maps as pictures for people."""

from __future__ import annotations

import numpy as np

from drivesim.layout.maps import LayoutMaps
from drivesim.layout.scene_at import Face, Lamp
from drivesim.scene.classes import SceneClass

_COLOURS: dict[SceneClass, tuple[int, int, int]] = {
    SceneClass.ROAD: (70, 70, 76),
    SceneClass.WHITE_MARKING: (240, 240, 240),
    SceneClass.YELLOW_MARKING: (240, 200, 60),
    SceneClass.GROUND: (150, 132, 98),
    SceneClass.KERB_OR_RAIL: (178, 178, 190),
    SceneClass.BUILDING: (146, 92, 78),
    SceneClass.VEGETATION: (66, 120, 62),
    SceneClass.POLE_OR_SIGN: (214, 120, 40),
    SceneClass.VEHICLE: (40, 90, 200),
    SceneClass.SKY: (170, 204, 232),
}
_SHADES: dict[Face, float] = {
    Face.NONE: 1.0,
    Face.FRONT: 0.9,
    Face.REAR: 0.75,
    Face.LEFT: 0.6,
    Face.RIGHT: 0.5,
    Face.ROOF: 1.0,
}
_LAMPS: dict[Lamp, tuple[int, int, int]] = {
    Lamp.HEAD: (255, 250, 200),
    Lamp.TAIL: (160, 20, 20),
    Lamp.BRAKE: (255, 30, 30),
    Lamp.INDICATOR: (255, 160, 0),
}
_CLASS_TABLE = np.array([_COLOURS[member] for member in SceneClass], np.uint8)
_SHADE_TABLE = np.array([_SHADES[member] for member in Face], np.float32)


def layout_picture(maps: LayoutMaps) -> np.ndarray:
    """uint8 RGB [h w 3]: classes by colour, markings by their share, vehicles in their paint, shaded by face, lamps lit."""
    picture = _CLASS_TABLE[maps.scene_class].astype(np.float32)
    thin = (maps.scene_class == SceneClass.ROAD) & (maps.marking > 0)
    share = np.where(thin, maps.marking, 0)[..., None] / np.float32(255)
    picture += share * (np.float32(240) - picture)
    vehicle = maps.track >= 0
    picture[vehicle] = maps.paint[vehicle] * _SHADE_TABLE[maps.face[vehicle]][:, None]
    for lamp, colour in _LAMPS.items():
        picture[maps.lamp == lamp] = colour
    return np.round(picture).astype(np.uint8)
