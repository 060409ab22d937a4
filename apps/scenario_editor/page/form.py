"""The form of the editor: one field for each value of the scenario schema."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from drivesim.config import Section
from drivesim.scenario.actions import ACTION_FORMS, Trigger
from drivesim.scenario.file import SECTIONS
from drivesim.scenario.scenario import Scenario

MAX_SLIDER_SPAN = 100.0  # a wider range cannot be hit with a slider


@dataclass(frozen=True)
class FormField:
    """One value of a section, or of the scenario itself ("" as section).

    `choices` is empty for a number, and a number without `step` is better typed.
    """

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
            if schema["type"] == "array":  # actions have a list of their own
                continue
            whole, words = schema["type"] == "integer", schema["description"]
            if "enum" in schema:
                fields.append(FormField(section, key, words, choices=tuple(schema["enum"])))
                continue
            span = schema["maximum"] - schema["minimum"]
            step = 1 if whole else 10.0 ** math.floor(math.log10(span / 30))
            bounds = (schema["minimum"], schema["maximum"], step if span <= MAX_SLIDER_SPAN else None)
            fields.append(FormField(section, key, words, whole, (), *bounds))
    return tuple(fields)


def _traffic() -> FormField:
    schema = Scenario.model_json_schema()["properties"]["traffic"]
    return FormField("", "traffic", schema["description"], choices=tuple(schema["enum"]))


def _ranges(model: type[Section]) -> dict[str, tuple[float, float]]:
    """Least and greatest value of the numbers of an action or a trigger, those that may be left out included."""
    ranges = {}
    for key, schema in model.model_json_schema()["properties"].items():
        for form in schema.get("anyOf", [schema]):
            if "maximum" in form:
                ranges[key] = (form.get("minimum", 0.0), form["maximum"])
    return ranges


FIELDS = (_traffic(), *_fields())
ACTION_RANGES = {name: _ranges(model) for name, model in ACTION_FORMS.items()} | {"when": _ranges(Trigger)}
"""Of the numbers of each action, and under "when" of its trigger."""
