"""Scenarios from files and from values."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from drivesim.config import InputError
from drivesim.scenario.file import load_scenario as read_file
from drivesim.scenario.file import parse_scenario
from drivesim.scenario.names import find_scenario
from drivesim.scenario.scenario import Scenario
from drivesim.scenario.yaml_document import yaml_text

AnyScenario = Scenario | Path | str
"""A scenario, the path of its file, or the name of a shipped one."""


def load_scenario(name: Path | str) -> Scenario:
    """The scenario of a file, or the shipped one of this name; InputError that lists every fault, one a line."""
    path = Path(name)
    return read_file(find_scenario(path) or path)


def build_scenario(**values: Any) -> Scenario:
    """A scenario of plain values, as they would stand in a file: name, look, vehicles, ...; InputError that lists every fault."""
    plain = {key: str(value) if isinstance(value, Path) else value for key, value in values.items()}
    try:
        text = yaml_text(plain)
    except yaml.YAMLError as error:
        raise InputError(f"scenario: takes numbers, text, lists and groups of these alone ({error})") from error
    scenario, faults = parse_scenario(text, Path.cwd() / "scenario")
    if scenario is None:
        raise InputError("\n".join(f"{_place(fault.where)}: {fault.message}" for fault in faults))
    return scenario


def _place(where: tuple[int | str, ...]) -> str:
    """Where a fault is: vehicles[0].kind."""
    path = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in where)
    return path.removeprefix(".") or "scenario"


def _scenario_html(scenario: Scenario) -> str:
    from drivesim.api.notebook import scenario_html

    return scenario_html(scenario)


# Notebooks look for this method. It is given to the class here, since the floor that scenarios are on draws no pictures.
setattr(Scenario, "_repr_html_", _scenario_html)  # noqa: B010
