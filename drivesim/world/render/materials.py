"""Shading of polygons and vegetation: procedural materials, evaluated for all pixels of a kind at once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from drivesim.scene.camera import Camera
from drivesim.world.ground.noise import fractal, wrapped_at
from drivesim.world.light.lighting import Lighting, headlight_at, lamp_light
from drivesim.world.render.geometry import Geometry
from drivesim.world.render.mesh import MATERIALS, Material
from drivesim.world.render.raster import VisibilityBuffer
from drivesim.world.roadside.facades import facade, lettering
from drivesim.world.roadside.sprites import BARK

_INDEX: dict[Material, int] = {name: i for i, name in enumerate(MATERIALS)}
_GRAIN: dict[Material, float] = {  # contrast of the surface texture
    "concrete": 0.11,
    "roof": 0.22,
    "bark": 0.4,
    "foliage": 0.6,
    "matte": 0.08,
    "metal": 0.06,
    "rubber": 0.1,
    "facade": 0.1,
}
_LAMPS: dict[Material, tuple[float, float, float]] = {
    "headlamp": (1.0, 0.95, 0.85),
    "tail_lamp": (1.0, 0.035, 0.02),
    "brake_lamp": (1.0, 0.04, 0.02),
    "indicator": (1.0, 0.42, 0.03),
    "lamp_head": (1.0, 0.85, 0.6),
    "plate": (0.02, 0.02, 0.02),
}
_SHINE: dict[Material, tuple[float, float]] = {  # reflectance facing and grazing
    "paint": (0.045, 0.7),
    "glass": (0.06, 0.9),
    "chrome": (0.5, 0.8),
    "plastic": (0.02, 0.2),
    "headlamp": (0.12, 0.6),
    "tail_lamp": (0.05, 0.5),
    "brake_lamp": (0.05, 0.5),
    "indicator": (0.05, 0.5),
    "metal": (0.05, 0.25),
}
_GRAINS = np.array([_GRAIN.get(name, 0.0) for name in MATERIALS], np.float32)
_SHINES = np.array([_SHINE.get(name, (0.0, 0.0)) for name in MATERIALS], np.float32)
_LAMP_COLOURS = np.array([_LAMPS.get(name, (0.0, 0.0, 0.0)) for name in MATERIALS], np.float32)


def environment(lighting: Lighting, rise: np.ndarray) -> np.ndarray:
    """What a smooth surface mirrors from a direction with z component `rise` [n]: sky above a dark band, road below."""
    up = np.clip(rise * np.float32(1.6), 0, 1)[:, None]
    sky = lighting.horizon + (lighting.zenith - lighting.horizon) * up
    ground = lighting.bounce * np.float32(0.7)
    band = np.clip((rise - np.float32(0.03)) * np.float32(9.0), 0, 1)[:, None]
    return ground + band * (sky - ground)


@dataclass(frozen=True)
class Samples:
    """Where something is to be shaded: ids int32 [n] as in `VisibilityBuffer`, x, y float32 [n] in frame fractions."""

    ids: np.ndarray
    x: np.ndarray
    y: np.ndarray


def shade_polygons(
    geometry: Geometry,
    visibility: VisibilityBuffer,
    samples: Samples,
    camera: Camera,
    lighting: Lighting,
    sun: np.ndarray,
    lamps: np.ndarray,
    shadow: np.ndarray,
    pixel: float,
) -> tuple[np.ndarray, np.ndarray]:
    """Radiance [n 3] and depth along the axis [n] of samples of polygons.

    `sun` is its direction in the ego frame; `lamps` street lamps near the ego [k 3]; `shadow` [m] light left per object;
    `pixel` the angle of a pixel (rad).
    """
    if not len(samples.ids):
        return np.zeros((0, 3), np.float32), np.zeros(0, np.float32)
    used = np.flatnonzero(np.bincount(samples.ids, minlength=len(visibility.polygons) + 1))
    place_of = np.zeros(len(visibility.polygons) + 1, np.int32)
    place_of[used] = np.arange(len(used))
    which = place_of[samples.ids]
    polygons = visibility.polygons[used - 1]
    axes = camera.axes().astype(np.float32)
    eye = np.array([0, 0, camera.height], np.float32)
    normal = geometry.normal[polygons]
    corner = geometry.mesh.vertices[polygons, 0] - eye
    plane = normal / np.minimum((normal * corner).sum(axis=1, keepdims=True), -1e-6)
    uv = geometry.mesh.uv[polygons]
    kind = geometry.mesh.material[polygons]
    lit = _irradiance(lighting, sun, normal, shadow[geometry.owner[polygons]])
    start = ((eye - uv[:, 0])[:, None] * uv[:, 1:]).sum(axis=2)
    table = np.concatenate(
        [
            plane,
            uv[:, 1],
            uv[:, 2],
            start,
            geometry.mesh.albedo[polygons],
            lit,
            normal,
            geometry.mesh.seed[polygons, None],
            geometry.emission[polygons, None],
        ],
        axis=1,
    ).astype(np.float32)
    rays = _rays(camera, axes, samples)
    own = table[which]
    depth = 1.0 / np.maximum((own[:, 0:3] * rays).sum(axis=1), np.float32(1e-4))
    place = rays * depth[:, None]
    u, v = (place * own[:, 3:6]).sum(axis=1) + own[:, 9], (place * own[:, 6:9]).sum(axis=1) + own[:, 10]
    place[:, 2] += eye[2]
    colour, light, facing, seed, emission = own[:, 11:14], own[:, 14:17], own[:, 17:20], own[:, 20], own[:, 21]
    material = kind[which]
    footprint = depth * np.float32(pixel)
    colour = _textured(colour, material, u, v, seed, footprint)
    light = light * np.minimum(np.float32(0.72) + np.float32(0.35) * place[:, 2:3], 1.0)
    if lighting.night:
        light = light + headlight_at(lighting, place) + lamp_light(lighting, lamps, place)
    glow = np.zeros_like(colour)
    for name in ("facade", "sign"):
        chosen = np.flatnonzero(material == _INDEX[name])
        if len(chosen):
            tilt = np.abs((rays[chosen] * facing[chosen]).sum(axis=1)) / np.sqrt((rays[chosen] ** 2).sum(axis=1))
            texture = facade if name == "facade" else lettering
            colour[chosen], glow[chosen] = texture(
                lighting, colour[chosen], u[chosen], v[chosen], seed[chosen], footprint[chosen], tilt
            )
    radiance = colour * light + glow
    _mirror(lighting, sun, rays, facing, material, radiance)
    on = np.flatnonzero(emission > 0)
    if len(on):
        radiance[on] += emission[on, None] * _LAMP_COLOURS[material[on]]
    return radiance, depth


def _rays(camera: Camera, axes: np.ndarray, samples: Samples) -> np.ndarray:
    x = ((samples.x - np.float32(0.5)) * np.float32(1 / camera.focal))[:, None]
    y = ((samples.y - np.float32(0.5)) * np.float32(0.5 / camera.focal))[:, None]
    return x * axes[0] + (y * axes[1] + axes[2])


def _irradiance(lighting: Lighting, sun: np.ndarray, normal: np.ndarray, shadow: np.ndarray) -> np.ndarray:
    up = 0.5 + 0.5 * normal[:, 2:3]
    direct = np.maximum(normal @ sun, 0.0)[:, None] * shadow[:, None]
    return direct * lighting.sunlight + up * lighting.skylight + (1 - up) * lighting.bounce


def _textured(
    colour: np.ndarray, material: np.ndarray, u: np.ndarray, v: np.ndarray, seed: np.ndarray, footprint: np.ndarray
) -> np.ndarray:
    """Albedo with grain that fades as it becomes finer than a pixel."""
    grain = _GRAINS[material]
    chosen = np.flatnonzero(grain > 0)
    if not len(chosen):
        return colour.copy()
    s = seed[chosen] * np.float32(7.3)
    fine = wrapped_at(
        fractal(41, 256, 0.9, 1)[..., 0], u[chosen] * np.float32(0.35) + s, v[chosen] * np.float32(0.35) + s
    )
    streak = wrapped_at(
        fractal(42, 256, 1.0, 1)[..., 0], u[chosen] * np.float32(0.11) + s, v[chosen] * np.float32(0.025)
    )
    fade = np.clip(np.float32(0.08) / footprint[chosen], 0.15, 1)
    tone = 1 + grain[chosen] * (np.float32(0.9) * fine * fade + np.float32(0.7) * streak)
    concrete = material[chosen] == _INDEX["concrete"]
    joint = np.abs((u[chosen] * np.float32(1 / 6) + s) % 1.0 - np.float32(0.5)) > 0.495
    tone *= np.where(concrete & joint, np.float32(0.6), np.float32(1))
    tone *= np.where(
        concrete, np.float32(0.78) + np.float32(0.22) * np.clip(v[chosen] * np.float32(1.6), 0, 1), np.float32(1)
    )
    out = colour.copy()
    out[chosen] *= np.maximum(tone, np.float32(0.2))[:, None]
    return out


def _mirror(
    lighting: Lighting,
    sun: np.ndarray,
    rays: np.ndarray,
    facing: np.ndarray,
    material: np.ndarray,
    radiance: np.ndarray,
) -> None:
    """Adds reflections of sky, ground and sun to glossy pixels (Schlick's Fresnel term)."""
    chosen = np.flatnonzero(_SHINES[material, 1] > 0)
    if not len(chosen):
        return
    ray = rays[chosen] / np.sqrt((rays[chosen] ** 2).sum(axis=1, keepdims=True))
    normal = facing[chosen]
    cosine = -(ray * normal).sum(axis=1)
    away = ray + 2 * cosine[:, None] * normal
    shine = _SHINES[material[chosen]]
    fresnel = shine[:, 0] + (shine[:, 1] - shine[:, 0]) * (1 - np.clip(cosine, 0, 1)) ** 5
    seen = environment(lighting, away[:, 2])
    if not lighting.night:
        toward = np.maximum(away @ sun, 0)
        seen = seen + ((toward**60) * np.float32(3.0) + (toward**8) * np.float32(0.3))[:, None] * lighting.sunlight
    glass = (material[chosen] == _INDEX["glass"])[:, None]
    radiance[chosen] = radiance[chosen] * np.where(glass, np.float32(0.6), np.float32(1)) + fresnel[:, None] * seen


def shade_sprites(
    geometry: Geometry,
    visibility: VisibilityBuffer,
    samples: Samples,
    texture: np.ndarray,
    camera: Camera,
    lighting: Lighting,
    sun: np.ndarray,
    lamps: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """Radiance [n 3] and depth [n] of samples of vegetation; `texture` uint8 [n 4] as in `VisibilityBuffer`."""
    if not len(samples.ids):
        return np.zeros((0, 3), np.float32), np.zeros(0, np.float32)
    which = visibility.sprites[samples.ids - 1 - len(visibility.polygons)]
    texture = texture.astype(np.float32)
    right, up = texture[:, 0] * np.float32(1 / 127.5) - 1, texture[:, 1] * np.float32(1 / 127.5) - 1
    right *= np.where(geometry.mirror[which], np.float32(-1), np.float32(1))
    toward = np.sqrt(np.maximum(1 - right * right - up * up, 0))
    leafy = texture[:, 2] > BARK
    shade = np.where(leafy, texture[:, 2] * np.float32(1 / 255), texture[:, 2] * np.float32(1 / BARK))
    direct = np.maximum(right * -sun[1] + up * sun[2] - toward * sun[0], 0) + np.float32(
        0.35 * max(sun[0], 0.0)
    ) * np.maximum(up + 0.3, 0)
    colour = np.where(leafy[:, None], geometry.tint[which], np.array([0.13, 0.105, 0.085], np.float32))
    light = (direct * shade * np.float32(1.5))[:, None] * lighting.sunlight
    light += (shade * (np.float32(0.65) + np.float32(0.35) * up))[:, None] * lighting.skylight * np.float32(0.95)
    depth = np.maximum(geometry.place[which, 0], 0.5) * np.float32(np.cos(np.radians(camera.pitch)))
    if lighting.night:
        place = _rays(camera, camera.axes().astype(np.float32), samples) * depth[:, None]
        place[:, 2] += np.float32(camera.height)
        light += (headlight_at(lighting, place) + lamp_light(lighting, lamps, place)) * (
            shade * (np.float32(0.4) + np.float32(0.6) * toward)
        )[:, None]
    return colour * light, depth
