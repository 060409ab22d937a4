"""Exact labels of pixels: what each one shows, and which vehicle."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from drivesim.scene.classes import SceneClass
from drivesim.world.ground.classes import ground_classes
from drivesim.world.render.geometry import Geometry
from drivesim.world.render.raster import VisibilityBuffer, horizon_row
from drivesim.world.state import Moment, Surroundings


@dataclass(frozen=True, eq=False)
class IdMap:
    """scene_class uint8 [h w] (SceneClass); track int32 [h w], the number of the vehicle, -1 where there is none."""

    scene_class: np.ndarray
    track: np.ndarray


def id_map(
    surroundings: Surroundings, moment: Moment, geometry: Geometry, visibility: VisibilityBuffer, scale: int
) -> IdMap:
    """Labels at 1 / scale of the visibility buffer's resolution: of the last sample of each pixel, the one that its depth is of.

    `geometry` is what the buffer was drawn from, the vehicles of `moment` first. The bonnet of the ego is not in them.
    """
    ids = visibility.ids[scale - 1 :: scale, scale - 1 :: scale]
    height, width = ids.shape
    horizon = horizon_row(moment.camera, height)
    classes = np.full((height, width), SceneClass.SKY, np.uint8)
    if horizon < height:
        classes[horizon:] = ground_classes(surroundings, moment, horizon, height, width)
    owner = geometry.owner[visibility.polygons]
    is_vehicle = owner < len(moment.track)
    tracks = np.full(1 + len(owner) + len(visibility.sprites), -1, np.int32)
    tracks[1 : 1 + len(owner)][is_vehicle] = moment.track[owner[is_vehicle]]
    foreground = np.full(len(tracks), SceneClass.VEGETATION, np.uint8)
    foreground[1 : 1 + len(owner)] = geometry.what[owner]
    return IdMap(np.where(ids > 0, foreground[ids], classes), tracks[ids])
