"""The scenarios that are shipped."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from drivesim.config import shipped
from drivesim.layout.preview.drive import CommonScene
from drivesim.scenario.file import check_scenarios, dump_scenario, load_scenario
from drivesim.traffic.scenario.companions import vehicles_in_view
from drivesim.traffic.state import GONE

SCENARIOS = sorted(shipped("scenarios").glob("*.yaml"))


def test_all_are_valid_together() -> None:
    assert [str(fault) for fault in check_scenarios([shipped("scenarios")])] == []
    assert len(SCENARIOS) >= 12


@pytest.mark.parametrize("path", SCENARIOS, ids=lambda path: path.stem)
def test_each_can_be_composed_and_written_anew(path: Path, tmp_path: Path) -> None:
    scenario = load_scenario(path)
    assert scenario.name == path.stem
    assert path.read_text().startswith("# ")  # says what it is for
    boxes = scenario.scene_boxes()
    assert len(boxes) == len(scenario.vehicles)  # each asked vehicle is in view
    assert boxes.crowdedness <= scenario.look.crowdedness
    assert (boxes.visible > 0.05).all()
    distance = np.hypot(boxes.cuboid[:, 0], boxes.cuboid[:, 1])
    assert (np.diff(distance[np.isfinite(distance)]) >= 0).all()
    dump_scenario(scenario, tmp_path / path.name)
    assert load_scenario(tmp_path / path.name) == scenario


def test_they_differ_in_kind() -> None:
    scenarios = [load_scenario(path) for path in SCENARIOS]
    assert {s.look.time_of_day for s in scenarios} == {"day", "night"}
    assert {s.road.setting for s in scenarios} == {"highway", "city", "residential", "rural"}
    assert {s.road.lanes for s in scenarios} >= {1, 2, 3, 4, 5}
    assert {vehicle.kind for s in scenarios for vehicle in s.vehicles} >= {"sedan", "suv", "van", "truck", "bus"}
    assert len({(s.look, s.road, s.camera, s.vehicles) for s in scenarios}) == len(scenarios)
    assert any(not s.vehicles and s.look.crowdedness == 0 for s in scenarios)
    assert any(hasattr(vehicle, "box") for s in scenarios for vehicle in s.vehicles)


SIMULATED = [path for path in SCENARIOS if load_scenario(path).traffic == "simulated"]


@pytest.mark.parametrize("path", SIMULATED, ids=lambda path: path.stem)
def test_about_as_many_vehicles_are_in_view_as_are_asked_for(path: Path) -> None:
    """On the road that the scenario has, on average over ten seconds of a future: within a vehicle or a quarter."""
    scenario = load_scenario(path)
    camera, road, counts = scenario.camera_model(), scenario.road_model(), []
    for now in CommonScene.of(scenario, scenario.rollout.seed, 0).states(scenario, 11, 1.0):
        others = np.flatnonzero(now.s[1:] > GONE / 2) + 1
        ahead, left = now.s[others] - now.s[0], now.d[others] - now.d[0]
        counts.append(vehicles_in_view(camera, road, ahead, left, now.heading[others], now.kind[others]))
    asked = scenario.look.crowdedness
    assert abs(np.mean(counts) - asked) <= max(1.0, 0.25 * asked)
