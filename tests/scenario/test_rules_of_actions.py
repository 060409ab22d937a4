"""Actions that contradict each other, the road or the names are refused where they stand, with a remedy."""

from __future__ import annotations

from pathlib import Path

import pytest

from drivesim.scenario.file import dump_scenario, load_scenario, parse_scenario
from drivesim.scenario.scenario import Scenario

HEAD = "name: good\nlook: {time_of_day: day, crowdedness: 9}\n"
CAR = "vehicles:\n- {ahead: 9, left: 3.7, kind: van, name: cutter, actions: [%s]}\nroad: {lanes: 2, ego_lane: 2}\n"


def faults(text: str) -> list[str]:
    """Faults of `text` without the name of the file."""
    return [str(fault).removeprefix("f:") for fault in parse_scenario(HEAD + text, Path("f"))[1]]


@pytest.mark.parametrize(
    ("action", "expected"),
    [
        ("{action: lane_change, lane: 3}", "there is no lane 3: the road has lanes: 2; choose another"),
        ("{action: lane_change, by: 1}", "there is no lane 1 to that side: the lanes end on the left; choose another"),
        ("{action: lane_change, by: -2}", "there is no lane 2 to that side: the lanes end on the right; choose another"),
        ("{action: lane_change}", "a lane change needs either lane, or by: a number of lanes that is not 0"),
        ("{action: lane_change, lane: 1, by: -1}", "a lane change needs either lane, or by: a number of lanes that is not 0"),
        ("{action: speed, target: 3}", "how fast? give seconds or rate"),
        ("{action: stop, seconds: 3, rate: 2}", "seconds and rate contradict each other; remove one of them"),
        ("{action: speed, target: 3, dynamics: step, rate: 2}", "a step takes no time; remove rate, or make dynamics linear"),
        ("{action: stop, rate: 3, when: {}}", "this trigger is empty; give one of time, distance and time_to_collision"),
        ("{action: stop, rate: 3, when: {time: 1, distance: 9}}",
         "this trigger has time and distance; give one of time, distance and time_to_collision"),
        ("{action: stop, rate: 3, when: {time: 1, to: ego}}", "a time is measured to nobody; remove to"),
        ("{action: stop, rate: 3, when: {distance: 9, to: cuter}}", 'no vehicle has the name "cuter" (did you mean "cutter"?)'),
        ("{action: stop, rate: 3, when: {distance: 9, to: cutter}}", '"cutter" cannot wait for itself; name another vehicle'),
        ("{action: stop, seconds: 3}, {action: speed, target: 9, rate: 2, when: {time: 2}}",
         "two actions steer the speed at once: at 2 s action 1 still runs; start this one at 3 s or later"),
        ("{action: lane_change, lane: 2}, {action: follow_waypoints, waypoints: [[30, 0]]}",
         "two actions steer the lateral motion at once: at 0 s action 1 still runs; start this one at 3 s or later"),
    ],
)  # fmt: skip
def test_what_cannot_be_done_is_refused(action: str, expected: str) -> None:
    found = faults(CAR % action)
    assert len(found) == 1 and found[0].startswith("4:") and found[0].endswith(expected)


def test_actions_of_two_domains_or_one_after_the_other_are_fine() -> None:
    assert faults(CAR % "{action: stop, seconds: 3}, {action: speed, target: 9, rate: 2, when: {time: 3}}") == []
    assert faults(CAR % "{action: stop, seconds: 3}, {action: lane_change, lane: 2, when: {time: 1}}") == []
    by_rate = "{action: speed, target: 20, dynamics: step}, {action: stop, rate: 5, when: {time: 2}}, %s"
    again = "{action: speed, target: 9, rate: 2, when: {time: %g}}"
    assert faults(CAR % (by_rate % (again % 6.1))) == []  # 20 m/s at 5 m/s2 take 4 s
    assert "start this one at 6 s or later" in faults(CAR % (by_rate % (again % 5.9)))[0]


def test_waypoints_take_as_long_as_their_way() -> None:
    script = "{action: follow_waypoints, waypoints: [[49, 0], [89, 0]]%s}, {action: lane_change, lane: 1, when: {time: %g}}"
    steady = CAR.replace("name: cutter", "name: cutter, speed: 20")
    words = "two actions steer the lateral motion at once: at 3.9 s action 1 still runs; start this one at 4.1 s or later"
    assert faults(steady % (script % ("", 3.9)))[0].endswith(words)
    assert faults(steady % (script % ("", 4.1))) == []
    later = ", when: {time: 1}"  # 20 m later on its way
    assert "at 3.9 s action 1 still runs; start this one at 4.1 s" in faults(steady % (script % (later, 3.9)))[0]
    # the speed is drawn: at 45 m/s the 40 m between the points take 0.9 s
    assert "start this one at 0.9 s or later" in faults(CAR % (script % ("", 0.8)))[0] and faults(CAR % (script % ("", 0.9))) == []
    slowing = "{action: speed, target: 30, seconds: 1}, " + script % ("", 1)
    assert faults(steady % slowing) == []


def test_the_other_direction_is_a_lane_only_where_nothing_divides_the_road() -> None:
    truck = "vehicles:\n- {ahead: 20, left: 0, kind: van, actions: [{action: lane_change, by: 1}]}\n"
    assert faults(truck + "road: {setting: rural, lanes: 1}") == []
    assert "the lanes end on the left" in faults(truck + "road: {setting: highway, lanes: 2}")[0]
    across = "vehicles:\n- {ahead: 20, left: 0, heading: 90, kind: van, actions: [{action: lane_change, lane: 1}]}\n"
    assert "has no lane to change; give waypoints" in faults(across)[0]


def test_names_are_one_vehicle_each() -> None:
    two = "vehicles:\n- {ahead: 9, left: 3.7, kind: van, name: a}\n- {ahead: 20, left: 0, kind: van, name: %s}\n"
    assert faults(two % "b") == []
    assert 'the name "a" is also that of vehicle 1' in faults(two % "a")[0]
    assert 'the name "ego" is that of the car with the camera' in faults(two % "ego")[0]


def test_the_ego_must_say_to_whom_and_may_name_vehicles() -> None:
    ego = "ego: {actions: [{action: stop, rate: 3, when: {time_to_collision: 2%s}}]}\n"
    assert "the ego's trigger needs \"to\"" in faults(ego % "")[0]
    assert faults(CAR % "" + ego % ", to: cutter") == []


def test_in_free_traffic_vehicles_have_no_script() -> None:
    found = faults(CAR % "{action: stop, rate: 3}" + "traffic: free\n")
    assert found == ["4:59: actions has no effect where traffic is free; remove it, or make traffic simulated or scripted"]
    assert faults("traffic: free\nego: {speed: 10}") == []


def test_the_speed_of_older_files_is_the_egos() -> None:
    scenario, found = parse_scenario(HEAD + "rollout: {speed: 7, seed: 3}", Path("f"))
    assert scenario is not None and found == []
    assert scenario.ego.speed == 7 and scenario.rollout.seed == 3 and scenario.traffic == "simulated"


def test_a_script_is_written_and_read_as_the_same(tmp_path: Path) -> None:
    text = HEAD + CAR % "{action: follow_waypoints, waypoints: [[30, 0], [50, 0]], when: {distance: 9}}" + "traffic: scripted\n"
    scenario, _ = parse_scenario(text, Path("f"))
    assert isinstance(scenario, Scenario)
    dump_scenario(scenario, tmp_path / "s.yaml")
    assert load_scenario(tmp_path / "s.yaml") == scenario
    assert "actions" not in (tmp_path / "s.yaml").read_text().split("vehicles:")[0]
