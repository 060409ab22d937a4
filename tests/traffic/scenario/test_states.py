"""The traffic of scenarios: scripts are followed, futures differ, nobody touches anybody, and nobody pops up in sight."""

from __future__ import annotations

import math
from dataclasses import fields
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import shapely

from drivesim.config import shipped
from drivesim.scenario.file import load_scenario
from drivesim.scenario.scenario import Scenario
from drivesim.scene.vehicles import KINDS, SIZES
from drivesim.traffic.scenario.companions import vehicles_in_view
from drivesim.traffic.scenario.states import scenario_states, scenario_traffic
from drivesim.traffic.scenario.triggers import time_to_collision
from drivesim.traffic.simulation import Snapshot, advance
from drivesim.traffic.state import GONE, Roadway

SCENARIOS = sorted(shipped("scenarios").glob("*.yaml"))
_SIZES = np.array([SIZES[kind] for kind in KINDS])


def roadway(scenario: Scenario) -> Roadway:
    """A plain one that suits the scenario's road."""
    road = scenario.road_model()
    across = road.lane_center(0) + (8.0 if road.setting == "highway" else 0.0)
    parks = road.setting in ("city", "residential")
    strips = (road.lane_center(road.lanes) - 2.7, across + (road.lanes - 1) * road.lane_width + 2.7)
    return Roadway(road.lanes, across, strips if parks else ())


def states(scenario: Scenario, seconds: float, fps: float = 10.0, future: int = 0) -> list[Snapshot]:
    frames = round(seconds * fps) + 1
    return list(scenario_states(scenario, scenario.rollout.seed, future, roadway(scenario), frames, fps))


def made(*vehicles: dict[str, Any], **sections: Any) -> Scenario:
    look = {"time_of_day": "day", "crowdedness": sections.pop("crowdedness", 9)}
    road = sections.pop("road", {"lanes": 2, "ego_lane": 2})
    return Scenario.model_validate({"name": "a", "look": look, "road": road, "vehicles": list(vehicles)} | sections)


def row(now: Snapshot, track: int) -> int:
    return int(np.flatnonzero(now.track == track)[0])


def outlines(now: Snapshot) -> np.ndarray:
    """Of everybody there, the ego (whose middle is behind the camera) first."""
    here = now.s > GONE / 2
    corner = np.array([[1, 1], [-1, 1], [-1, -1], [1, -1]]) / 2
    local = corner[None] * _SIZES[now.kind[here]][:, None, :2]
    c, n = np.cos(now.heading[here])[:, None], np.sin(now.heading[here])[:, None]
    s = now.s[here] - np.where(np.arange(here.sum()) == 0, 0.65, 0.0)
    x, y = s[:, None] + c * local[..., 0] - n * local[..., 1], now.d[here][:, None] + n * local[..., 0] + c * local[..., 1]
    return np.asarray(shapely.polygons(np.stack([x, y], axis=-1)))


def heights(scenario: Scenario, ahead: np.ndarray, kind: np.ndarray) -> np.ndarray:
    """Pixels of 512 that vehicles `ahead` m before the camera are high."""
    near = np.maximum(ahead - _SIZES[kind, 0] / 2, 0.1)
    return 2 * scenario.camera_model().focal * 512 * _SIZES[kind, 2] / near


def test_a_scripted_stop_takes_the_distance_computed_by_hand() -> None:
    stop = {"action": "stop", "rate": 5, "when": {"time": 1.01}}
    car = {"ahead": 30, "left": 0, "kind": "sedan", "speed": 20, "actions": [stop]}
    last = states(made(car, traffic="scripted", ego={"speed": 0}), 8.0)[-1]
    assert last.s[row(last, 0)] == pytest.approx(30 + 20 * 1.01 + 20**2 / (2 * 5), abs=1e-6)
    assert last.speed[row(last, 0)] == 0


def test_a_lane_change_is_halfway_at_half_its_time_and_indicated() -> None:
    change = {"action": "lane_change", "lane": 2, "seconds": 4, "when": {"time": 1}}
    car = {"ahead": 30, "left": 3.7, "kind": "sedan", "speed": 20, "actions": [change]}
    now = states(made(car, traffic="scripted"), 6.0)
    place = row(now[0], 0)
    assert now[10].d[place] == pytest.approx(3.7) and now[30].d[place] == pytest.approx(1.85, abs=1e-6)
    assert now[55].d[place] == pytest.approx(0.0, abs=1e-6) and now[30].indicator[place] == -1 and now[55].indicator[place] == 0


def test_a_time_to_collision_fires_when_it_falls_below() -> None:
    """The ego closes in at 10 m/s on a gap of 60 m: 2.5 s are left after 3.5 s."""
    gap = 60 + 0.5 * (4.7 + 4.7) - 0.65  # the middle of the ego is 0.65 m behind the camera
    car = {"ahead": gap, "left": 0, "kind": "sedan", "speed": 10, "name": "b"}
    slow = {"action": "speed", "target": 10, "dynamics": "step", "when": {"time_to_collision": 2.5, "to": "b"}}
    now = states(made(car, traffic="scripted", ego={"speed": 20, "actions": [slow]}), 5.0, fps=30.0)
    fired = next(k for k, one in enumerate(now) if one.speed[0] < 15) / 30
    assert fired == pytest.approx(3.5, abs=0.07)


def test_a_distance_is_between_outlines_and_waits_for_the_one_who_is_named() -> None:
    car = {"ahead": 50, "left": 0, "kind": "sedan", "speed": 10, "name": "b"}
    stop = {"action": "stop", "rate": 9, "when": {"distance": 20, "to": "b"}}
    now = states(made(car, traffic="scripted", ego={"speed": 20, "actions": [stop]}), 5.0, fps=30.0)
    fired = next(k for k, one in enumerate(now) if one.speed[0] < 19.99)
    assert fired / 30 == pytest.approx((50 + 0.65 - 4.7 - 20) / 10, abs=0.07)


def test_the_cut_in_is_a_cut_in() -> None:
    """The van is in the ego's lane, and the ego brakes when the time to collision that the script names is reached."""
    scenario = load_scenario(shipped("scenarios") / "cut_in.yaml")
    traffic = scenario_traffic(scenario, 21, 0, roadway(scenario))
    van = int(np.flatnonzero(traffic.vehicles.track == 0)[0])
    times, beside, braking = [], [], []
    while traffic.time < 8.0:
        times.append(time_to_collision(traffic, 0, van))
        beside.append(abs(traffic.vehicles.d[van] - traffic.vehicles.d[0]))
        advance(traffic, 1 / 30)
        braking.append(traffic.vehicles.accel[0] < -2.0)
    brakes = braking.index(True)
    assert times[brakes] <= 3.5 < times[brakes - 1]
    assert beside[0] == 3.7 and 0.0 < beside[brakes] < 3.0 and beside[-1] < 0.01  # it is on its way in
    assert 1.5 < min(times) < 3.5 and 4.0 < traffic.vehicles.s[van] - traffic.vehicles.s[0] - 4.7 < 30.0


@pytest.mark.parametrize("path", SCENARIOS, ids=lambda path: path.stem)
def test_vehicles_begin_where_they_are_asked_and_as_many_as_asked_are_in_view(path: Path) -> None:
    scenario = load_scenario(path)
    first = states(scenario, 0.0)[0]
    for i, vehicle in enumerate(scenario.vehicles):
        if hasattr(vehicle, "ahead"):
            place = row(first, i)
            assert (first.s[place], first.d[place]) == (vehicle.ahead, vehicle.left)
            assert first.heading[place] == math.radians(vehicle.heading)
    here = first.s[1:] > GONE / 2
    s, d, heading, kind = first.s[1:][here], first.d[1:][here], first.heading[1:][here], first.kind[1:][here]
    count = vehicles_in_view(scenario.camera_model(), scenario.road_model(), s, d, heading, kind)
    if scenario.traffic == "simulated":
        assert scenario.look.crowdedness - 2 <= count <= scenario.look.crowdedness + 1
    again = states(scenario, 0.0, future=3)[0]
    ahead, ahead_again = first.s[(first.s > 0)], again.s[(again.s > 0)]
    np.testing.assert_array_equal(np.sort(ahead), np.sort(ahead_again))  # the first frame is the same in all futures


@pytest.mark.parametrize("path", SCENARIOS, ids=lambda path: path.stem)
def test_nobody_touches_anybody_or_pops_up(path: Path) -> None:
    scenario = load_scenario(path)
    before: Snapshot | None = None
    for now in states(scenario, min(scenario.rollout.seconds, 12.0), 5.0, future=1):
        shapes = outlines(now)
        one, other = shapely.STRtree(shapes).query(shapes, predicate="intersects")
        shared = shapely.area(shapely.intersection(shapes[one], shapes[other]))
        assert (shared[one < other] < 0.05).all()
        if before is not None:
            for one, other in ((now, before), (before, now)):  # who comes, who goes
                changed = ~np.isin(one.track, other.track[other.s > GONE / 2]) & (one.s > GONE / 2)
                ahead = one.s[changed] - one.s[0]
                high = heights(scenario, ahead, one.kind[changed])
                assert ((high < 4.4) | (ahead < -20)).all()  # 4 px at the moment itself
        before = now


def test_futures_differ_in_who_is_drawn_and_agree_on_the_script() -> None:
    scenario = load_scenario(shipped("scenarios") / "cut_in.yaml")
    one, same, other = (states(scenario, 5.0, 2.0, future)[-1] for future in (0, 0, 1))
    for field in fields(one):
        np.testing.assert_array_equal(getattr(one, field.name), getattr(same, field.name))
    assert one.s[0] == other.s[0] and one.s[row(one, 0)] == other.s[row(other, 0)]
    assert one.s[row(one, 1)] != other.s[row(other, 1)]


def test_eight_futures_differ_from_each_other_while_their_actors_do_the_same() -> None:
    scenario = load_scenario(shipped("scenarios") / "cut_in.yaml")
    ends = [states(scenario, 3.0, 1.0, future)[-1] for future in range(8)]
    for actor in (-1, 0):  # the ego and the van
        places = {(now.s[row(now, actor)], now.d[row(now, actor)], now.speed[row(now, actor)]) for now in ends}
        assert len(places) == 1
    for one, other in combinations(ends, 2):
        both = [track for track in one.track[one.s > 0].tolist() if track > 0 and track in other.track]
        apart = [np.hypot(one.s[a] - other.s[b], one.d[a] - other.d[b]) for a, b in ((row(one, t), row(other, t)) for t in both)]
        assert len(both) > 2 and max(apart) > 1.0  # m


def test_on_an_empty_road_every_future_drives_at_a_pace_of_its_own() -> None:
    scenario = load_scenario(shipped("scenarios") / "empty_highway.yaml")
    speeds = np.array([[now.speed[0] for now in states(scenario, 10.0, 1.0, future)] for future in (0, 0, 1, 2)])
    np.testing.assert_array_equal(speeds[0], speeds[1])
    assert (speeds[:, 0] == scenario.ego.speed).all()  # all go on from the same first frame
    assert all(np.abs(speeds[i, 5:] - speeds[j, 5:]).max() > 0.3 for i, j in ((0, 2), (0, 3), (2, 3)))
    assert (np.abs(speeds / scenario.ego.speed - 1) < 0.16).all()
    scripted = made(crowdedness=0, ego={"actions": [{"action": "speed", "target": 10, "rate": 3, "when": {"time": 1}}]})
    one, other = (states(scripted, 5.0, 1.0, future)[-1] for future in (0, 1))
    assert (one.s[0], one.speed[0]) == (other.s[0], other.speed[0])


def test_a_moment_is_the_same_however_far_one_asks() -> None:
    scenario = load_scenario(shipped("scenarios") / "highway_day.yaml")
    long, short = states(scenario, 5.0, 1.0), states(scenario, 3.0, 3.0)
    np.testing.assert_array_equal(long[3].s, short[9].s)
    np.testing.assert_array_equal(long[3].track, short[9].track)


@pytest.mark.parametrize(("name", "seconds"), [("highway_day", 40), ("cut_in", 12), ("night_city", 12), ("parked_street", 12)])
def test_about_as_many_stay_in_view_as_are_asked_for(name: str, seconds: int) -> None:
    """Within one vehicle or a fifth, whatever the ego does."""
    scenario = load_scenario(shipped("scenarios") / f"{name}.yaml")
    counts = []
    for now in states(scenario, seconds, 1.0)[2:]:
        ahead, left = now.s[1:] - now.s[0], now.d[1:] - now.d[0]
        args = (ahead, left, now.heading[1:], now.kind[1:])
        counts.append(vehicles_in_view(scenario.camera_model(), scenario.road_model(), *args))
    asked = scenario.look.crowdedness
    assert abs(np.mean(counts) - asked) <= max(1.0, 0.2 * asked)


def test_nobody_is_drawn_where_the_script_or_the_look_says_so_and_free_traffic_ends_with_the_first_frame() -> None:
    car = {"ahead": 30, "left": 0, "kind": "sedan"}
    assert len(states(made(car, traffic="scripted"), 1.0)[-1].s) == 2
    free = states(made(car, traffic="free"), 1.0)
    assert len(free[0].s) == 2 and len(free[1].s) == 1
    assert len(states(made(crowdedness=0), 5.0)[-1].s) == 1


def test_who_stands_across_or_beside_the_lanes_stands_and_the_ego_sees_it() -> None:
    across = {"ahead": 30, "left": 0, "heading": 90, "kind": "sedan"}
    parked = {"ahead": 20, "left": -4, "kind": "sedan"}
    now = states(made(across, parked, ego={"speed": 12}), 8.0)
    for track in (0, 1):
        assert now[-1].s[row(now[-1], track)] == now[0].s[row(now[0], track)]
    assert now[-1].s[0] < 30 - 1.7 and now[-1].speed[0] < 0.5
