"""Time to collision by hand, and of a cut-in from its labels against the script."""

from __future__ import annotations

import numpy as np
import pytest

from drivesim.config import shipped
from drivesim.engine.future import FutureSpec, Prompt
from drivesim.engine.moments import TICKS
from drivesim.engine.timeline import Timeline
from drivesim.evaluation.track_sheet import FRONT
from drivesim.metrics.time_to_collision import times_to_collision
from drivesim.rollout.labels.frames import frame_labels
from drivesim.scenario.file import load_scenario
from drivesim.traffic.scenario.states import scenario_traffic
from drivesim.traffic.scenario.triggers import time_to_collision
from drivesim.traffic.simulation import advance
from drivesim.traffic.state import Roadway


def test_a_gap_that_closes_at_five_metres_a_second_is_gone_in_as_many_fifths() -> None:
    times = np.arange(4.0)
    cuboid = np.zeros((4, 7))
    cuboid[:, 0], cuboid[:, 3] = 24.0 - 5.0 * times, 4.0
    np.testing.assert_allclose(times_to_collision(cuboid, times, front=2.0), (20.0 - 5.0 * times) / 5.0, atol=1e-9)
    cuboid[:, 0] = 24.0 + times
    assert np.isinf(times_to_collision(cuboid, times, front=2.0)).all()


def test_labels_say_of_a_cut_in_what_the_script_says() -> None:
    """By the layout alone: within 0.1 s, and half a lane."""
    scenario = load_scenario(shipped("scenarios") / "cut_in.yaml")
    future = FutureSpec(Prompt.of(scenario), Timeline.of(5, 30), scenario.rollout.seed, 0)
    at = (np.arange(70, 125, 9)[:, None] + [-1, 0, 1]).ravel()  # neighbours at 30 fps, of which the middle ones are compared
    cuboid = []
    for tick in at.tolist():
        boxes = frame_labels(future, tick, tick / float(TICKS), 1.0).boxes
        cuboid.append(boxes.cuboid[boxes.track == 0][0])
    seen = times_to_collision(np.array(cuboid), at / float(TICKS), FRONT)

    traffic = scenario_traffic(scenario, scenario.rollout.seed, 0, Roadway(0, 8.0))
    van = int(np.flatnonzero(traffic.vehicles.track == 0)[0])
    asked, left = [], []
    for _ in range(int(at[-1]) + 1):
        asked.append(time_to_collision(traffic, 0, van))
        left.append(traffic.vehicles.d[van] - traffic.vehicles.d[0])
        advance(traffic, 1 / 30)
    script, seen = np.array(asked)[at][1::3], seen[1::3]
    near = script < 5.0
    assert near.sum() > 3 and seen[near] == pytest.approx(script[near], abs=0.1)
    assert np.array(cuboid)[:, 1] == pytest.approx(np.array(left)[at], abs=0.5 * 3.7)
