from __future__ import annotations

import numpy as np
import pytest

from drivesim.metrics.following import following

FPS = 30.0


def lane_change(start: float, frames: int = 145) -> np.ndarray:
    """3.7 m to the right within two seconds."""
    done = np.clip((np.arange(frames) / FPS - start) / 2, 0, 1)
    return 3.7 * (1 + np.cos(np.pi * done)) / 2


def test_what_follows_exactly_is_neither_late_nor_off() -> None:
    assert following(lane_change(1), lane_change(1), FPS) == (1, 0, 0)


@pytest.mark.parametrize("late", [-0.4, 0.2, 0.6])
def test_the_lag_is_found_beside_noise_gaps_and_a_constant_distance(late: float) -> None:
    rng = np.random.default_rng(0)
    found = lane_change(1 + late) + 0.5 + rng.normal(0, 0.1, 145)
    found[rng.random(145) < 0.3] = np.nan
    seen = following(lane_change(1), found, FPS)
    assert seen.lag == pytest.approx(late, abs=0.05) and 0.6 < seen.found < 0.8
    assert seen.offset > 0.3


def test_what_stays_in_its_lane_is_off_and_what_is_not_there_says_nothing() -> None:
    assert following(lane_change(1), np.full(145, 3.7), FPS).offset > 1.8
    half = np.where(np.arange(145) < 100, lane_change(1), np.nan)
    assert following(half, half, FPS) == (1, 0, 0)
    nothing = following(lane_change(1), np.full(145, np.nan), FPS)
    assert nothing.found == 0 and np.isnan(nothing.lag) and np.isnan(nothing.offset)
