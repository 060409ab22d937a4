"""The YAML text of a scenario and the values that form and canvas show of it, in both directions."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from drivesim.config import InputError
from drivesim.scenario.file import SECTIONS, Fault, parse_scenario
from drivesim.scenario.scenario import Scenario, has_older_speed
from drivesim.scenario.sections import VEHICLE_FORMS, vehicle_tag
from drivesim.scenario.yaml_document import OneLine, YamlDocument, yaml_node, yaml_text
from scenario_editor.document.values import (
    DEFAULTS,
    Values,
    merged_actions,
    plain_actions,
    shortened,
    vehicle_defaults,
    vehicle_values,
    vehicles_of,
    without_gaps,
)
from scenario_editor.document.yaml_patch import TextPatch, aligned

FILE = "scenario.yaml"
_LINE = re.compile(r"[^\r\n]*(?:\r\n?|\n|$)")
_ORDER = list(Scenario.model_fields)


@dataclass(frozen=True)
class ParsedText:
    """What a text says.

    `scenario` is None if there is any fault. `values` are for form and canvas, right or wrong, as they are written, with
    the defaults of what is not; None if the text is no YAML mapping. `values["vehicles"]` is None if one of them cannot
    be read by itself, and a section that is no group of keys has its defaults alone.
    """

    scenario: Scenario | None
    faults: tuple[Fault, ...]
    values: Values | None


@dataclass(frozen=True)
class RewrittenText:
    """A text with other values; `lost` says in sentences which comments, or what of the layout, could not be kept."""

    text: str
    lost: tuple[str, ...] = ()


def read(text: str, folder: Path) -> ParsedText:
    """Reads a text; a photo is looked for inside `folder` alone."""
    scenario, faults = parse_scenario(text, folder / FILE, photos_within=folder)
    document = YamlDocument(text, FILE)
    if document.faults or not isinstance(document.values, dict):
        return ParsedText(None, tuple(faults), None)
    written: Values = document.values
    values: Values = {key: written.get(key) for key in ("name", "photo")}
    values["traffic"] = written.get("traffic") or Scenario.model_fields["traffic"].default
    for section, model in SECTIONS.items():
        group = written.get(section)
        known = {k: v for k, v in group.items() if k in model.model_fields} if isinstance(group, dict) else {}
        values[section] = dict.fromkeys(model.model_fields) | DEFAULTS[section] | known
    if has_older_speed(written):
        values["ego"]["speed"] = written["rollout"]["speed"]
    vehicles = vehicles_of(written) if isinstance(written.get("vehicles") or [], list) else None
    values["vehicles"] = None if vehicles is None else [vehicle_values(v) for v in vehicles]
    return ParsedText(scenario, tuple(faults), shortened({key: values[key] for key in _ORDER}))


def rewrite(text: str, values: Values) -> RewrittenText:
    """The text with these values in it; what does not change keeps its every character.

    Keys that `values` does not have stay as they are, and None removes one, which is then at its default. What equals
    its default is not written where it was not written before. `vehicles` are given all, in their order. InputError if
    the text is no YAML mapping, or a value cannot be written.
    """
    document = YamlDocument(text, FILE)
    if document.faults:
        fault = min(document.faults)
        raise InputError(f"line {fault.line}: {fault.message}; mend the text first")
    if document.values is None and not text.strip():
        return RewrittenText(new_text(values))
    if not isinstance(document.values, dict):
        raise InputError('line 1: expected the keys "name", "look" and so on; mend the text first')
    wanted = _merged(document.values, shortened(values))
    if wanted == document.values:
        return RewrittenText(text)
    node, patch = yaml_node(text), TextPatch(text)
    assert isinstance(node, yaml.MappingNode)
    try:
        patch.mapping(node, document.values, wanted)
        result = patch.result()
        check = YamlDocument(result, FILE)
        if not check.faults and check.values == wanted:
            return RewrittenText(result, tuple(patch.lost))
    except (LookupError, ValueError, TypeError):
        pass  # a layout that cannot be patched
    result = _laid_out(wanted)
    if YamlDocument(result, FILE).values != wanted:
        raise InputError("a name holds characters that cannot be written; use letters and digits")
    return RewrittenText(result, ("comments and layout are lost: the text is laid out too unusually to be patched",))


def new_text(values: Values) -> str:
    """A fresh text in the layout of the shipped scenarios, without what is at its default."""
    wanted = _merged({}, shortened(values))
    return _laid_out({key: wanted[key] for key in _ORDER if key in wanted})


def with_line_ends(text: str, old: str) -> str:
    """`text`, of which a browser has made every line end a line feed, with those of `old`.

    Lines before and after what was edited keep their own; those between have that of the first line.
    """
    if "\r" not in old:
        return text
    before, now = ([line for line in _LINE.findall(part) if line] for part in (old, text))
    plain = [line.rstrip("\r\n") for line in before]
    usual = before[0][len(plain[0]) :]
    ended = [line.rstrip("\r\n") + usual if line.endswith("\n") else line for line in now]
    same = [_as_browsers(line) for line in before]
    first = next((i for i, (a, b) in enumerate(zip(same, now, strict=False)) if a != b), min(len(same), len(now)))
    last = next((i for i, (a, b) in enumerate(zip(same[::-1], now[::-1], strict=False)) if a != b), min(len(same), len(now)))
    last = min(last, len(same) - first, len(now) - first)
    return "".join([*before[:first], *ended[first : len(now) - last], *before[len(before) - last :]])


def _as_browsers(line: str) -> str:
    """A line as a textarea gives it back."""
    plain = line.rstrip("\r\n")
    return plain if plain == line else plain + "\n"


def _laid_out(values: Values) -> str:
    """The values as YAML, an empty line before every group of keys and every list."""
    parts: list[str] = []
    for key, value in values.items():
        if key == "vehicles" and isinstance(value, list):
            value = [OneLine(entry) if isinstance(entry, dict) else entry for entry in value]
        parts.append("\n" * (bool(parts) and isinstance(value, dict | list)) + yaml_text({key: value}))
    return "".join(parts)


def _merged(old: Values, new: Values) -> Values:
    """What the text is to say: `old` with the changes of `new`."""
    result = dict(old)
    ego = new.get("ego")
    if has_older_speed(old) and isinstance(ego, dict) and "speed" in ego:  # the text keeps it where it has it
        others = {key: value for key, value in ego.items() if key != "speed"}
        new = new | {"ego": others, "rollout": (new.get("rollout") or {}) | {"speed": ego["speed"]}}
    for key, value in new.items():
        if key in SECTIONS and isinstance(value, dict):
            before = old.get(key)
            group = _group(before if isinstance(before, dict) else {}, value, DEFAULTS[key], list(SECTIONS[key].model_fields))
            if group:
                result[key] = group
            elif before:
                result.pop(key)  # all of it is at its default
        elif key == "vehicles":
            before = old.get(key, [])
            if value is not None and (value or before):
                result[key] = _vehicles(before if isinstance(before, list) else [], value)
        elif value is not None:
            if key in old or key != "traffic" or value != Scenario.model_fields[key].default:
                result[key] = value
        elif old.get(key) is not None:
            result.pop(key)
    return _ordered(result, old, _ORDER)


def _group(old: Values, new: Values, defaults: Values, order: list[str]) -> Values:
    """One section or vehicle."""
    result = dict(old)
    for key, value in new.items():
        if value is None:
            if old.get(key) is not None:
                result.pop(key)
        elif key == "actions" and isinstance(value, list):
            merged = merged_actions(old.get(key), value)
            if merged or old.get(key):
                result[key] = merged
        elif key in old or key not in defaults or defaults[key] != value:
            result[key] = value
    return _ordered(result, old, order)


def _vehicles(old: list[Any], new: list[Values]) -> list[Any]:
    result = []
    whole = [vehicle_defaults(entry) | entry if isinstance(entry, dict) else entry for entry in old]
    wanted = [vehicle_defaults(entry) | without_gaps(entry) for entry in new]
    order = {tag: list(model.model_fields) for tag, model in VEHICLE_FORMS.items()}

    def plain(entry: Any) -> Any:
        if not isinstance(entry, dict):
            return entry
        actions = entry.get("actions")
        same = entry | {"actions": plain_actions(actions)} if isinstance(actions, list) else entry
        return sorted(shortened(same).items(), key=lambda item: item[0])

    for origin, entry in zip(aligned([plain(e) for e in whole], [plain(e) for e in wanted]), wanted, strict=True):
        before = old[origin] if origin is not None and isinstance(old[origin], dict) else {}
        known = {key: value for key, value in before.items() if key in entry}
        result.append(_group(known, shortened(entry), vehicle_defaults(entry), order[vehicle_tag(entry)]))
    return result


def _ordered(values: Values, old: Values, order: list[str]) -> Values:
    """`values` with the keys of `old` in their order, and each new one after the nearest of those before it in `order`."""
    keys = [key for key in old if key in values]
    for key in sorted(set(values) - set(keys), key=lambda k: order.index(k) if k in order else len(order)):
        before = order[: order.index(key)] if key in order else keys
        places = [keys.index(k) + 1 for k in before if k in keys]
        keys.insert(max(places, default=0), key)
    return {key: values[key] for key in keys}
