"""The plain values of a scenario, as form and canvas show and change them: right or wrong, and JSON all through."""

from __future__ import annotations

import math
from typing import Any

from pydantic import TypeAdapter, ValidationError

from drivesim.scenario.actions import ACTION_FORMS
from drivesim.scenario.file import SECTIONS
from drivesim.scenario.scenario import AnyVehicle
from drivesim.scenario.sections import VEHICLE_FORMS, CameraSection, RoadSection, Vehicle, vehicle_tag
from drivesim.scene.camera import Camera
from drivesim.scene.road import Road
from scenario_editor.document.yaml_patch import aligned

Values = dict[str, Any]
"""As `model_dump(mode="json")` of a Scenario: name, photo, traffic, vehicles, and a dict for each of SECTIONS."""

_VEHICLES: TypeAdapter[tuple[Vehicle, ...]] = TypeAdapter(tuple[AnyVehicle, ...])


def shortened(value: Any) -> Any:
    """The same values with 30.0 written as 30, and 1.4 for the 1.4000000000000001 of a slider."""
    if isinstance(value, dict):
        return type(value)({key: shortened(v) for key, v in value.items()})
    if isinstance(value, list | tuple):
        return [shortened(v) for v in value]
    if isinstance(value, float) and math.isfinite(value):
        rounded = round(value, 9)
        return int(rounded) if rounded.is_integer() else rounded
    return value


def _defaults(model: Any) -> Values:
    return {key: shortened(f.default) for key, f in model.model_fields.items() if not f.is_required()}


DEFAULTS: dict[str, Values] = {name: _defaults(model) for name, model in SECTIONS.items()}
"""What each section says of a key that is not written; keys that must be written are not here."""


def vehicles_of(values: Values) -> tuple[Vehicle, ...] | None:
    """The vehicles; None if one of them cannot be read by itself."""
    try:
        return _VEHICLES.validate_python(tuple(values.get("vehicles") or ()))
    except ValidationError:
        return None


def vehicle_defaults(vehicle: Values) -> Values:
    """What a vehicle says of keys that are not written."""
    return without_gaps(_defaults(VEHICLE_FORMS[vehicle_tag(vehicle)]))


def vehicle_values(vehicle: Vehicle) -> Values:
    """The row of a vehicle, without what it leaves open: name, paint, speed, actions."""
    return without_gaps(shortened(vehicle.model_dump(mode="json", exclude_none=True)))


def plain_actions(actions: list[Any]) -> list[Any]:
    """Actions without what they leave open and what is at its default, so that equal ones mean the same."""
    return [_plain_action(action) if isinstance(action, dict) else action for action in actions]


def _plain_action(action: Values) -> Values:
    form = ACTION_FORMS.get(str(action.get("action")))
    defaults = _defaults(form) if form else {}
    said = {key: without_gaps(value) if isinstance(value, dict) else value for key, value in shortened(action).items()}
    return {key: value for key, value in said.items() if value is not None and (key not in defaults or defaults[key] != value)}


def merged_actions(old: Any, new: list[Any]) -> list[Any]:
    """`new` actions, of which each keeps what was written of it in `old` as far as that means the same."""
    old = old if isinstance(old, list) else []
    before, now = plain_actions(old), plain_actions(new)
    origins = aligned(*([sorted(a.items()) if isinstance(a, dict) else a for a in side] for side in (before, now)))
    return [
        action if origin is None else old[origin] if before[origin] == action else _merged_action(old[origin], action)
        for origin, action in zip(origins, now, strict=True)
    ]


def _merged_action(old: Any, new: Values) -> Values:
    if not isinstance(old, dict) or old.get("action") != new.get("action"):
        return new
    plain = _plain_action(old)
    kept = {key: value if key not in plain or plain[key] == new[key] else new[key]
            for key, value in old.items() if key in new or (value is not None and key not in plain)}  # fmt: skip
    return kept | {key: value for key, value in new.items() if key not in kept}


def without_gaps(values: Values) -> Values:
    """The values without those that are None, or an empty list."""
    return {key: value for key, value in values.items() if value is not None and value != []}


def road_and_camera(values: Values) -> tuple[Road, Camera] | None:
    """Road and camera; None while one of the two sections is not valid."""
    try:
        road = RoadSection.model_validate(values["road"])
        return road.model(), CameraSection.model_validate(values["camera"]).model()
    except ValidationError:
        return None
