"""Errors of pydantic as faults in words: what a key must be, where an unknown one belongs, what was most likely meant."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from functools import cache
from typing import Any

from pydantic import ValidationError

from drivesim.config import Section, shortened
from drivesim.scenario.actions import ACTION_FORMS, ACTION_NAMES, Trigger
from drivesim.scenario.advice import UNITS, remedy
from drivesim.scenario.rules_of_placement import Location
from drivesim.scenario.scenario import CONFLICT, SWEEP, Scenario, has_older_speed
from drivesim.scenario.sections import SECTIONS, VEHICLE_FORMS
from drivesim.scenario.yaml_document import YamlDocument


def explain(error: ValidationError, values: dict[str, Any], document: YamlDocument) -> None:
    """Turns the errors of pydantic into faults, except contradictions, which `_contradictions` finds."""
    errors = [(*_place(tuple(e["loc"])), e["type"]) for e in error.errors() if e["type"] != CONFLICT]
    guesses = {
        (location[:depth], guess)
        for location, depth, model, kind in errors
        if kind == "extra_forbidden" and (guess := _closest(str(location[-1]), model.model_fields))
    }
    deeper = {location[:-1] for location, _, _, _ in errors}
    for location, depth, model, kind in errors:
        if kind == "too_short" and location in deeper:
            continue  # pydantic does not count the entries that are wrong
        group, key = location[:depth], str(location[min(depth, len(location) - 1)])
        if kind == "extra_forbidden":
            document.fault(location, _unknown_key(key, group, model), at_key=True)
        elif kind == "missing":
            if (group, key) not in guesses:
                document.fault(group, f'"{key}" is missing; it must be {_expected(model, key)}', at_key=True)
        else:
            if location == ("ego", "speed") and has_older_speed(values):
                location = ("rollout", "speed")
            wrong: Any = values
            for step in location:
                wrong = wrong[step]
            document.fault(location, _wrong_value(key, wrong, location, model))


def _place(loc: Location) -> tuple[Location, int, type[Section]]:
    """Of an error's location of pydantic: the path of keys in the file, how many of them lead to the model that holds the
    last key, and this model."""
    place: Location = ()
    model: type[Section] = Scenario
    if loc[0] == "vehicles" and len(loc) > 2:
        place, model, loc = loc[:2], VEHICLE_FORMS[str(loc[2])], loc[3:]
    elif loc[0] in SECTIONS and len(loc) > 1:
        place, model, loc = loc[:1], SECTIONS[str(loc[0])], loc[1:]
    if place and loc[:1] == ("actions",) and len(loc) > 2:
        place, model, loc = place + loc[:2], ACTION_FORMS[str(loc[2])], loc[3:]
        if loc[:1] == ("when",) and len(loc) > 1:
            place, model, loc = (*place, "when"), Trigger, loc[1:]
    return place + loc, len(place), model


def _closest(word: str, choices: Iterable[str]) -> str | None:
    matches = difflib.get_close_matches(word.lower().replace("-", "_").replace(" ", "_"), list(choices), 1)
    return matches[0] if matches else None


def _unknown_key(key: str, group: Location, model: type[Section]) -> str:
    guess = _closest(key, model.model_fields)
    where = f' in "{next(str(step) for step in reversed(group) if isinstance(step, str))}"' if group else ""
    homes = [name for name, section in SECTIONS.items() if key in section.model_fields]
    if model is Scenario and key == SWEEP:
        remedy = "(files with it are for drivesim sweep, which checks them with --count)"
    elif model in VEHICLE_FORMS.values() and any(key in form.model_fields for form in VEHICLE_FORMS.values()):
        remedy = '(a vehicle has either "box", or "ahead" and "left")'
    elif guess:
        remedy = f'(did you mean "{guess}"?)'
    elif homes and not (model in ACTION_FORMS.values() or model is Trigger):
        remedy = f'(it belongs in "{homes[0]}")'
    else:
        remedy = f"(known: {', '.join(model.model_fields)})"
    return f'unknown key "{shortened(key)}"{where} {remedy}'


def _wrong_value(key: str, wrong: Any, location: Location, model: type[Section]) -> str:
    if len(location) == 2 and location[0] == "vehicles":
        return f"a vehicle must be a group of keys such as {{ahead: 20, left: 0, kind: sedan}}, not {found_value(wrong)}"
    if isinstance(location[-1], int) and location[-2] == "actions":
        return f"an action must be a group of keys such as {{action: stop, rate: 4}}, not {found_value(wrong)}"
    message = f"{key} must be {_expected(model, key)}, not {found_value(wrong)}"
    choices = ACTION_NAMES if key == "action" else _property(model, key).get("enum", ())
    if advice := remedy(key, wrong, _property(model, key)):
        return message + advice
    guess = _closest(wrong, map(str, choices)) if isinstance(wrong, str) else None
    return f'{message} (did you mean "{guess}"?)' if guess else message


@cache
def _property(model: type[Section], key: str) -> dict[str, Any]:
    schema: dict[str, Any] = model.model_json_schema()["properties"].get(key, {})
    whole: dict[str, Any] = next((form for form in schema.get("anyOf", []) if form.get("type") != "null"), {})
    return whole | schema


def _expected(model: type[Section], key: str) -> str:
    """What a value must be, in words."""
    schema = _property(model, key)
    if model is Scenario and key in SECTIONS:
        return f"a group of keys ({', '.join(SECTIONS[key].model_fields)})"
    if key == "action":
        return f"{', '.join(ACTION_NAMES[:-1])} or {ACTION_NAMES[-1]}"
    if key == "when":
        return f"a group of keys ({', '.join(Trigger.model_fields)})"
    if "enum" in schema:
        words = [f"{choice:g}" if isinstance(choice, float) else str(choice) for choice in schema["enum"]]
        return f"{', '.join(words[:-1])} or {words[-1]}"
    if schema.get("type") in ("integer", "number"):
        number = "a whole number" if schema["type"] == "integer" else "a number"
        span = ""
        if "minimum" in schema:
            span = f" from {schema['minimum']:.10g} to {schema['maximum']:.10g}"
        elif "exclusiveMinimum" in schema:
            span = f" above {schema['exclusiveMinimum']:.10g}, to {schema['maximum']:.10g}"
        return number + span + (f" {UNITS[key]}" if key in UNITS else "")
    description = str(schema.get("description", "something else")).rstrip(".")
    return description[0].lower() + description[1:]


def found_value(value: Any) -> str:
    """A value as the user wrote it, in words."""
    if isinstance(value, str):
        return f'"{shortened(value)}"'
    if value is None:
        return "nothing"
    if isinstance(value, list):
        return f"a list of {len(value)}"
    if isinstance(value, dict):
        return "a group of keys"
    return shortened(str(value).lower())
