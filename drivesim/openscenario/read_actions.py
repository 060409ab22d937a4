"""Storyboards of OpenSCENARIO as the actions of a scenario, with what starts them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from drivesim.openscenario.read_entities import Entity
from drivesim.openscenario.read_road import FoundRoad
from drivesim.openscenario.vocabulary import PREFIX
from drivesim.openscenario.xml_tree import XmlPart
from drivesim.scenario.actions import EGO

_LATER = ("lessThan", "lessOrEqual")
_REACHED = ("greaterThan", "greaterOrEqual")


def read_actions(storyboard: XmlPart, entities: dict[str, Entity], road: FoundRoad) -> Iterator[tuple[str, dict[str, Any]]]:
    """The name of the actor's entity, and the values of the action, of every action in order."""
    for story in storyboard.all("Story"):
        story.only("Act")
        for act in story.all("Act"):
            act.only("ManeuverGroup", "StartTrigger")
            begins = act.maybe("StartTrigger")
            if begins is not None and begins.parts and _seconds(begins):
                begins.refuse("an act that begins later is not read; give the time to its events")
            for group in act.all("ManeuverGroup"):
                yield from _group(group, entities, road)


def _group(group: XmlPart, entities: dict[str, Entity], road: FoundRoad) -> Iterator[tuple[str, dict[str, Any]]]:
    group.only("Actors", "Maneuver")
    group.expect(maximumExecutionCount="1")
    actors = group.one("Actors")
    actors.expect(selectTriggeringEntities="false")
    names = [_known(part, entities) for part in actors.all("EntityRef")]
    for maneuver in group.all("Maneuver"):
        maneuver.only("ParameterDeclarations", "Event")
        said = _said(maneuver)
        for event in maneuver.all("Event"):
            event.only("Action", "StartTrigger")
            event.expect(maximumExecutionCount="1", priority=("parallel", "overwrite", "override", "skip"))
            if len(maneuver.all("Event")) > 1:
                event.expect(priority="parallel")
            for name in names:
                trigger = _trigger(event, name, said, entities)
                for action in event.all("Action"):
                    values = _action(action.one("PrivateAction").choice(), name, said, entities, road)
                    yield name, values | ({} if trigger is None else {"when": dict(trigger)})


def _said(maneuver: XmlPart) -> dict[str, str]:
    """What parameters of ours say of a maneuver."""
    declared = maneuver.maybe("ParameterDeclarations")
    return {
        part.text("name").removeprefix(PREFIX): part.text("value")
        for part in (declared.all("ParameterDeclaration") if declared is not None else ())
        if part.text("name").startswith(PREFIX)
    }


def _action(part: XmlPart, actor: str, said: dict[str, str], entities: dict[str, Entity], road: FoundRoad) -> dict[str, Any]:
    kind = part.choice()
    if (part.tag, kind.tag) == ("LongitudinalAction", "SpeedAction"):
        return _speed(kind, said)
    if (part.tag, kind.tag) == ("LateralAction", "LaneChangeAction"):
        return _lane_change(kind, actor, entities)
    if (part.tag, kind.tag) != ("RoutingAction", "FollowTrajectoryAction"):
        kind.refuse("is not read; SpeedAction, LaneChangeAction and FollowTrajectoryAction are")
    return _waypoints(kind, entities, road)


def _speed(speed: XmlPart, said: dict[str, str]) -> dict[str, Any]:
    how = speed.one("SpeedActionDynamics")
    how.expect(dynamicsShape=("linear", "sinusoidal", "step"), dynamicsDimension=("time", "rate"))
    shape, dimension, value = how.text("dynamicsShape"), how.text("dynamicsDimension"), how.number("value")
    goal = absolute_speed(speed)
    timing = {} if shape == "step" or not value else {"seconds" if dimension == "time" else "rate": value}
    if not timing:
        shape = "step"
    if said.get("action") == "stop" and goal == 0 and shape == "linear":
        return {"action": "stop", **timing}
    return {"action": "speed", "target": goal, "dynamics": shape, **timing}


def absolute_speed(speed: XmlPart) -> float:
    """The m/s that a SpeedAction goes for."""
    target = speed.one("SpeedActionTarget").choice()
    if target.tag != "AbsoluteTargetSpeed":
        target.refuse("is not read, AbsoluteTargetSpeed is")
    return target.number("value")


def _lane_change(change: XmlPart, actor: str, entities: dict[str, Entity]) -> dict[str, Any]:
    if change.number("targetLaneOffset", 0.0):
        change.refuse("targetLaneOffset is not read; lane changes end in the middle of a lane")
    how = change.one("LaneChangeActionDynamics")
    how.expect(dynamicsShape=("sinusoidal", "cubic", "linear"), dynamicsDimension="time")
    target = change.one("LaneChangeTarget").choice()
    values: dict[str, Any] = {"action": "lane_change", "seconds": how.number("value")}
    if target.tag == "RelativeTargetLane":
        if _known(target, entities) != actor:
            target.refuse("lanes are read as they are counted from the actor's own")
        return values | {"by": round(target.number("value"))}
    lane = -round(target.number("value"))
    if lane < 1:
        target.refuse("is a lane of the other direction, which nobody changes to")
    return values | {"lane": lane}


def _waypoints(follow: XmlPart, entities: dict[str, Entity], road: FoundRoad) -> dict[str, Any]:
    if follow.one("TimeReference").choice().tag != "None":
        follow.one("TimeReference").refuse("points with times are not read; those that are followed at the own speed are")
    holder = follow.maybe("TrajectoryRef") or follow
    shape = holder.one("Trajectory", "Shape").choice()
    if shape.tag != "Polyline":
        shape.refuse("is not read, Polyline is")
    ego = next(entity for entity in entities.values() if entity.name == EGO)
    points = []
    for vertex in shape.all("Vertex"):
        place = vertex.one("Position").choice()
        if place.tag != "RoadPosition" or ego.s is None:
            place.refuse("is not read here, RoadPosition is")
        ahead = (place.number("s") - ego.s) * (1 - road.curvature * ego.t)
        points.append([round(ahead, 9), round(place.number("t") - ego.t, 9) if ego.t else place.number("t")])
    return {"action": "follow_waypoints", "waypoints": points}


def _trigger(event: XmlPart, actor: str, said: dict[str, str], entities: dict[str, Entity]) -> dict[str, Any] | None:
    """What starts an event; None if it starts with the first frame."""
    trigger = event.maybe("StartTrigger")
    if trigger is None or not trigger.parts:
        return None
    condition = _condition(trigger)
    if condition.tag == "SimulationTimeCondition":
        return {"time": seconds} if (seconds := _seconds(trigger)) or "at_once" not in said else None
    by_entity = trigger.one("ConditionGroup", "Condition", "ByEntityCondition")
    triggering = [_known(part, entities) for part in by_entity.one("TriggeringEntities").all("EntityRef")]
    if condition.tag == "RelativeDistanceCondition":
        condition.expect(relativeDistanceType=("euclidianDistance", "cartesianDistance"), coordinateSystem="entity")
        other, key = _known(condition, entities), "distance"
    elif condition.tag == "TimeToCollisionCondition":
        condition.expect(relativeDistanceType="longitudinal", coordinateSystem=("road", "lane", "entity"), alongRoute="true")
        other, key = _known(condition.one("TimeToCollisionConditionTarget").choice(), entities), "time_to_collision"
    else:
        condition.refuse("is not read; SimulationTimeCondition, RelativeDistanceCondition and TimeToCollisionCondition are")
    condition.expect(freespace="true", rule=_LATER)
    if len(triggering) != 1 or actor not in (triggering[0], other) or triggering[0] == other:
        condition.refuse("is between others than the actor and one more, which is not read")
    meant = entities[other if triggering[0] == actor else triggering[0]].name
    values: dict[str, Any] = {key: condition.number("value")}
    if meant is None:
        condition.refuse("is measured to an entity without a name")
    return values if meant == EGO and "to" not in said else values | {"to": meant}


def _condition(trigger: XmlPart) -> XmlPart:
    """The one condition of a trigger."""
    condition = trigger.one("ConditionGroup", "Condition")
    condition.expect(conditionEdge=("none", "rising"))
    if condition.number("delay", 0.0):
        condition.refuse("a delay is not read; give none")
    kind = condition.choice()
    if kind.tag == "ByValueCondition":
        return kind.choice()
    return kind.one("EntityCondition").choice()


def _seconds(trigger: XmlPart) -> float:
    """The time (s) at which a trigger fires; refuses one that waits for anything else."""
    condition = _condition(trigger)
    if condition.tag != "SimulationTimeCondition":
        condition.refuse("is not read here, SimulationTimeCondition is")
    condition.expect(rule=_REACHED)
    return condition.number("value")


def stop_seconds(storyboard: XmlPart) -> float | None:
    """When a storyboard ends (s), if its trigger says so."""
    trigger = storyboard.maybe("StopTrigger")
    return None if trigger is None or not trigger.parts else _seconds(trigger)


def _known(part: XmlPart, entities: dict[str, Entity]) -> str:
    """The entity that an element refers to."""
    name = part.text("entityRef")
    if name not in entities:
        part.refuse(f'no entity is called "{name}"')
    return name
