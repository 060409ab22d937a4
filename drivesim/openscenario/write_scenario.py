"""A scenario as OpenSCENARIO 1.2 beside its road: what `drivesim export openscenario` calls."""

from __future__ import annotations

import math
import os
import xml.etree.ElementTree as ET
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from drivesim.config import InputError
from drivesim.openscenario.vocabulary import (
    CATEGORY,
    ELSEWHERE,
    MAX_ACCELERATION,
    MAX_SPEED,
    ROAD_ID,
    SECTIONS_IN_PARAMETERS,
    TIME,
    number,
    parameter_name,
)
from drivesim.openscenario.write_actions import add_maneuver, dynamics, time_trigger
from drivesim.openscenario.write_road import road_text
from drivesim.openscenario.xml_tree import element, path, xml_text
from drivesim.scenario.actions import EGO, AnyActionValue, WaypointsAction
from drivesim.scenario.rules_of_placement import EGO_CUBOID
from drivesim.scenario.scenario import Scenario
from drivesim.scenario.sections import BoxedVehicle, PlacedVehicle, Vehicle
from drivesim.scene.vehicles import SIZES
from drivesim.traffic.scenario.states import placement_of

BEFORE, BEYOND = 400.0, 400.0  # m of road behind the first frame, and ahead of where all who drive have come to


def write_openscenario(scenario: Scenario, folder: Path) -> tuple[Path, Path]:
    """Writes NAME.xosc and NAME.xodr into a folder, which is made if it is not there; what is there stays. Both paths.

    InputError if one of them is there already, or nothing can be written.
    """
    files = folder / f"{scenario.name}.xosc", folder / f"{scenario.name}.xodr"
    start = _start(scenario)
    length = start + BEYOND + max([300.0, scenario.ego.speed * scenario.rollout.seconds, *_waypoints(scenario)])
    texts = scenario_text(scenario, files[1].name, start, folder), road_text(scenario.road_model(), scenario.name, start, length)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for file, text in zip(files, texts, strict=True):
            with file.open("x", encoding="utf-8") as opened:
                opened.write(text)
    except FileExistsError as error:
        there = error.filename or folder
        raise InputError(f"{there}: is there, and nothing is overwritten; remove it or give another --out") from error
    except (PermissionError, NotADirectoryError) as error:
        raise InputError(f"{folder}: cannot be written ({error.strerror}); give another folder with --out") from error
    return files


def scenario_text(scenario: Scenario, road_file: str, start: float, folder: Path) -> str:
    """The .xosc; the ego is at s = `start` of the road in the first frame, and a photo is found from the folder."""
    names = entity_names(scenario.vehicles)
    root = element(None, "OpenSCENARIO")
    element(root, "FileHeader", revMajor="1", revMinor="2", date=TIME[scenario.look.time_of_day], description=scenario.name,
            author="drivesim")  # fmt: skip
    _parameters(root, scenario, folder)
    element(root, "CatalogLocations")
    path(root, "RoadNetwork", "LogicFile", filepath=road_file)
    entities = element(root, "Entities")
    _entity(entities, EGO, (float(EGO_CUBOID[0]), *map(float, EGO_CUBOID[3:6])), "sedan", "car", {})
    for name, vehicle in zip(names, scenario.vehicles, strict=True):
        _entity(entities, name, (0.0, *SIZES[vehicle.kind]), vehicle.kind, CATEGORY[vehicle.kind], _properties(vehicle, start))
    storyboard = element(root, "Storyboard")
    _init(storyboard, scenario, names, start)
    _story(storyboard, scenario, names, start)
    time_trigger(storyboard, "StopTrigger", "end", scenario.rollout.seconds)
    return xml_text(root)


def entity_names(vehicles: Sequence[Vehicle]) -> list[str]:
    """What the entities of vehicles are called: their names, or vehicle_3 for the third."""
    given = [vehicle.name if isinstance(vehicle, PlacedVehicle) else None for vehicle in vehicles]
    names: list[str] = []
    for place, name in enumerate(given, 1):
        made = name or f"vehicle_{place}"
        while name is None and made in given:
            made += "_"
        names.append(made)
    return names


def _parameters(root: ET.Element, scenario: Scenario, folder: Path) -> None:
    """Declares what OpenSCENARIO has no word for."""
    declarations = element(root, "ParameterDeclarations")
    values: dict[str, Any] = {"traffic": scenario.traffic}
    for name in SECTIONS_IN_PARAMETERS:
        section = getattr(scenario, name).model_dump()
        values |= {f"{name}_{key}": value for key, value in section.items() if (name, key) not in ELSEWHERE}
    if scenario.photo is not None:
        values["photo"] = os.path.relpath(scenario.photo.resolve(), folder.resolve())
    for name, value in values.items():
        kind = "integer" if type(value) is int else "double" if isinstance(value, float) else "string"
        text = number(value) if isinstance(value, float) else str(value)
        element(declarations, "ParameterDeclaration", name=parameter_name(name), parameterType=kind, value=text)


def _properties(vehicle: Vehicle, start: float) -> dict[str, str]:
    """What OpenSCENARIO has no word for, and what would be rounded on the way through metres of road and radians."""
    found: dict[str, str] = {"kind": vehicle.kind}
    if isinstance(vehicle, BoxedVehicle):
        return found | {"box": " ".join(map(number, vehicle.box)), "heading": number(vehicle.heading)}
    if vehicle.name is None:
        found["unnamed"] = "true"
    if vehicle.paint is not None:
        found["paint"] = vehicle.paint
    if round(start + vehicle.ahead - start, 9) != vehicle.ahead:
        found["ahead"] = number(vehicle.ahead)
    if round(math.degrees(math.radians(vehicle.heading)), 9) != vehicle.heading:
        found["heading"] = number(vehicle.heading)
    return found


def _entity(
    entities: ET.Element, name: str, box: tuple[float, ...], model: str, category: str, properties: dict[str, str]
) -> None:
    """A vehicle whose box (middle forward of its origin, length, width, height, in m) stands on the road."""
    middle, length, width, height = box
    vehicle = element(element(entities, "ScenarioObject", name=name), "Vehicle", name=model, vehicleCategory=category)
    bounds = element(vehicle, "BoundingBox")
    element(bounds, "Center", x=number(middle), y="0", z=number(height / 2))
    element(bounds, "Dimensions", length=number(length), width=number(width), height=number(height))
    limit = number(MAX_ACCELERATION)
    element(vehicle, "Performance", maxSpeed=number(MAX_SPEED), maxAcceleration=limit, maxDeceleration=limit)
    axles = element(vehicle, "Axles")
    for tag, share, steering in (("FrontAxle", 0.3, "0.5"), ("RearAxle", -0.3, "0")):
        element(axles, tag, maxSteering=steering, wheelDiameter="0.65", trackWidth=number(round(0.85 * width, 3)),
                positionX=number(round(middle + share * length, 3)), positionZ="0.325")  # fmt: skip
    listed = element(vehicle, "Properties")
    for key, value in properties.items():
        element(listed, "Property", name=parameter_name(key), value=value)


def _init(storyboard: ET.Element, scenario: Scenario, names: Sequence[str], start: float) -> None:
    """Light, and where everybody is and how fast in the first frame."""
    actions = path(storyboard, "Init", "Actions")
    light = path(actions, "GlobalAction", "EnvironmentAction", "Environment", name=scenario.look.time_of_day)
    element(light, "TimeOfDay", animation="false", dateTime=TIME[scenario.look.time_of_day])
    private = element(actions, "Private", entityRef=EGO)
    _teleport(private, start, 0.0, 0.0)
    _speed(private, scenario.ego.speed)
    for name, vehicle in zip(names, scenario.vehicles, strict=True):
        place = placement_of(vehicle, scenario.road_model(), scenario.camera_model())
        speed = vehicle.speed if isinstance(vehicle, PlacedVehicle) else None
        if place is None and speed is None:
            continue
        private = element(actions, "Private", entityRef=name)
        if place is not None:
            _teleport(private, start + place.ahead, place.left, place.heading)
        if speed is not None:
            _speed(private, speed)


def _teleport(private: ET.Element, s: float, t: float, heading: float) -> None:
    """Puts an entity on the road, `heading` degrees to the left of its direction."""
    place = path(private, "PrivateAction", "TeleportAction", "Position", "RoadPosition", roadId=ROAD_ID, s=number(s), t=number(t))
    if heading:
        element(place, "Orientation", type="relative", h=number(math.radians(heading)))


def _speed(private: ET.Element, speed: float) -> None:
    action = path(private, "PrivateAction", "LongitudinalAction", "SpeedAction")
    dynamics(action, "SpeedActionDynamics", "step", 0.0, "time")
    path(action, "SpeedActionTarget", "AbsoluteTargetSpeed", value=number(speed))


def _story(storyboard: ET.Element, scenario: Scenario, names: Sequence[str], start: float) -> None:
    """What everybody is told to do, if anybody is."""
    scripts: list[tuple[str, Sequence[AnyActionValue]]] = [(EGO, scenario.ego.actions)]
    for name, vehicle in zip(names, scenario.vehicles, strict=True):
        scripts.append((name, vehicle.actions if isinstance(vehicle, PlacedVehicle) else ()))
    if not any(actions for _, actions in scripts):
        return
    act = element(element(storyboard, "Story", name="story"), "Act", name="act")
    for name, actions in scripts:
        if not actions:
            continue
        group = element(act, "ManeuverGroup", name=name, maximumExecutionCount="1")
        element(element(group, "Actors", selectTriggeringEntities="false"), "EntityRef", entityRef=name)
        for place, action in enumerate(actions, 1):
            add_maneuver(group, f"{name}_{place}", name, action, start)
    time_trigger(act, "StartTrigger", "begin", 0.0)


def _waypoints(scenario: Scenario) -> list[float]:
    """How far ahead all waypoints are (m)."""
    scripts = [scenario.ego.actions, *(v.actions for v in scenario.vehicles if isinstance(v, PlacedVehicle))]
    actions = [action for script in scripts for action in script if isinstance(action, WaypointsAction)]
    return [point[0] for action in actions for point in action.waypoints]


def _start(scenario: Scenario) -> float:
    """The s of the ego in the first frame: a whole number of metres, so that all who are behind have one above 0."""
    return float(math.ceil(BEFORE - min([0.0, *_waypoints(scenario)])))
