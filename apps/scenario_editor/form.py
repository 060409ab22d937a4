"""The form of the editor: one field for each value of the scenario schema; its content as YAML, checked and saved."""

from __future__ import annotations

import math
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from pydantic import ValidationError

from drivesim.config import InputError, write_atomic
from drivesim.scene.camera import Camera
from drivesim.scene.road import Road
from drivesim.scene.scenario import Scenario
from drivesim.scene.scenario_file import SECTIONS, parse_scenario
from drivesim.scene.sections import CameraSection, RoadSection, Vehicle
from drivesim.scene.yaml_document import OneLine, yaml_text

MAX_SLIDER_SPAN = 100.0  # a wider range cannot be hit with a slider


@dataclass(frozen=True)
class FormField:
    """One value of a section; `choices` is empty for a number, and a number without `step` is better typed."""

    section: str
    key: str
    help: str
    whole: bool = False
    choices: tuple[Any, ...] = ()
    minimum: float = 0.0
    maximum: float = 0.0
    step: float | None = None

    @property
    def label(self) -> str:
        """Such as "Field of view"."""
        return self.key.replace("_", " ").capitalize()


def _fields() -> tuple[FormField, ...]:
    fields = []
    for section, model in SECTIONS.items():
        for key, schema in model.model_json_schema()["properties"].items():
            whole, words = schema["type"] == "integer", schema["description"]
            if "enum" in schema:
                fields.append(FormField(section, key, words, choices=tuple(schema["enum"])))
                continue
            span = schema["maximum"] - schema["minimum"]
            step = 1 if whole else 10.0 ** math.floor(math.log10(span / 30))
            bounds = (schema["minimum"], schema["maximum"], step if span <= MAX_SLIDER_SPAN else None)
            fields.append(FormField(section, key, words, whole, (), *bounds))
    return tuple(fields)


FIELDS = _fields()


@dataclass(frozen=True)
class Form:
    """What stands in the form, right or wrong: `entries` has a value for each of FIELDS, None where it was cleared.

    `photo` is a path as seen from the working directory, "" for none.
    """

    name: str
    photo: str
    entries: tuple[Any, ...]

    @classmethod
    def of(cls, scenario: Scenario) -> Self:
        """The form filled in with a scenario."""
        entries = tuple(getattr(getattr(scenario, field.section), field.key) for field in FIELDS)
        return cls(scenario.name, str(scenario.photo or ""), entries)

    def section(self, name: str) -> dict[str, Any]:
        """The entries of one section by their key."""
        return {f.key: entry for f, entry in zip(FIELDS, self.entries, strict=True) if f.section == name}

    def geometry(self) -> tuple[Road, Camera] | None:
        """Road and camera; None while one of them is not valid."""
        try:
            road = RoadSection.model_validate(self.section("road"))
            return road.model(), CameraSection.model_validate(self.section("camera")).model()
        except ValidationError:
            return None

    def text(self, vehicles: Iterable[Vehicle], path: Path) -> str:
        """The scenario as the YAML text of a file at `path`."""
        values: dict[str, Any] = {}
        for key in Scenario.model_fields:
            if key in SECTIONS:
                values[key] = self.section(key)
            elif key == "vehicles":
                values[key] = [OneLine(_short(vehicle.model_dump(mode="json"))) for vehicle in vehicles]
            elif key == "photo":
                if self.photo.strip():
                    values[key] = os.path.relpath(Path(self.photo.strip()).absolute(), path.absolute().parent)
            else:
                values[key] = getattr(self, key)
        return yaml_text(_short(values))


def _short(value: Any) -> Any:
    """The same values with 30.0 written as 30, and 1.4 for the 1.4000000000000001 of a slider."""
    if isinstance(value, dict):
        return type(value)({key: _short(v) for key, v in value.items()})
    if isinstance(value, list):
        return [_short(v) for v in value]
    if isinstance(value, float) and math.isfinite(value):
        rounded = round(value, 9)
        return int(rounded) if rounded.is_integer() else rounded
    return value


def check(text: str, path: Path) -> tuple[Scenario | None, str]:
    """The scenario of a text, None if there is any fault in it, and a report: every fault with its line."""
    scenario, faults = parse_scenario(text, path)
    if scenario is None:
        return None, "\n".join(f"line {fault.line}: {fault.message}" for fault in faults)
    count = scenario.scene_boxes().crowdedness
    more = scenario.look.crowdedness - count
    return scenario, f"No faults. Of crowdedness {count + more}, {count} are placed here and {more} left to the networks."


def save(text: str, path: Path, replace: bool) -> None:
    """Writes a scenario file at once or not at all; InputError if the text has faults or the path cannot be written.

    A file that is there already is only replaced if `replace`.
    """
    if path.suffix != ".yaml":
        raise InputError(f"{path}: not saved; give the file a name that ends in .yaml")
    if check(text, path)[0] is None:
        raise InputError(f"{path}: not saved; mend the faults first")
    if path.exists() and not replace:
        raise InputError(f'{path}: not saved, the file is there already; tick "Replace the file" or change the path')
    try:
        write_atomic(path, text)
    except OSError as error:
        raise InputError(f"{path}: not saved ({error.strerror}); choose a folder that can be written") from error
