"""OpenSCENARIO as a scenario: what `drivesim import openscenario` calls. What is not read is named, and refused."""

from __future__ import annotations

import math
import os
import re
from pathlib import Path
from typing import Any

from drivesim.config import InputError
from drivesim.openscenario.read_actions import absolute_speed, read_actions, stop_seconds
from drivesim.openscenario.read_entities import Entity, read_entities, vehicle_values
from drivesim.openscenario.read_road import FoundRoad, read_road
from drivesim.openscenario.vocabulary import DAY_HOURS, PREFIX, SECTIONS_IN_PARAMETERS
from drivesim.openscenario.xml_tree import XmlPart, read_xml
from drivesim.scenario.actions import EGO
from drivesim.scenario.file import dump_scenario, parse_scenario
from drivesim.scenario.scenario import Scenario
from drivesim.scenario.sections import NAME_PATTERN, SECTIONS
from drivesim.scenario.yaml_document import yaml_text

LONGEST = 600.0  # s of a scenario
_ROOT = ("FileHeader", "ParameterDeclarations", "CatalogLocations", "RoadNetwork", "Entities", "Storyboard")


def import_openscenario(file: Path, out: Path) -> Scenario:
    """Writes the scenario of a .xosc, whose road is found from its folder, into the new file `out`: the scenario.

    InputError that names file, line and element for whatever is not read, or if `out` is there.
    """
    if out.exists():
        raise InputError(f"{out}: is there, and nothing is overwritten; remove it or give another --out")
    scenario = read_openscenario(file)
    try:
        dump_scenario(scenario, out)
    except OSError as error:
        raise InputError(f"{out}: cannot be written ({error.strerror}); give a file in a folder that is there") from error
    return scenario


def read_openscenario(file: Path) -> Scenario:
    """The scenario of a .xosc; InputError as above."""
    root = read_xml(file, "OpenSCENARIO")
    root.only(*_ROOT)
    header = root.one("FileHeader")
    header.expect(revMajor="1")
    declared = root.maybe("ParameterDeclarations")
    parameters = declared.all("ParameterDeclaration") if declared is not None else []
    said = {part.text("name"): part.text("value") for part in parameters}
    for name in ("RoadNetwork", "Entities", "Storyboard"):
        root.one(name).put_parameters(said)
    road = read_road(file.parent / root.one("RoadNetwork", "LogicFile").text("filepath"))
    entities = read_entities(root.one("Entities"))
    storyboard = root.one("Storyboard")
    storyboard.only("Init", "Story", "StopTrigger")
    ours = header.attributes.get("author") == "drivesim"
    values = _ours([part for part in parameters if part.text("name").startswith(PREFIX)])
    values.setdefault("name", _name(header.attributes.get("description", ""), file) if ours else _name("", file))
    values.setdefault("traffic", "scripted")
    values.setdefault("look", {})["time_of_day"] = _read_init(storyboard.one("Init", "Actions"), entities, road)
    ego = next(entity for entity in entities.values() if entity.name == EGO)
    _place(values, ego, entities, road, ours)
    scripts: dict[str, list[dict[str, Any]]] = {}
    for name, action in read_actions(storyboard, entities, road):
        scripts.setdefault(name, []).append(action)
    listed = {name: entity for name, entity in entities.items() if entity is not ego}
    for vehicle, name in zip(values["vehicles"], listed, strict=True):
        vehicle |= {"actions": scripts[name]} if name in scripts else {}
    values["ego"] |= {"actions": next((scripts[name] for name, one in entities.items() if one is ego and name in scripts), [])}
    if (end := stop_seconds(storyboard)) is not None:
        values.setdefault("rollout", {})["seconds"] = min(end, LONGEST)
    return _scenario(values, file)


def _place(values: dict[str, Any], ego: Entity, entities: dict[str, Entity], road: FoundRoad, ours: bool) -> None:
    """Puts road, ego and vehicles into the values (in place)."""
    if ego.s is None:
        ego.part.refuse("is nowhere at first; give it a TeleportAction in Init")
    lane = road.lane_of(ego.t)
    if not 1 <= lane <= road.lanes or abs(road.lane_middle(lane) - ego.t) > 0.3 or abs(ego.heading) > 5:
        ego.part.refuse("does not drive in the middle of a lane to the right of the reference line, along the road")
    if ego.t:
        ego.t = road.lane_middle(lane)
    curvature = road.curvature / (1 - road.curvature * ego.t)
    values["road"] = {"setting": road.setting, "lanes": road.lanes, "ego_lane": lane, "curvature": curvature}
    values["ego"] = {"speed": ego.speed or 0.0}
    values["vehicles"] = [vehicle_values(one, ego, road, ours) for one in entities.values() if one is not ego]
    values["look"].setdefault("crowdedness", len(values["vehicles"]))


def _read_init(actions: XmlPart, entities: dict[str, Entity], road: FoundRoad) -> str:
    """Where everybody is at first and how fast (in place of the entities): the time of day."""
    actions.only("GlobalAction", "Private")
    time_of_day = "day"
    for part in actions.all("GlobalAction"):
        part.only("EnvironmentAction")
        light = part.one("EnvironmentAction", "Environment")
        light.only("TimeOfDay")
        if (clock := light.maybe("TimeOfDay")) is not None:
            clock.expect(animation=("false", "true", "0", "1"))
            hour = clock.text("dateTime")[11:13]
            time_of_day = "day" if not hour.isdecimal() or int(hour) in DAY_HOURS else "night"
    for private in actions.all("Private"):
        name = private.text("entityRef")
        if name not in entities:
            private.refuse(f'no entity is called "{name}"')
        for part in private.all("PrivateAction"):
            part.only("TeleportAction", "LongitudinalAction")
            if (move := part.maybe("TeleportAction")) is not None:
                _position(move.one("Position").choice(), entities[name], road)
            elif (speed := part.choice().maybe("SpeedAction")) is not None:
                entities[name].speed = absolute_speed(speed)
            else:
                part.choice().choice().refuse("is not read at the beginning, SpeedAction is")
    return time_of_day


def _position(place: XmlPart, entity: Entity, road: FoundRoad) -> None:
    """Where an entity is (in place), by road or lane."""
    if place.tag not in ("RoadPosition", "LanePosition"):
        place.refuse("is not read, RoadPosition and LanePosition are")
    place.expect(roadId=road.id)
    place.only("Orientation")
    entity.s = place.number("s")
    if place.tag == "RoadPosition":
        entity.t = place.number("t")
    else:
        lane = round(place.number("laneId"))
        entity.t = road.lane_middle(-lane if lane < 0 else 1 - lane) + place.number("offset", 0.0)
    if (turn := place.maybe("Orientation")) is not None:
        turn.expect(type="relative")
        entity.heading = math.degrees(turn.number("h", 0.0))


def _ours(parameters: list[XmlPart]) -> dict[str, Any]:
    """What parameters of ours say, as values of a scenario."""
    values: dict[str, Any] = {}
    for part in parameters:
        name = part.text("name").removeprefix(PREFIX)
        kind, text = part.text("parameterType"), part.text("value")
        value: Any = text
        if kind in ("integer", "int", "unsignedInt", "unsignedShort", "double"):
            value = part.number("value") if kind == "double" else round(part.number("value"))
        section, _, key = name.partition("_")
        if name in ("traffic", "photo"):
            values[name] = os.path.normpath(part.file.parent.absolute() / text) if name == "photo" else value
        elif section in SECTIONS_IN_PARAMETERS and key in SECTIONS[section].model_fields:
            values.setdefault(section, {})[key] = value
        else:
            part.refuse("is no parameter of drivesim's; other names than drivesim_... are free")
    return values


def _name(text: str, file: Path) -> str:
    """A scenario's name: the text where it is one, or made of the file's name."""
    if re.fullmatch(NAME_PATTERN, text) and len(text) <= 64:
        return text
    return re.sub(r"[^a-z0-9]+", "_", file.stem.lower()).strip("_")[:64] or "imported"


def _scenario(values: dict[str, Any], file: Path) -> Scenario:
    """The scenario of these values; InputError with what its rules say against them."""
    scenario, faults = parse_scenario(yaml_text(values), file.absolute())
    if scenario is None:
        where = ".".join(map(str, faults[0].where)) or "scenario"
        raise InputError(f"{file}: makes no scenario: {where}: {faults[0].message}")
    return scenario
