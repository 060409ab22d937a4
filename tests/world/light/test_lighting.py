"""Light of worlds: day and night differ, and the same draws give the same light."""

import numpy as np

from drivesim.world.light.lighting import Lighting, sample_lighting
from drivesim.world.light.sky import sample_backdrop, sky_radiance


def lighting(seed: int, night: bool) -> Lighting:
    return sample_lighting(np.random.default_rng(seed), night, "city")


def test_day_is_brighter_than_night() -> None:
    for seed in range(20):
        day, night = lighting(seed, False), lighting(seed, True)
        assert day.skylight.min() > 4 * night.skylight.max()
        assert day.street_lamps == 0 and not day.headlight.any() and night.headlight.any()
        for one in (day, night):
            assert abs(float(np.linalg.norm(one.sun)) - 1) < 1e-6 and one.sun[2] > 0
            assert 0 <= one.dry <= 1 and 0 <= one.cloud <= 1 and one.haze > 0


def test_sky_is_brightest_round_the_sun() -> None:
    clear = next(one for seed in range(50) if (one := lighting(seed, False)).weather == "clear" and one.cloud <= 0.02)
    backdrop = sample_backdrop(np.random.default_rng(0), "rural", clear)
    azimuth = float(np.arctan2(clear.sun[1], clear.sun[0])) + np.array([0.0, np.pi])
    slope = np.full((1, 2), np.tan(np.arcsin(clear.sun[2])), np.float32)
    toward, away = sky_radiance(clear, backdrop, azimuth, slope, 0.0)[0].sum(axis=1)
    assert toward > 2 * away
