"""What shading needs to know: where samples are taken, and the light of the frame."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from drivesim.scene.camera import Camera
from drivesim.world.light.lighting import Lighting


@dataclass(frozen=True)
class Samples:
    """Where n samples are taken: ids int32 [n] as in VisibilityBuffer; x, y float32 [n], frame fractions."""

    ids: np.ndarray
    x: np.ndarray
    y: np.ndarray

    def rays(self, camera: Camera) -> np.ndarray:
        """Directions float32 [3 n] in the ego frame, of unit length along the optical axis.

        Pinhole.rays with reciprocals, as version 1 of the world has it to the bit.
        """
        right, down, forward = camera.axes().astype(np.float32)[..., None]
        x = (self.x - np.float32(0.5)) * np.float32(1 / camera.focal)
        y = (self.y - np.float32(0.5)) * np.float32(0.5 / camera.focal)
        rays: np.ndarray = x * right + (y * down + forward)
        return rays


@dataclass(frozen=True)
class FrameLight:
    """The light of one frame: `sun` float32 [3], the direction to it in the ego frame; `lamps` float32 [k 3], heads of
    street lamps there (m), near to far."""

    lighting: Lighting
    sun: np.ndarray
    lamps: np.ndarray


@dataclass(frozen=True)
class SurfacePoints:
    """n points of textured surfaces, float32 [n] each.

    u, v: place on the surface, along and up (m); `seed` in [0, 1), as in Mesh; `footprint`: size of a pixel there (m);
    `facing`: cosine of the angle between ray and normal.
    """

    u: np.ndarray
    v: np.ndarray
    seed: np.ndarray
    footprint: np.ndarray
    facing: np.ndarray


def band_coverage(
    place: np.ndarray, low: np.ndarray | np.float32, high: np.ndarray | np.float32, blur: np.ndarray
) -> np.ndarray:
    """Coverage in [0, 1] of the band from `low` to `high` at `place`, with edges `blur` wide."""
    return np.clip((place - low) / blur + 0.5, 0, 1) * np.clip((high - place) / blur + 0.5, 0, 1)
