"""Fields of a scenario by their path, as a sweep names them: look.time_of_day, vehicles.cutter.actions.0.when.time."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from copy import deepcopy
from dataclasses import dataclass
from typing import Any, get_args

from drivesim.config import InputError, Section
from drivesim.scenario.actions import ACTION_FORMS, Trigger, action_tag
from drivesim.scenario.rules_of_placement import Location
from drivesim.scenario.scenario import Scenario
from drivesim.scenario.sections import SECTIONS, VEHICLE_FORMS, vehicle_tag


@dataclass(frozen=True)
class SweptField:
    """A field: its path as it was written, the keys that lead to it, and whether it takes whole numbers alone."""

    path: str
    location: Location
    whole: bool

    @classmethod
    def find(cls, path: str, values: dict[str, Any]) -> SweptField:
        """The field of this path in a scenario's values, which need not have it yet; InputError if no scenario has such a field."""
        model: type[Section] | None = Scenario
        location: Location = ()
        here: Any = values
        whole = False
        for word in re.findall(r"[^.\[\]]+", path):
            if isinstance(here, list):
                index = _index(word, here, path, location)
                location, here, whole = (*location, index), here[index], False
                model = _entry_model(location, here)
                continue
            if model is None or word not in model.model_fields:
                raise InputError(f'no field "{path}": {_unknown(word, location, model)}')
            whole = _is_whole(model, word)
            location, here = (*location, word), here.get(word) if isinstance(here, dict) else None
            model = SECTIONS.get(word) if len(location) == 1 else Trigger if word == "when" else None
        if not location or location == ("name",):
            raise InputError(f'"{path}" is no field that can be swept; give one such as ego.speed')
        return cls(path, location, whole)

    def put(self, values: dict[str, Any], value: Any) -> None:
        """Gives the field this value in a scenario's values."""
        here: Any = values
        for step, after in zip(self.location, self.location[1:], strict=False):
            if isinstance(step, str) and here.get(step) is None and isinstance(after, str):
                here[step] = {}
            here = here[step]
        here[self.location[-1]] = deepcopy(value)


def _index(word: str, entries: list[Any], path: str, location: Location) -> int:
    """Which entry of a list is meant, by its number from 0, or a vehicle by its name."""
    names = [entry.get("name") for entry in entries if isinstance(entry, dict)] if location == ("vehicles",) else []
    if word in names:
        return names.index(word)
    if word.isdecimal() and int(word) < len(entries):
        return int(word)
    known = [*map(str, range(len(entries))), *(name for name in names if isinstance(name, str))]
    said = f"there {'is' if len(known) == 1 else 'are'} {', '.join(known)}" if known else "the list is empty"
    raise InputError(f'no field "{path}": {".".join(map(str, location))} has no "{word}"{_guess(word, known)}; {said}')


def _entry_model(location: Location, entry: Any) -> type[Section] | None:
    """The model of a list's entry: of a vehicle or an action."""
    if len(location) == 2 and location[0] == "vehicles":
        return VEHICLE_FORMS[vehicle_tag(entry)]
    return ACTION_FORMS[action_tag(entry)] if location[-2] == "actions" else None


def _is_whole(model: type[Section], key: str) -> bool:
    annotation = model.model_fields[key].annotation
    return annotation is int or (int in get_args(annotation) and float not in get_args(annotation))


def _unknown(word: str, location: Location, model: type[Section] | None) -> str:
    where = f'"{".".join(map(str, location))}"' if location else "a scenario"
    if model is None:
        return f"{where} has no fields within it"
    known = f" (known: {', '.join(model.model_fields)})"
    return f'{where} has no "{word}"{_guess(word, model.model_fields) or known}'


def _guess(word: str, known: Iterable[str]) -> str:
    found = difflib.get_close_matches(word.lower().replace("-", "_"), list(known), 1)
    return f' (did you mean "{found[0]}"?)' if found else ""
