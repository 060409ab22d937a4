from __future__ import annotations

import numpy as np
import pytest

from drivesim.metrics.drift import drift, first_beyond, time_windows


def test_windows_cover_the_first_and_the_last_frames() -> None:
    assert time_windows(18, 2.0) == [slice(0, 8), slice(8, 16), slice(10, 18)]
    assert time_windows(16, 2.0) == [slice(0, 8), slice(8, 16)]
    assert time_windows(5, 2.0) == [slice(0, 5)]


def test_drift_is_the_last_window_over_the_first() -> None:
    assert drift(np.ones(40), 2.0) == 1
    assert drift(np.linspace(1, 3, 40), 2.0) == pytest.approx(2.82 / 1.18, rel=0.01)
    assert np.isnan(drift(np.ones(8), 2.0))


def test_the_moment_at_which_a_film_leaves_its_range() -> None:
    values = np.array([1, 9, 1, 1, 9, 9, 9, 1.0])
    assert first_beyond(values, 5) == 4
    assert first_beyond(values, 10) is None
    assert first_beyond(values[:2], 5) is None
