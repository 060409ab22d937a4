"""What stands on the ground: polygons and sprites, supersampled in pixels that show more than one of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from drivesim.scene.camera import Camera
from drivesim.world.ground.noise import smoothstep
from drivesim.world.light.lighting import Lighting
from drivesim.world.render.geometry import Geometry
from drivesim.world.render.raster import VisibilityBuffer
from drivesim.world.shading.polygons import shade_polygons
from drivesim.world.shading.samples import FrameLight, Samples
from drivesim.world.shading.vegetation import shade_vegetation


@dataclass(frozen=True)
class Foreground:
    """radiance float32 [h w 3], premultiplied by coverage float32 [h w 1]; depth float32 [h w] of the last sample of each
    pixel (m), 0 where it sees none."""

    radiance: np.ndarray
    coverage: np.ndarray
    depth: np.ndarray


@dataclass(frozen=True)
class _Pixels:
    """Flat indices of pixels by what they show: `whole` [p] lie within one polygon `polygon` int32 [p]; `mixed` [q] show
    several things: `ids` int32 [q scale**2] of their samples, at x, y [q scale**2] (pixels)."""

    whole: np.ndarray
    polygon: np.ndarray
    mixed: np.ndarray
    ids: np.ndarray
    x: np.ndarray
    y: np.ndarray


def shade_foreground(
    geometry: Geometry,
    visibility: VisibilityBuffer,
    camera: Camera,
    light: FrameLight,
    sun_left: np.ndarray,
    scale: int,
    reach: float,
) -> Foreground:
    """The foreground at 1 / scale of the visibility buffer's resolution.

    Pixels within one polygon are shaded once, all others once for each of their scale x scale samples. `sun_left` [m] is the
    share of sunlight that reaches each object; haze swallows what is `reach` m away.
    """
    height, width = visibility.ids.shape[0] // scale, visibility.ids.shape[1] // scale
    pixels = _pixels(visibility, scale)
    whole, mixed, ids, x, y = pixels.whole, pixels.mixed, pixels.ids.ravel(), pixels.x.ravel(), pixels.y.ravel()
    count = len(visibility.polygons)
    polygon, sprite = np.flatnonzero((ids > 0) & (ids <= count)), np.flatnonzero(ids > count)
    across, down = np.float32(1 / width), np.float32(1 / height)
    samples = Samples(
        np.concatenate([pixels.polygon, ids[polygon]]),
        np.concatenate([whole % width + 0.5, x[polygon]]).astype(np.float32) * across,
        np.concatenate([whole // width + 0.5, y[polygon]]).astype(np.float32) * down,
    )
    radiance, depth = shade_polygons(geometry, visibility, samples, camera, light, sun_left, 1 / (camera.focal * width))
    shaded = _hazed(radiance, depth, light.lighting, reach)
    front, front_depth = np.zeros((height * width, 4), np.float32), np.zeros(height * width, np.float32)
    front[whole], front_depth[whole] = shaded[: len(whole)], depth[: len(whole)]
    fine, fine_depth = np.zeros((len(ids), 4), np.float32), np.zeros(len(ids), np.float32)
    fine[polygon], fine_depth[polygon] = shaded[len(whole) :], depth[len(whole) :]
    x, y = x[sprite], y[sprite]
    texture = visibility.texture[(y * scale).astype(int), (x * scale).astype(int)]
    samples = Samples(ids[sprite], (x / width).astype(np.float32), (y / height).astype(np.float32))
    radiance, depth = shade_vegetation(geometry, visibility, samples, texture, camera, light)
    fine[sprite], fine_depth[sprite] = _hazed(radiance, depth, light.lighting, reach), depth
    front[mixed] = sum(fine[k :: scale * scale] for k in range(scale * scale)) * np.float32(1 / scale**2)
    front_depth[mixed] = fine_depth[scale * scale - 1 :: scale * scale]
    front = front.reshape(height, width, 4)
    return Foreground(front[..., :3], front[..., 3:], front_depth.reshape(height, width))


def _pixels(visibility: VisibilityBuffer, scale: int) -> _Pixels:
    """Sorts pixels by what they show; empty ones are left out."""
    width = visibility.ids.shape[1] // scale
    samples = [visibility.ids[i::scale, j::scale].ravel() for i in range(scale) for j in range(scale)]
    first, covered = samples[0], samples[0]
    one = (first > 0) & (first <= len(visibility.polygons))
    for sample in samples[1:]:
        one &= sample == first
        covered = covered | sample
    whole, mixed = np.flatnonzero(one), np.flatnonzero((covered > 0) & ~one)
    centre = np.float32((np.arange(scale) + 0.5) / scale)
    return _Pixels(
        whole,
        first[whole],
        mixed,
        np.stack([sample[mixed] for sample in samples], axis=1),
        (mixed % width)[:, None] + np.tile(centre, scale),
        (mixed // width)[:, None] + np.repeat(centre, scale),
    )


def _hazed(radiance: np.ndarray, depth: np.ndarray, lighting: Lighting, reach: float) -> np.ndarray:
    """Radiance and coverage 1 [n 4] behind the haze, which swallows what is `reach` away; no brighter than the sensor holds."""
    shaded = np.ones((len(radiance), 4), np.float32)
    clear = np.exp(depth * np.float32(-lighting.haze))
    clear *= 1 - smoothstep(0.7 * reach, reach, depth)
    brightest = np.float32(12.0 / lighting.sensor.exposure)
    for c in range(3):
        haze = lighting.haze_colour[c]
        np.minimum(haze + clear * (radiance[:, c] - haze), brightest, out=shaded[:, c])
    return shaded
