"""What canvas and form do to the list of vehicles, on plain values: each edit gives the new list and what is selected."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from drivesim.config import InputError
from drivesim.scenario.first_frame_boxes import first_frame_boxes
from drivesim.scenario.sections import VEHICLE_FORMS, BoxedVehicle, EgoSection, PlacedVehicle, Vehicle, vehicle_tag
from drivesim.scene.camera import Camera
from drivesim.scene.road import Road
from drivesim.scene.vehicles import KINDS, Kind
from drivesim.video_format import MAX_VEHICLES
from scenario_editor.document import placement
from scenario_editor.document.values import Values, shortened, vehicle_values, vehicles_of

Rows = list[dict[str, Any]]


@dataclass(frozen=True)
class VehicleTable:
    """The vehicles as rows of the values, and the road and camera that they are seen by; `locks` are rows that may not change."""

    rows: Rows
    road: Road
    camera: Camera
    locks: Sequence[dict[str, Any]] = ()

    def row(self, index: Any) -> dict[str, Any]:
        """Row `index`; InputError where there is none, or it is locked."""
        row = peek(self.rows, index)
        if row in self.locks:
            raise InputError(f"vehicle {index + 1} is locked; unlock it first")
        return row


Edit = Callable[[VehicleTable, dict[str, Any]], tuple[Rows, int | None]]


def put(table: VehicleTable, request: dict[str, Any]) -> tuple[Rows, int | None]:
    """Row `index` becomes `vehicle`."""
    table.row(request["index"])
    index = request["index"]
    return [*table.rows[:index], vehicle_values(vehicle(request["vehicle"])), *table.rows[index + 1 :]], index


def add(table: VehicleTable, request: dict[str, Any]) -> tuple[Rows, int | None]:
    """A further row, `vehicle`."""
    return _added(table, vehicle(request["vehicle"]))


def draw(table: VehicleTable, request: dict[str, Any]) -> tuple[Rows, int | None]:
    """A further vehicle of `kind`, drawn as a `box` (px)."""
    box = _numbers(request["box"], 4)
    return _added(table, placement.drawn(box, _kind(request["kind"]), table.road, table.camera))


def drop(table: VehicleTable, request: dict[str, Any]) -> tuple[Rows, int | None]:
    """A further vehicle of `kind`, of true size, `at` a pixel of the frame or `ahead` and `left` in metres."""
    if "at" in request:
        spot = placement.ground_at(_numbers(request["at"], 2), table.road, table.camera)
        if spot is None or spot[0] > placement.FARTHEST:
            raise InputError("that is above the road; click on the ground, or draw a box")
        ahead, left = spot
    else:
        ahead, left = _numbers([request["ahead"], request["left"]], 2)
    return _added(table, placement.placed(_kind(request["kind"]), ahead, left, table.road))


def remove(table: VehicleTable, request: dict[str, Any]) -> tuple[Rows, int | None]:
    """Without row `index`."""
    table.row(request["index"])
    index = request["index"]
    return table.rows[:index] + table.rows[index + 1 :], None


def change_form(table: VehicleTable, request: dict[str, Any]) -> tuple[Rows, int | None]:
    """Row `index` in the other `form`: "placed" in metres, or "box" in pixels."""
    index, now = request["index"], vehicle(table.row(request["index"]))
    if request["form"] == "box" and isinstance(now, PlacedVehicle):
        now = placement.as_box(now, table.road, table.camera)
    elif request["form"] == "placed" and isinstance(now, BoxedVehicle):
        now = placement.as_placed(now, table.road, table.camera)
    return [*table.rows[:index], vehicle_values(now), *table.rows[index + 1 :]], index


EDITS: dict[str, Edit] = {"put": put, "add": add, "draw": draw, "drop": drop, "remove": remove, "form": change_form}


def peek(rows: Rows, index: Any) -> dict[str, Any]:
    """Row `index`, locked or not; InputError where there is none."""
    if not isinstance(index, int) or not 0 <= index < len(rows):
        raise InputError("this vehicle is not there any more; the scenario was changed meanwhile")
    return rows[index]


def room_for(rows: Rows, values: Values, road: Road, camera: Camera) -> Values:
    """What else must change so that the vehicles fit the scenario: a crowdedness of at least those that count."""
    vehicles = vehicles_of({"vehicles": rows})
    asked = (values.get("look") or {}).get("crowdedness")
    if vehicles is None or not isinstance(asked, int):
        return {}
    count = first_frame_boxes(vehicles, road, camera).crowdedness
    return {"look": {"crowdedness": count}} if asked < count <= MAX_VEHICLES else {}


def vehicle(row: Any) -> Vehicle:
    """The vehicle of one row; InputError names the value that is not possible."""
    if not isinstance(row, dict):
        raise InputError("a vehicle must be a group of keys such as {ahead: 20, left: 0, kind: sedan}")
    model = VEHICLE_FORMS[vehicle_tag(row)]
    try:
        return model.model_validate({key: value for key, value in row.items() if key in model.model_fields})  # type: ignore[return-value]
    except ValidationError as error:
        raise InputError(_first(error)) from error


def actions(rows: Any) -> list[dict[str, Any]]:
    """Actions of the ego; InputError names the value that is not possible."""
    try:
        made = EgoSection.model_validate({"actions": rows})
    except ValidationError as error:
        raise InputError(_first(error)) from error
    return list(shortened(made.model_dump(mode="json", exclude_none=True))["actions"])


def _first(error: ValidationError) -> str:
    fault = error.errors()[0]
    return f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}"


def _added(table: VehicleTable, item: Vehicle) -> tuple[Rows, int | None]:
    if len(table.rows) >= MAX_VEHICLES:
        raise InputError(f"a scenario has at most {MAX_VEHICLES} vehicles; remove one first")
    return [*table.rows, vehicle_values(item)], len(table.rows)


def _kind(word: Any) -> Kind:
    if word not in KINDS:
        raise InputError(f"kind must be one of {', '.join(KINDS)}")
    kind: Kind = word
    return kind


def _numbers(values: Any, count: int) -> list[float]:
    if not isinstance(values, list) or len(values) != count or not all(isinstance(v, int | float) for v in values):
        raise InputError(f"expected {count} numbers")
    return [float(v) for v in values]
