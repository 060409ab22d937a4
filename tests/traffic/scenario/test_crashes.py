"""Crashes that a script forces are told with their second."""

from __future__ import annotations

from typing import Any

import pytest

from drivesim.config import shipped
from drivesim.scenario.file import load_scenario
from drivesim.scenario.scenario import Scenario
from drivesim.traffic.scenario.crashes import forced_crashes

CAR = {"ahead": 44.7, "left": 0, "kind": "sedan", "speed": 10, "name": "b"}


def made(*vehicles: dict[str, Any], **sections: Any) -> Scenario:
    look = {"time_of_day": "day", "crowdedness": 9}
    return Scenario.model_validate({"name": "a", "look": look, "vehicles": list(vehicles)} | sections)


def test_who_is_told_to_drive_into_somebody_does_so_at_its_second() -> None:
    found = forced_crashes(made(CAR, traffic="scripted", ego={"speed": 20}))  # 40.65 m from bumper to bumper
    assert [(c.location, c.message) for c in found] == [
        (("vehicles", 0, "kind"), 'ego and "b" crash into each other at 4.1 s, as the script has it')
    ]


def test_drivers_who_look_are_no_crash_of_the_script() -> None:
    assert forced_crashes(made(CAR, ego={"speed": 20})) == []
    stop = {"action": "stop", "rate": 9}
    assert forced_crashes(made(CAR | {"actions": [stop]}, ego={"speed": 20})) == []


@pytest.mark.parametrize("path", sorted(shipped("scenarios").glob("*.yaml")), ids=lambda path: path.stem)
def test_shipped_scenarios_force_none(path: Any) -> None:
    assert forced_crashes(load_scenario(path)) == []
