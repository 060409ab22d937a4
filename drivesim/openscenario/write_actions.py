"""What ego and vehicles are told to do, as maneuvers of OpenSCENARIO."""

from __future__ import annotations

import xml.etree.ElementTree as ET

from drivesim.openscenario.vocabulary import ROAD_ID, number, parameter_name
from drivesim.openscenario.xml_tree import element, path
from drivesim.scenario.actions import EGO, AnyActionValue, LaneChangeAction, SpeedAction, StopAction, Trigger


def add_maneuver(group: ET.Element, name: str, actor: str, action: AnyActionValue, start: float) -> None:
    """Adds one action of an actor, an entity's name, to its group; `start` is the s of the ego in the first frame."""
    maneuver = element(group, "Maneuver", name=name)
    said = {}
    if isinstance(action, StopAction):
        said["action"] = "stop"
    if action.when is not None and action.when.to == EGO:
        said["to"] = EGO  # which is who is meant where nobody is named
    if action.when is None:
        said["at_once"] = "true"
    if said:
        parameters = element(maneuver, "ParameterDeclarations")
        for key, value in said.items():
            element(parameters, "ParameterDeclaration", name=parameter_name(key), parameterType="string", value=value)
    event = element(maneuver, "Event", name=name, priority="parallel", maximumExecutionCount="1")
    place = path(event, "Action", name=name)
    _private(element(place, "PrivateAction"), actor, action, start)
    _trigger(event, name, actor, action.when or Trigger(time=0.0))


def time_trigger(parent: ET.Element, tag: str, name: str, seconds: float) -> None:
    """A trigger that fires at a time (s)."""
    condition = path(parent, tag, "ConditionGroup", "Condition", name=name, delay="0", conditionEdge="none")
    path(condition, "ByValueCondition", "SimulationTimeCondition", value=number(seconds), rule="greaterOrEqual")


def dynamics(parent: ET.Element, tag: str, shape: str, value: float, dimension: str) -> None:
    """How a transition is done."""
    element(parent, tag, dynamicsShape=shape, value=number(value), dynamicsDimension=dimension)


def _private(parent: ET.Element, actor: str, action: AnyActionValue, start: float) -> None:
    if isinstance(action, SpeedAction | StopAction):
        shape = action.dynamics if isinstance(action, SpeedAction) else "linear"
        speed = path(parent, "LongitudinalAction", "SpeedAction")
        value, dimension = (action.seconds or 0.0, "time") if action.rate is None else (action.rate, "rate")
        dynamics(speed, "SpeedActionDynamics", shape, value, dimension)
        target = action.target if isinstance(action, SpeedAction) else 0.0
        path(speed, "SpeedActionTarget", "AbsoluteTargetSpeed", value=number(target))
    elif isinstance(action, LaneChangeAction):
        change = path(parent, "LateralAction", "LaneChangeAction")
        dynamics(change, "LaneChangeActionDynamics", "sinusoidal", action.seconds, "time")
        target_lane = element(change, "LaneChangeTarget")
        if action.lane is not None:
            element(target_lane, "AbsoluteTargetLane", value=str(-action.lane))
        else:
            element(target_lane, "RelativeTargetLane", entityRef=actor, value=str(action.by))
    else:
        follow = path(parent, "RoutingAction", "FollowTrajectoryAction")
        path(follow, "TimeReference", "None")
        element(follow, "TrajectoryFollowingMode", followingMode="position")
        line = path(follow, "TrajectoryRef", "Trajectory", name="waypoints", closed="false")
        vertices = path(line, "Shape", "Polyline")
        for ahead, left in action.waypoints:
            place = path(vertices, "Vertex", "Position")
            element(place, "RoadPosition", roadId=ROAD_ID, s=number(start + ahead), t=number(left))


def _trigger(event: ET.Element, name: str, actor: str, when: Trigger) -> None:
    if when.time is not None:
        time_trigger(event, "StartTrigger", name, when.time)
        return
    condition = path(event, "StartTrigger", "ConditionGroup", "Condition", name=name, delay="0", conditionEdge="none")
    by_entity = element(condition, "ByEntityCondition")
    triggering = element(by_entity, "TriggeringEntities", triggeringEntitiesRule="any")
    element(triggering, "EntityRef", entityRef=actor)
    other = when.to or EGO
    if when.distance is not None:
        path(by_entity, "EntityCondition", "RelativeDistanceCondition", entityRef=other, relativeDistanceType="euclidianDistance",
             value=number(when.distance), freespace="true", rule="lessOrEqual", coordinateSystem="entity")  # fmt: skip
        return
    ttc = path(by_entity, "EntityCondition", "TimeToCollisionCondition", value=number(when.time_to_collision or 0.0),
               freespace="true", rule="lessOrEqual", relativeDistanceType="longitudinal", coordinateSystem="road")  # fmt: skip
    path(ttc, "TimeToCollisionConditionTarget", "EntityRef", entityRef=other)
