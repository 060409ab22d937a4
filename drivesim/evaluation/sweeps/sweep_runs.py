"""The runs of a sweep, planned: what is rolled out in each, and which of them make no scenario."""

from __future__ import annotations

import hashlib
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from drivesim.config import InputError
from drivesim.engine.settings import parse_quality
from drivesim.evaluation.sweeps.sweep_file import SEED, Sweep
from drivesim.evaluation.sweeps.swept_field import SweptField
from drivesim.rollout.inputs import Inputs
from drivesim.rollout.request import Plan, Request
from drivesim.scenario.file import parse_scenario
from drivesim.scenario.scenario import Scenario
from drivesim.scenario.yaml_document import yaml_text


@dataclass(frozen=True)
class SweepOptions:
    """What `drivesim rollout` takes, too, for all runs alike; None stands for what the scenario says."""

    seconds: float | None = None
    fps: float | None = None
    futures: int | None = None
    device: str = "auto"
    quality: str = "standard"
    checkpoints: Path | None = None

    def request(self, file: Path) -> Request:
        """What is asked of the rollout of a run."""
        settings = parse_quality(self.quality)
        return Request(
            file, self.seconds, self.fps, self.futures, device=self.device, settings=settings, checkpoints=self.checkpoints
        )


@dataclass(frozen=True)
class PlannedRun:
    """A run: its parameters by path, the scenario, or None and what is wrong with it, and the sum of what it means."""

    name: str
    parameters: dict[str, Any]
    scenario: Scenario | None
    fault: str
    digest: str


def run_name(number: int) -> str:
    """Name of a run and its folder."""
    return f"run-{number:04d}"


def plan_runs(sweep: Sweep) -> list[PlannedRun]:
    """All runs of a sweep; InputError if none of them makes a scenario. Files are read (a photo), none is written."""
    seed = [SweptField(SEED, ("rollout", "seed"), True)] if sweep.seeds is not None else []
    fields = {field.path: field for field in (*sweep.fields, *seed)}
    runs = []
    for number in range(sweep.count):
        values = deepcopy(sweep.values)
        parameters = sweep.parameters(number)
        for path, value in parameters.items():
            fields[path].put(values, value)
        if "photo" not in parameters and sweep.scenario.photo is not None:
            values["photo"] = str(sweep.scenario.photo)
        scenario, fault = _scenario_of(values, sweep.path)
        meaning = yaml_text(values) if scenario is None else scenario.model_dump_json()
        runs.append(PlannedRun(run_name(number), parameters, scenario, fault, hashlib.sha256(meaning.encode()).hexdigest()))
    if all(run.scenario is None for run in runs):
        raise InputError(f"{sweep.path}: none of the {len(runs)} runs makes a scenario; {runs[0].name}: {runs[0].fault}")
    return runs


def _scenario_of(values: dict[str, Any], file: Path) -> tuple[Scenario | None, str]:
    """The scenario of these values, or what is wrong with it."""
    if "photo" not in values:
        try:
            return Scenario.model_validate(values), ""
        except ValidationError:
            pass  # it is told in better words below
    scenario, faults = parse_scenario(yaml_text(values), file.absolute())
    if scenario is not None:
        return scenario, ""
    where = ".".join(map(str, faults[0].where)) or "scenario"
    return None, f"{where}: {faults[0].message}"


def plan_of(run: PlannedRun, request: Request) -> Plan:
    """What the rollout of a run comes to; InputError for what the user can mend."""
    assert run.scenario is not None
    return Plan.of(request, Inputs.of(run.scenario))
