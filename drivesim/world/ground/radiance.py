"""Radiance of the ground: its albedo under sun, sky and lamps, the sky it mirrors, the haze before it."""

from __future__ import annotations

import numpy as np

from drivesim.scene.vehicles import SIZE_TABLE
from drivesim.world.ground.albedo import ground_albedo
from drivesim.world.ground.view import GroundView, ground_view, table_along
from drivesim.world.light.lamps import beams_on_ground, headlight_on_ground, street_lamps_on_ground
from drivesim.world.state import Moment, Surroundings

_BEAM_COLOUR = np.array([1.0, 0.93, 0.8], np.float32)  # of other vehicles' headlights


def ground_radiance(
    surroundings: Surroundings,
    moment: Moment,
    top: int,
    height: int,
    width: int,
    sun_left: np.ndarray | None,
    sky_left: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """Radiance [h w 3] and depth [h w] (m) of the ground plane in the rows from `top` to `height`.

    `sun_left` (None: all of it) and `sky_left` are the shares of light that shadows leave, float32 [height width].
    """
    lighting = surroundings.lighting
    view, depth = ground_view(surroundings, moment, top, height, width)
    ground = ground_albedo(surroundings.surface, view, moment.s, table_along(surroundings, moment.s))
    ambient = sky_left[top:, :, None] * lighting.skylight
    if lighting.night:
        irradiance = _night_irradiance(surroundings, moment, view, ground.paint, ambient)
    elif sun_left is None:
        irradiance = ambient + lighting.sunlight * lighting.sun[2]
    else:
        irradiance = ambient + sun_left[top:, :, None] * (lighting.sunlight * lighting.sun[2])
    radiance = ground.albedo * irradiance
    fresnel = np.exp(-(np.abs(depth) ** np.float32(-0.9)) * np.float32(moment.camera.height * 16))[:, None, None]
    radiance += (np.float32(0.55) * fresnel * ground.hard[..., None] * np.float32(0.22)) * lighting.horizon
    clear = np.exp(depth * np.float32(-lighting.haze))[:, None, None]
    radiance = lighting.haze_colour + clear * (radiance - lighting.haze_colour)
    return radiance, np.broadcast_to(depth[:, None], radiance.shape[:2])


def _night_irradiance(
    surroundings: Surroundings, moment: Moment, view: GroundView, paint: np.ndarray, ambient: np.ndarray
) -> np.ndarray:
    """Irradiance [h w 3] by headlights and street lamps; `paint` [h w] throws headlights back."""
    lighting = surroundings.lighting
    headlight = headlight_on_ground(view.x, view.y) * (1 + np.float32(2.2) * paint)
    irradiance: np.ndarray = headlight[..., None] * lighting.headlight + ambient
    if lighting.street_lamps:
        pools = street_lamps_on_ground(surroundings.roadside, view.s, view.d, moment.s) * np.float32(lighting.street_lamps)
        irradiance += pools[..., None] * lighting.lamp_colour
    beams = _beams(moment)
    if len(beams):
        irradiance += beams_on_ground(view.s, view.d, beams)[..., None] * _BEAM_COLOUR
    return irradiance


def _beams(moment: Moment) -> np.ndarray:
    """The nearest driving vehicles whose headlights light the road in view [k 3]."""
    ahead = moment.vehicle_s - moment.s
    rows = np.flatnonzero(~moment.parked & (ahead > -25) & (ahead < 110))
    rows = rows[np.argsort(np.abs(ahead[rows]))][:6]
    way = np.where(np.cos(moment.heading[rows]) > 0, 1.0, -1.0)
    return np.stack([ahead[rows] + way * SIZE_TABLE[moment.kind[rows], 0] / 2, moment.vehicle_d[rows], way], axis=1)
