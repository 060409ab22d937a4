"""Shading of polygons: albedo times irradiance, what glossy surfaces mirror, and what shines by itself."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from drivesim.scene.camera import Camera
from drivesim.world.light.lamps import headlight_at, lamp_light
from drivesim.world.light.lighting import Lighting
from drivesim.world.render.geometry import Geometry
from drivesim.world.render.raster import VisibilityBuffer
from drivesim.world.render.vectors import dot, row_dot
from drivesim.world.shading.facades import facade
from drivesim.world.shading.materials import LAMP_COLOUR, MATERIAL_INDEX, REFLECTANCE, textured_albedo
from drivesim.world.shading.samples import FrameLight, Samples, SurfacePoints
from drivesim.world.shading.signs import sign_albedo


@dataclass(frozen=True)
class _Surfels:
    """The n surface points that samples see.

    ray [3 n] and place [3 n] (m) in the ego frame; depth [n] along the optical axis (m); u, v [n] on the surface (m);
    material int64 [n]; albedo, irradiance, normal [n 3]; seed, emission [n].
    """

    ray: np.ndarray
    place: np.ndarray
    depth: np.ndarray
    u: np.ndarray
    v: np.ndarray
    material: np.ndarray
    albedo: np.ndarray
    irradiance: np.ndarray
    normal: np.ndarray
    seed: np.ndarray
    emission: np.ndarray


def shade_polygons(
    geometry: Geometry,
    visibility: VisibilityBuffer,
    samples: Samples,
    camera: Camera,
    light: FrameLight,
    sun_left: np.ndarray,
    pixel: float,
) -> tuple[np.ndarray, np.ndarray]:
    """Radiance [n 3] and depth along the optical axis (m) [n] of samples of polygons.

    `sun_left` [m] is the share of sunlight that reaches each object; `pixel` the angle of a pixel (rad).
    """
    if not len(samples.ids):
        return np.zeros((0, 3), np.float32), np.zeros(0, np.float32)
    lighting = light.lighting
    seen = _surfels(geometry, visibility, samples, camera, light, sun_left)
    footprint = seen.depth * np.float32(pixel)
    albedo = textured_albedo(seen.albedo, seen.material, seen.u, seen.v, seen.seed, footprint)
    irradiance = seen.irradiance * np.minimum(np.float32(0.72) + np.float32(0.35) * seen.place[2], 1.0)[:, None]
    if lighting.night:
        irradiance = irradiance + headlight_at(lighting, seen.place) + lamp_light(lighting, light.lamps, seen.place)
    emitted = np.zeros_like(albedo)
    fronts = np.flatnonzero(seen.material == MATERIAL_INDEX["facade"])
    if len(fronts):
        points = _surface_points(seen, footprint, fronts)
        albedo[fronts], emitted[fronts] = facade(lighting, albedo[fronts], points)
    signs = np.flatnonzero(seen.material == MATERIAL_INDEX["sign"])
    if len(signs):
        albedo[signs] = sign_albedo(albedo[signs], _surface_points(seen, footprint, signs))
    radiance = albedo * irradiance + emitted
    _add_reflections(light, seen, radiance)
    lit = np.flatnonzero(seen.emission > 0)
    if len(lit):
        radiance[lit] += seen.emission[lit, None] * LAMP_COLOUR[seen.material[lit]]
    return radiance, seen.depth


def _surface_points(seen: _Surfels, footprint: np.ndarray, rows: np.ndarray) -> SurfacePoints:
    """Those of `rows`, as textures see them."""
    ray = seen.ray[:, rows]
    facing = np.abs(dot(ray, seen.normal[rows].T)) / np.sqrt(dot(ray, ray))
    return SurfacePoints(seen.u[rows], seen.v[rows], seen.seed[rows], footprint[rows], facing)


def _surfels(
    geometry: Geometry,
    visibility: VisibilityBuffer,
    samples: Samples,
    camera: Camera,
    light: FrameLight,
    sun_left: np.ndarray,
) -> _Surfels:
    """Where the rays of samples meet their polygons, and what is there."""
    used = np.flatnonzero(np.bincount(samples.ids, minlength=len(visibility.polygons) + 1))
    row_of_id = np.zeros(len(visibility.polygons) + 1, np.int32)
    row_of_id[used] = np.arange(len(used))
    row = row_of_id[samples.ids]
    polygons, mesh = visibility.polygons[used - 1], geometry.mesh
    eye = np.array([0, 0, camera.height], np.float32)
    normal, uv = geometry.normal[polygons], mesh.uv[polygons]
    plane = normal / np.minimum(row_dot(normal, mesh.vertices[polygons, 0] - eye)[:, None], -1e-6)
    offset = ((eye - uv[:, 0])[:, None] * uv[:, 1:]).sum(axis=2)  # of the eye, on the axes of the texture
    shape = np.concatenate([plane, uv[:, 1], uv[:, 2], offset], axis=1).astype(np.float32).T[:, row]
    plane, u_axis, v_axis, (u_offset, v_offset) = np.split(shape, [3, 6, 9])
    ray = samples.rays(camera)
    depth = 1.0 / np.maximum(dot(plane, ray), np.float32(1e-4))
    place = ray * depth
    u, v = dot(place, u_axis) + u_offset, dot(place, v_axis) + v_offset
    place[2] += eye[2]
    sunlight = sun_left[geometry.owner[polygons]]
    return _Surfels(
        ray,
        place,
        depth,
        u,
        v,
        mesh.material[polygons][row],
        mesh.albedo[polygons][row],
        _irradiance(light, normal, sunlight).astype(np.float32)[row],
        normal[row],
        mesh.seed[polygons][row],
        geometry.emission[polygons][row],
    )


def _irradiance(light: FrameLight, normal: np.ndarray, sun_left: np.ndarray) -> np.ndarray:
    """Of surfaces with normals [n 3] by sun, sky and ground [n 3]."""
    up = 0.5 + 0.5 * normal[:, 2:3]
    direct = np.maximum(normal @ light.sun, 0.0)[:, None] * sun_left[:, None]
    return direct * light.lighting.sunlight + up * light.lighting.skylight + (1 - up) * light.lighting.bounce


def _add_reflections(light: FrameLight, seen: _Surfels, radiance: np.ndarray) -> None:
    """Adds reflections of sky, ground and sun to the `radiance` of glossy points (Schlick's Fresnel term)."""
    glossy = np.flatnonzero(REFLECTANCE[seen.material, 1] > 0)
    if not len(glossy):
        return
    lighting, normal, material = light.lighting, seen.normal[glossy], seen.material[glossy]
    ray = np.ascontiguousarray(seen.ray[:, glossy].T)
    ray /= np.sqrt(row_dot(ray, ray))[:, None]
    cosine = -row_dot(ray, normal)
    mirrored = ray + 2 * cosine[:, None] * normal
    facing, grazing = REFLECTANCE[material, 0], REFLECTANCE[material, 1]
    fresnel = facing + (grazing - facing) * (1 - np.clip(cosine, 0, 1)) ** 5
    reflection = _environment(lighting, mirrored[:, 2])
    if not lighting.night:
        toward = np.maximum(mirrored @ light.sun, 0)
        reflection = (
            reflection + ((toward**60) * np.float32(3.0) + (toward**8) * np.float32(0.3))[:, None] * lighting.sunlight
        )
    glass = (material == MATERIAL_INDEX["glass"])[:, None]
    radiance[glossy] = (
        radiance[glossy] * np.where(glass, np.float32(0.6), np.float32(1)) + fresnel[:, None] * reflection
    )


def _environment(lighting: Lighting, rise: np.ndarray) -> np.ndarray:
    """Radiance [n 3] from directions with z component `rise` [n]: sky above a dark band, road below."""
    up = np.clip(rise * np.float32(1.6), 0, 1)[:, None]
    sky = lighting.horizon + (lighting.zenith - lighting.horizon) * up
    ground = lighting.bounce * np.float32(0.7)
    band = np.clip((rise - np.float32(0.03)) * np.float32(9.0), 0, 1)[:, None]
    return ground + band * (sky - ground)
