"""What the ground of a world is made of: colours of asphalt, paint and verges, wear, the profile across the road."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from drivesim.roadside.cross_section import CrossSection
from drivesim.roadside.pavement import Pavement
from drivesim.scene.road import Setting
from drivesim.world.ground.pavement import Profile, build_profile
from drivesim.world.light.lighting import Lighting


@dataclass(frozen=True)
class Surface:
    """What one world's ground is made of; colours are linear albedo float32 [3].

    `variant` of the detail tile; `wear` of paint in [0, 1]; contrast of wheel `tracks` (above 0 lighter than the asphalt) and of
    `cracks`; `slabs` 1 where the road is concrete slabs, else 0.
    """

    profile: Profile
    variant: int
    asphalt: np.ndarray
    concrete: np.ndarray
    gravel: np.ndarray
    grass: np.ndarray
    soil: np.ndarray
    white: np.ndarray
    yellow: np.ndarray
    wear: float
    tracks: float
    cracks: float
    slabs: float


def sample_surface(section: CrossSection, setting: Setting, lighting: Lighting, rng: np.random.Generator) -> Surface:
    """Materials of the ground of one world."""
    pavement = Pavement.drawn(section, setting, rng)
    if pavement.slabs:
        asphalt = pavement.slabs * np.array([1.0, 0.97, 0.91])
    else:
        asphalt = pavement.tone * np.array([1.0, 1.0, 1.02]) * (1 + np.array(pavement.tint))
    lush, straw = np.array([0.055, 0.085, 0.025]), np.array([0.30, 0.225, 0.115])
    dry = lighting.dry
    grass = (1 - dry) * lush * pavement.lush + dry * straw * pavement.straw
    return Surface(
        build_profile(section, setting, pavement),
        int(rng.integers(0, 4)),
        asphalt.astype(np.float32),
        np.array(rng.uniform(0.24, 0.36) * np.array([1.0, 0.97, 0.92]), np.float32),
        np.array(rng.uniform(0.13, 0.24) * np.array([1.0, 0.93, 0.82]), np.float32),
        grass.astype(np.float32),
        np.array([0.14, 0.105, 0.07], np.float32) * np.float32(rng.uniform(0.7, 1.3)),
        np.array(rng.uniform(0.55, 0.75) * np.array([1, 1, 0.97]), np.float32),
        np.array(rng.uniform(0.8, 1.1) * np.array([0.60, 0.36, 0.04]), np.float32),
        float(rng.uniform(0.1, 0.9)),
        float(rng.uniform(-0.25, 0.25)),
        float(rng.uniform(0.2, 1.0)),
        float(pavement.slabs > 0),
    )
