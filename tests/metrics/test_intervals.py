from __future__ import annotations

import numpy as np
import pytest

from drivesim.metrics.intervals import bootstrap, mean_interval


def test_intervals_hold_the_truth_about_as_often_as_they_say() -> None:
    rng = np.random.default_rng(0)
    found = [mean_interval(rng.normal(size=30), seed=k) for k in range(60)]
    inside = np.mean([low <= 0 <= high for _, low, high in found])
    assert 0.85 < inside <= 1
    assert np.mean([high - low for _, low, high in found]) == pytest.approx(2 * 1.96 / 30**0.5, rel=0.15)


def test_unknown_values_are_left_out() -> None:
    some = mean_interval(np.array([1.0, np.nan, 3.0]))
    assert some.value == 2 and some.low == 1 and some.high == 3
    assert all(np.isnan(mean_interval(np.array([np.nan]))))
    assert bootstrap(lambda rows: float(len(rows)), 4) == (4, 4, 4)
