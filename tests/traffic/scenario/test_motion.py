"""Motions of the script, by cases computed by hand."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest

from drivesim.traffic.scenario.motion import Curve, LaneMove, SpeedChange


def test_a_linear_change_covers_the_mean_speed_times_the_time() -> None:
    change = SpeedChange(start=2.0, before=20.0, target=10.0, seconds=4.0)
    assert [change.speed(t) for t in (0.0, 2.0, 4.0, 6.0, 9.0)] == [20.0, 20.0, 15.0, 10.0, 10.0]
    assert change.distance(6.0) == pytest.approx(60.0)  # 4 s at 15 m/s on average
    assert change.distance(8.0) == pytest.approx(80.0) and change.distance(1.0) == pytest.approx(-20.0)


def test_a_stop_at_a_rate_takes_v_squared_over_twice_the_rate() -> None:
    change = SpeedChange.at_rate(0.0, 20.0, 0.0, 8.0, "linear")
    assert change.seconds == pytest.approx(2.5) and change.distance(10.0) == pytest.approx(25.0)


def test_a_sinusoidal_change_begins_and_ends_gently_and_has_its_rate_in_the_middle() -> None:
    change = SpeedChange.at_rate(0.0, 10.0, 20.0, 2.0, "sinusoidal")
    assert change.seconds == pytest.approx(math.pi / 2 * 5) and change.speed(change.seconds / 2) == pytest.approx(15.0)
    middle = change.seconds / 2
    assert (change.speed(middle + 1e-4) - change.speed(middle - 1e-4)) / 2e-4 == pytest.approx(2.0, rel=1e-3)
    assert change.speed(1e-3) - 10.0 < 1e-4
    assert change.distance(change.seconds) == pytest.approx(15.0 * change.seconds)


def test_a_step_is_at_once() -> None:
    change = SpeedChange(1.0, 10.0, 4.0)
    assert change.speed(0.999) == 10.0 and change.speed(1.0) == 4.0 and change.distance(3.0) == pytest.approx(8.0)


def test_a_lane_change_is_halfway_at_half_its_time() -> None:
    move = LaneMove(start=1.0, shift=-3.7, seconds=3.0)
    assert move.advance(0.0, 1.0, 25.0) == 0.0
    assert move.advance(1.0, 2.5, 25.0) == pytest.approx(-1.85)
    assert move.advance(2.5, 3.0, 25.0) + move.advance(3.0, 9.0, 25.0) == pytest.approx(-1.85) and move.progress == 1.0
    standing = LaneMove(0.0, 3.7, 3.0)
    assert standing.advance(0.0, 5.0, 0.0) == 0.0


def test_a_curve_goes_through_its_points_in_the_direction_of_travel() -> None:
    curve = Curve.through((0.0, -3.0), 0.0, np.array([[20.0, 0.0], [40.0, 0.0]]))
    places = [curve.advance(0.5) for _ in range(100)]
    assert min(math.hypot(s - 20, d) for s, d, _ in places) < 0.3
    assert places[-1][1] == pytest.approx(0.0, abs=0.05) and places[-1][2] == pytest.approx(0.0, abs=0.02)
    for (s, d, heading), (s2, d2, _) in pairwise(places):  # nobody slides sideways
        assert abs(math.atan2(d2 - d, s2 - s) - heading) < 0.06
    across = Curve.through((10.0, -8.0), math.pi / 2, np.array([[10.0, 8.0]]))
    s, d, heading = across.advance(20.0)
    assert (s, d) == pytest.approx((10.0, 12.0)) and heading == pytest.approx(math.pi / 2)
