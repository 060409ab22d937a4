"""One frame: visibility first, then shading of all pixels by what they show."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from drivesim.scene.boxes import Boxes
from drivesim.scene.geometry import pixel_centres
from drivesim.world.ground.radiance import ground_radiance
from drivesim.world.light.glare import point_lights, splat
from drivesim.world.light.lamps import near_street_lamps
from drivesim.world.light.shadows import light_masks, sunlight_beside
from drivesim.world.light.sky import sky_radiance
from drivesim.world.render.foreground import shade_foreground
from drivesim.world.render.geometry import merged
from drivesim.world.render.id_map import IdMap, id_map
from drivesim.world.render.raster import VisibilityBuffer, horizon_row, rasterize
from drivesim.world.render.vehicle_boxes import vehicle_boxes
from drivesim.world.shading.samples import FrameLight
from drivesim.world.state import Moment, Surroundings

MAX_LAMPS = 7  # street lamps that light the foreground, the nearest ones


@dataclass(frozen=True)
class Rendered:
    """radiance float32 [h w 3] linear; depth float32 [h w] along the axis (m), infinite for sky; labels of the vehicles; labels
    of the pixels where they were asked for."""

    radiance: np.ndarray
    depth: np.ndarray
    boxes: Boxes
    visibility: VisibilityBuffer
    ids: IdMap | None = None


def render(
    surroundings: Surroundings, moment: Moment, height: int, width: int, scale: int, ids: bool = False
) -> Rendered:
    """Renders one moment at [height width]; with labels of the pixels if `ids`.

    Ground and sky are filtered analytically, one sample a pixel; polygons and sprites are sampled `scale` times as finely.
    """
    camera, lighting = moment.camera, surroundings.lighting
    cell = surroundings.scenery.around(moment.s)
    geometry = merged([moment.vehicles, cell.geometry.turned(moment.pose)])
    count = len(moment.track)
    visibility = rasterize(geometry, camera, height * scale, width * scale, range(count))
    sun, lamps = _sun(lighting.sun, moment), near_street_lamps(cell, moment)
    picture, depth = np.empty((height, width, 3), np.float32), np.full((height, width), np.inf, np.float32)
    horizon = horizon_row(camera, height)
    if horizon:
        picture[:horizon] = _sky(surroundings, moment, height, width, horizon)
    reaching = np.ones(len(geometry.footprint), np.float32)  # share of sunlight that reaches each object
    if horizon < height:
        sun_left, sky_left = light_masks(surroundings, moment, geometry, cell, sun, height, width)
        ground = ground_radiance(surroundings, moment, horizon, height, width, sun_left, sky_left)
        picture[horizon:], depth[horizon:] = ground
        if sun_left is not None:
            reaching[:count] = sunlight_beside(sun_left, moment, camera)
    light = FrameLight(lighting, sun, lamps[:MAX_LAMPS])
    front = shade_foreground(geometry, visibility, camera, light, reaching, scale, surroundings.roadside.reach)
    picture = picture * (1 - front.coverage) + front.radiance
    depth = np.where(front.depth > 0, front.depth, depth)
    if lighting.night:
        splat(picture, depth, camera, point_lights(lighting, moment, lamps))
    labels = id_map(surroundings, moment, geometry, visibility, scale) if ids else None
    return Rendered(picture, depth, vehicle_boxes(moment, visibility), visibility, labels)


def _sun(sun: np.ndarray, moment: Moment) -> np.ndarray:
    """The direction float32 [3] to the sun in the ego frame."""
    c, s = np.cos(moment.pose[2]), np.sin(moment.pose[2])
    return np.array([sun[0] * c + sun[1] * s, -sun[0] * s + sun[1] * c, sun[2]], np.float32)


def _sky(surroundings: Surroundings, moment: Moment, height: int, width: int, rows: int) -> np.ndarray:
    camera = moment.camera
    u, v = pixel_centres(height, width, like=camera.pinhole.height)
    ahead, left, up = camera.pinhole.rays(u, v[:rows])
    slope = up / np.hypot(ahead, left)
    azimuth = moment.pose[2] + np.arctan(left)
    return sky_radiance(
        surroundings.lighting, surroundings.backdrop, azimuth, slope.astype(np.float32), moment.time * 2e-4
    )
