"""Entities of OpenSCENARIO and where they are at first, as the vehicles of a scenario."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Any

from drivesim.openscenario.read_road import FoundRoad
from drivesim.openscenario.vocabulary import CATEGORY, KIND_OF, PREFIX
from drivesim.openscenario.xml_tree import XmlPart
from drivesim.scenario.actions import EGO
from drivesim.scenario.rules_of_placement import EGO_CUBOID
from drivesim.scene.road import LANE_WIDTH

OURS = ("kind", "paint", "box", "heading", "ahead", "unnamed")
_SMALL = 1e-6  # m, degrees: by which a property may differ from what it is the exact value of


@dataclass
class Entity:
    """An entity: what a scenario calls it (None: nothing), its properties of ours, and how far before its origin its middle is (m).

    `s`, `t` (m), `heading` (degrees from the road's direction) and `speed` (m/s) are set as the beginning is read.
    """

    part: XmlPart
    name: str | None
    kind: str
    properties: dict[str, str]
    middle: float
    s: float | None = None
    t: float = 0.0
    heading: float = 0.0
    speed: float | None = None


def read_entities(entities: XmlPart) -> dict[str, Entity]:
    """The entities by their names; one of them is the ego. Refuses what is no car, van, truck or bus."""
    entities.only("ScenarioObject")
    found: dict[str, Entity] = {}
    for thing in entities.all("ScenarioObject"):
        thing.only("Vehicle")
        name = thing.text("name")
        if name in found:
            thing.refuse(f'a second entity is called "{name}"')
        found[name] = _entity(thing, thing.one("Vehicle"), name)
    egos = [name for name in found if name.lower() in (EGO, "hero")]
    if len(egos) != 1:
        entities.refuse(f"{len(egos)} entities are called ego; one is to be, which carries the camera")
    found[egos[0]].name = EGO
    names = [entity.name for entity in found.values() if entity.name is not None]
    for name in names:
        if names.count(name) > 1:
            entities.refuse(f'two entities would be called "{name}", in small letters; rename one of the two')
    return found


def vehicle_values(entity: Entity, ego: Entity, road: FoundRoad, ours: bool) -> dict[str, Any]:
    """The values of a vehicle, but for its actions. `ours`: where the file says no speed, none is given; elsewhere that is 0."""
    given = entity.properties
    values: dict[str, Any] = {"kind": entity.kind}
    if "box" in given:
        values["box"] = [_real(entity, "box", word) for word in given["box"].split()]
        return values | {"heading": _real(entity, "heading", given.get("heading", "0"))}
    if entity.s is None or ego.s is None:
        entity.part.refuse("is nowhere at first; give it a TeleportAction in Init")
    turn = math.radians(entity.heading)
    along = entity.s + entity.middle * math.cos(turn) - (ego.s + ego.middle - float(EGO_CUBOID[0]))
    across = entity.t + entity.middle * math.sin(turn) - ego.t
    values |= {"ahead": round(along * (1 - road.curvature * ego.t), 9), "left": _left(across, road)}
    values["heading"] = round(entity.heading, 9)
    for key in ("ahead", "heading"):
        if key in given and abs((exact := _real(entity, key, given[key])) - values[key]) < _SMALL:
            values[key] = exact
    if "unnamed" not in given and entity.name is not None:
        values["name"] = entity.name
    if "paint" in given:
        values["paint"] = given["paint"]
    speed = entity.speed if entity.speed is not None or ours else 0.0
    return values if speed is None else values | {"speed": speed}


def _left(across: float, road: FoundRoad) -> float:
    """Metres to the left where lanes are as wide as ours, so that who is in the middle of a lane stays there."""
    width = LANE_WIDTH[road.setting]
    return across if road.width == width else round(across * width / road.width, 9)


def _entity(thing: XmlPart, vehicle: XmlPart, name: str) -> Entity:
    vehicle.only("ParameterDeclarations", "BoundingBox", "Performance", "Axles", "Properties")
    listed = vehicle.maybe("Properties")
    properties = {}
    for part in listed.all("Property") if listed is not None else ():
        if part.text("name").startswith(PREFIX):
            key = part.text("name").removeprefix(PREFIX)
            if key not in OURS:
                part.refuse(f"is no property of drivesim's ({', '.join(OURS)})")
            properties[key] = part.text("value")
    category = vehicle.text("vehicleCategory")
    if category not in KIND_OF:
        vehicle.refuse(f'vehicleCategory="{category}" is not read, {", ".join(KIND_OF)} are')
    kind = properties.get("kind", KIND_OF[category])
    if CATEGORY.get(kind) != category:  # type: ignore[call-overload]
        kind = KIND_OF[category]
    middle = vehicle.one("BoundingBox", "Center").number("x")
    called = re.sub(r"[^a-z0-9_-]+|[_-]{2,}", "_", name.lower()).strip("_-") or None
    return Entity(thing, None if "unnamed" in properties else called, kind, properties, middle)


def _real(entity: Entity, key: str, text: str) -> float:
    try:
        return float(text)
    except ValueError:
        entity.part.refuse(f'its property {PREFIX}{key} is "{text}", which is no number')
