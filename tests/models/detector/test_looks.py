from __future__ import annotations

import numpy as np

from drivesim.models.detector.looks import Looks


def test_days_nights_and_what_is_neither() -> None:
    rng = np.random.default_rng(0)
    features = np.concatenate([rng.normal(0, 1, (200, 8)), rng.normal(0.9, 0.3, (200, 8))])
    night = np.arange(400) >= 200
    looks = Looks(8)
    looks.fit(features, np.where(night, 20.0, 80.0), night)
    assert (looks.is_night(features) == night).mean() > 0.97
    assert looks.energy.tolist() == [80, 20]
    usual = looks.strangeness(features)
    assert (usual <= 1).mean() > 0.98
    assert looks.strangeness(features[:5] + 9).min() > 2


def test_before_it_is_measured_nothing_is_told_apart() -> None:
    looks = Looks(4)
    looks.fit(np.zeros((1, 4)), np.ones(1), np.array([True]))
    assert not looks.is_night(np.ones((3, 4))).any()
