"""A session as the page shows it: plain values, right or wrong, with every fault at its place."""

from __future__ import annotations

from typing import Any

from drivesim.scenario.file import SECTIONS
from drivesim.scenario.first_frame_boxes import first_frame_boxes
from drivesim.scenario.rules_of_placement import conflicts
from drivesim.scenario.sections import RoadSection
from scenario_editor.document.values import Values, road_and_camera, vehicles_of
from scenario_editor.document.yaml_text import ParsedText
from scenario_editor.storage.sessions import Session


def view(session: Session, parsed: ParsedText, files: list[str], photo: str | None) -> dict[str, Any]:
    """What the page draws. `files` are the scenarios that it can open, `photo` the address of the photo.

    `form`, `vehicles`, `road` and `camera` are None where the text does not say them in a way that can be shown.
    """
    values = parsed.values
    geometry = None if values is None else road_and_camera(values)
    traffic = None if values is None else values["traffic"]
    page: dict[str, Any] = {
        "base": session.revision,
        "text": session.text,
        "sound": parsed.scenario is not None,
        "faults": [
            {"line": f.line, "column": f.column, "message": f.message, "where": list(f.where)} for f in parsed.faults
        ],
        "name": None if values is None else values["name"],
        "form": None if values is None else {section: values[section] for section in SECTIONS} | {"": {"traffic": traffic}},
        "vehicles": None,
        "road": None,
        "camera": None,
        "look": None if values is None else values["look"],
        "crowd": None,
        "undo": session.can_undo,
        "redo": session.can_redo,
        "dirty": session.dirty,
        "saved": session.name,
        "files": files,
        "photo": photo,
        "quality": session.view.get("quality", "standard"),
        "rollout_quality": session.view.get("rollout_quality", "standard"),
    }
    if geometry is not None and values is not None:
        page["road"] = values["road"] | {"lane_width": geometry[0].lane_width}
        page["camera"] = values["camera"]
    if values is not None and values["vehicles"] is not None:
        page["vehicles"] = _vehicles(values, session.view.get("locks", []))
        page["crowd"] = _crowd(values)
    return page


def _vehicles(values: Values, locks: list[Any]) -> list[dict[str, Any]]:
    """The rows, each with its lock and with what contradicts it."""
    faults: dict[int, list[str]] = {}
    geometry, vehicles = road_and_camera(values), vehicles_of(values) or ()
    if geometry is not None:
        road = RoadSection.model_validate(values["road"])
        for conflict in conflicts(None, road, geometry[1], dict(enumerate(vehicles))):
            if conflict.location[0] == "vehicles":
                faults.setdefault(int(conflict.location[1]), []).append(conflict.message)
    return [
        row | {"locked": row in locks, "fault": "; ".join(faults.get(i, [])) or None}
        for i, row in enumerate(values["vehicles"])
    ]


def _crowd(values: Values) -> dict[str, Any] | None:
    """How many vehicles are asked for, and how many of those placed here count."""
    geometry, vehicles, asked = road_and_camera(values), vehicles_of(values), values["look"]["crowdedness"]
    if geometry is None or vehicles is None or not isinstance(asked, int):
        return None
    return {"asked": asked, "counted": first_frame_boxes(vehicles, *geometry).crowdedness}
