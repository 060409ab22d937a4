"""Layout maps as the networks are shown them: bytes, of what stands and of the vehicles before it, each by itself."""

from __future__ import annotations

from enum import IntEnum

import numpy as np

from drivesim.layout.maps import LayoutMaps
from drivesim.layout.raster import layout_maps_and_empty
from drivesim.layout.scene_at import SceneAt
from drivesim.layout.vehicles.body_places import body_places
from drivesim.scene.classes import SceneClass

PLANES_VERSION = 2
"""Grows when the planes of a scene change, so that those made before are not taken for them."""
_FARTHEST = 500.0  # m; what is farther away is as if there, what is nearer than 1 m as if at 1 m
_BAND = 32768  # pixels


class Plane(IntEnum):
    """What each plane holds; the first three as if no vehicle were there, so that road and roadside tell nothing of vehicles."""

    SCENE_CLASS = 0
    MARKING = 1
    NEARNESS = 2  # see nearness_code
    KIND = 3  # the rest as in LayoutMaps, 0 where no vehicle is seen
    FACE = 4
    LAMP = 5
    RED = 6
    GREEN = 7
    BLUE = 8
    VEHICLE_NEARNESS = 9
    BODY_ALONG = 10  # see body_places
    BODY_ACROSS = 11
    BODY_UP = 12


def layout_planes(scene: SceneAt, height: int, width: int) -> np.ndarray:
    """The planes of one moment, uint8 [len(Plane) h w]."""
    return planes_of(scene, *layout_maps_and_empty(scene, height, width))


def planes_of(scene: SceneAt, maps: LayoutMaps, empty: LayoutMaps) -> np.ndarray:
    """The planes of one moment of its maps with and without vehicles."""
    height, width = maps.size
    planes = np.zeros((len(Plane), height, width), np.uint8)
    planes[Plane.SCENE_CLASS], planes[Plane.MARKING] = empty.scene_class, empty.marking
    step = max(_BAND // width, 1)
    for first in range(0, height, step):  # in bands that stay in the processor's cache
        rows = slice(first, first + step)
        planes[Plane.NEARNESS, rows] = nearness_code(empty.inverse_depth[rows])
    shown = maps.kind > 0
    down, across = np.flatnonzero(shown.any(axis=1)), np.flatnonzero(shown.any(axis=0))
    if len(down):
        part = slice(int(down[0]), int(down[-1]) + 1), slice(int(across[0]), int(across[-1]) + 1)
        _draw_vehicles(planes[:, *part], maps, part, shown[part])
        planes[Plane.BODY_ALONG : Plane.BODY_UP + 1] = body_places(scene, maps)
    return planes


def _draw_vehicles(planes: np.ndarray, maps: LayoutMaps, part: tuple[slice, slice], shown: np.ndarray) -> None:
    """Writes the planes of a part of the frame whose pixels show vehicles, bool [h w]; maps are 0 elsewhere."""
    for plane, values in ((Plane.KIND, maps.kind), (Plane.FACE, maps.face), (Plane.LAMP, maps.lamp)):
        planes[plane] = values[part]
    for colour in range(3):
        planes[Plane.RED + colour] = maps.paint[(*part, colour)]
    planes[Plane.VEHICLE_NEARNESS, shown] = nearness_code(maps.inverse_depth[part][shown])


def nearness_code(inverse_depth: np.ndarray) -> np.ndarray:
    """Inverse depth (1/m) on a logarithmic scale, uint8: 0 is the sky, 1 at 500 m and beyond, 255 at 1 m; 2.5 % a step."""
    near = np.clip(inverse_depth, 1 / _FARTHEST, 1.0)
    code = np.log(near, out=near) / np.log(_FARTHEST)
    code += 1
    code *= 254
    code += 1
    return np.rint(code, out=code).astype(np.uint8) * (inverse_depth > 0)


GROUND_CLASSES = (
    SceneClass.ROAD,
    SceneClass.WHITE_MARKING,
    SceneClass.YELLOW_MARKING,
    SceneClass.GROUND,
    SceneClass.KERB_OR_RAIL,
)
ROADSIDE_CLASSES = (SceneClass.BUILDING, SceneClass.VEGETATION, SceneClass.POLE_OR_SIGN)
