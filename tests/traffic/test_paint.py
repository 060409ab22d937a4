"""Paint is known from seed and track alone; lamps follow the state of the traffic."""

from __future__ import annotations

import numpy as np

from drivesim.scene.vehicles import KINDS
from drivesim.traffic.paint import PALETTE, VARIANTS, body_variant, draw_car_style, nearest_name, paints
from drivesim.traffic.vehicle_lamps import BRAKE, HEAD, LEFT, TAIL, lamps


def test_paint_is_mostly_without_hue() -> None:
    rng = np.random.default_rng(0)
    colours = np.array([draw_car_style("hatchback", rng).paint for _ in range(2000)])
    grey = np.ptp(colours, axis=1) < 0.03 + 0.1 * colours.max(axis=1)
    assert 0.72 < grey.mean() < 0.92
    assert 0.18 < (colours.min(axis=1) > 0.6).mean() < 0.32
    assert colours.min() > 0 and colours.max() < 0.9


def test_paint_is_of_seed_and_track() -> None:
    track, kind = np.arange(200), np.arange(200) % len(KINDS)
    colours = paints(7, kind, track)
    np.testing.assert_array_equal(paints(7, kind[::-1], track[::-1])[::-1], colours)
    assert colours.dtype == np.float32 and colours.min() >= 0 and colours.max() <= 1
    assert np.abs(paints(8, kind, track) - colours).max(axis=1).mean() > 0.1
    assert {body_variant(7, int(t)) for t in track} <= set(range(VARIANTS))
    names = nearest_name(colours)
    assert {"white", "black"} <= set(names) and len(set(names)) >= 6


def test_names_are_their_own_nearest() -> None:
    assert nearest_name(np.array(list(PALETTE.values()))) == list(PALETTE)
    assert nearest_name(np.array([[1, 1, 1], [0, 0, 0], [1, 0, 0], [0, 0, 1.0]])) == ["white", "black", "red", "blue"]


def test_lamps_follow_state_and_hour() -> None:
    track, braking, indicator = np.arange(4), np.array([1, 0, 1, 0], bool), np.array([0, 1, -1, 1])
    parked = np.array([0, 0, 0, 1], bool)
    day, night = (lamps(track, braking, indicator, parked, dark, 0.0) for dark in (False, True))
    assert day.brake.tolist() == [True, False, True, False] and not day.tail.any()
    assert day.head.tolist() == [True, False, False, False] and night.head.tolist() == [True, True, True, False]
    assert day.left.tolist() == [False, True, False, False]
    assert night.bits[0] == BRAKE + HEAD + TAIL and day.bits[1] == LEFT and night.bits[3] == 0
    lit = [lamps(track, braking, indicator, parked, False, t / 30).left[1] for t in range(40)]
    assert 0.3 < np.mean(lit) < 0.7
