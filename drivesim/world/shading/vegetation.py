"""Shading of vegetation: pictures of leaves with normals and shade, lit like a bush of small leaves."""

from __future__ import annotations

import numpy as np

from drivesim.scene.camera import Camera
from drivesim.world.light.lamps import headlight_at, lamp_light
from drivesim.world.render.geometry import Geometry
from drivesim.world.render.raster import VisibilityBuffer
from drivesim.world.roadside.plant_colours import BARK_ALBEDO
from drivesim.world.roadside.plant_pictures import BARK
from drivesim.world.shading.samples import FrameLight, Samples


def shade_vegetation(
    geometry: Geometry,
    visibility: VisibilityBuffer,
    samples: Samples,
    texture: np.ndarray,
    camera: Camera,
    light: FrameLight,
) -> tuple[np.ndarray, np.ndarray]:
    """Radiance [n 3] and depth (m) [n] of samples of vegetation; `texture` uint8 [n 4] as in VisibilityBuffer."""
    if not len(samples.ids):
        return np.zeros((0, 3), np.float32), np.zeros(0, np.float32)
    row, sprites = samples.ids - 1 - len(visibility.polygons), visibility.sprites
    lighting, sun = light.lighting, light.sun
    right, up, tone = (np.ascontiguousarray(texture[:, i]).astype(np.float32) for i in range(3))
    right, up = right * np.float32(1 / 127.5) - 1, up * np.float32(1 / 127.5) - 1
    right *= np.where(geometry.mirror[sprites][row], np.float32(-1), np.float32(1))
    toward = np.sqrt(np.maximum(1 - right * right - up * up, 0))
    leafy = tone > BARK
    shade = tone * np.where(leafy, np.float32(1 / 255), np.float32(1 / BARK))
    direct = np.maximum(right * -sun[1] + up * sun[2] - toward * sun[0], 0)
    direct += np.float32(0.35 * max(sun[0], 0.0)) * np.maximum(up + 0.3, 0)
    direct, ambient = direct * shade * np.float32(1.5), shade * (np.float32(0.65) + np.float32(0.35) * up)
    depth = np.maximum(geometry.place[sprites, 0][row], 0.5) * np.float32(np.cos(np.radians(camera.pitch)))
    lamps = np.zeros((1, 3), np.float32)
    if lighting.night:
        place = samples.rays(camera) * depth
        place[2] += np.float32(camera.height)
        lamps = (headlight_at(lighting, place) + lamp_light(lighting, light.lamps, place)) * (
            shade * (np.float32(0.4) + np.float32(0.6) * toward)
        )[:, None]
    radiance = np.empty((len(row), 3), np.float32)
    for c in range(3):
        albedo = np.where(leafy, geometry.tint[sprites, c][row], BARK_ALBEDO[c])
        irradiance = direct * lighting.sunlight[c] + ambient * lighting.skylight[c] * np.float32(0.95)
        radiance[:, c] = albedo * (irradiance + lamps[:, c])
    return radiance, depth
