"""Rules of the script: actions that can be done, triggers that mean somebody, nothing told twice at once. Parts may be broken."""

from __future__ import annotations

import difflib
import math
from collections.abc import Mapping, Sequence
from itertools import pairwise

from drivesim.scenario.actions import (
    EGO,
    Action,
    AnyActionValue,
    LaneChangeAction,
    SpeedAction,
    StopAction,
    Trigger,
    WaypointsAction,
)
from drivesim.scenario.rules_of_placement import Conflict, Location
from drivesim.scenario.sections import EgoSection, PlacedVehicle, RoadSection, TrafficMode, Vehicle

ALONG = 20.0  # degrees from a lane's direction up to which a vehicle drives in the lane
FASTEST = 45.0  # m/s, of anybody
Stand = tuple[float, float, float]  # m ahead and left of the camera, degrees from the road: in the first frame
_KINDS = ("time", "distance", "time_to_collision")


def script_conflicts(
    road: RoadSection | None, ego: EgoSection | None, vehicles: Mapping[int, Vehicle], traffic: TrafficMode
) -> list[Conflict]:
    """Everything in actions, names and speeds that contradicts something else. `vehicles` by their index in the file."""
    placed = {i: vehicle for i, vehicle in vehicles.items() if isinstance(vehicle, PlacedVehicle)}
    found = _names(placed)
    names = {vehicle.name for vehicle in placed.values() if vehicle.name is not None} | {EGO}
    if ego is not None:
        found += _faults(("ego",), EGO, ego.actions, names, ego.speed, (0.0, 0.0, 0.0))
        if road is not None:
            found += _lanes(("ego",), ego.actions, road, 0.0, 0.0)
    for i, vehicle in placed.items():
        place: Location = ("vehicles", i)
        found += _faults(place, vehicle.name, vehicle.actions, names, vehicle.speed, (vehicle.ahead, vehicle.left, vehicle.heading))
        if road is not None:
            found += _lanes(place, vehicle.actions, road, vehicle.left, vehicle.heading)
        if traffic == "free":
            spoken = [key for key in ("speed", "actions") if getattr(vehicle, key)]
            remedy = "remove it, or make traffic simulated or scripted"
            found += [Conflict((*place, key), f"{key} has no effect where traffic is free; {remedy}") for key in spoken]
    return found


def _names(placed: Mapping[int, PlacedVehicle]) -> list[Conflict]:
    seen: dict[str, int] = {}
    found = []
    for i, vehicle in placed.items():
        if vehicle.name is None:
            continue
        spot: Location = ("vehicles", i, "name")
        if vehicle.name == EGO:
            found.append(Conflict(spot, 'the name "ego" is that of the car with the camera; choose another'))
        elif (first := seen.setdefault(vehicle.name, i)) != i:
            found.append(Conflict(spot, f'the name "{vehicle.name}" is also that of vehicle {first + 1}; choose another'))
    return found


def _faults(
    place: Location, name: str | None, actions: Sequence[AnyActionValue], names: set[str], speed: float | None, stands: Stand
) -> list[Conflict]:
    found = []
    for i, action in enumerate(actions):
        spot: Location = (*place, "actions", i)
        if action.when is not None:
            found += _trigger_faults((*spot, "when"), action.when, name, names)
        if isinstance(action, SpeedAction | StopAction):
            found += _dynamics_faults(spot, action)
        if isinstance(action, LaneChangeAction) and ((action.lane is None) == (action.by is None) or action.by == 0):
            found.append(Conflict(spot, "a lane change needs either lane, or by: a number of lanes that is not 0"))
    return found + _at_once(place, actions, speed, stands)


def _trigger_faults(spot: Location, when: Trigger, name: str | None, names: set[str]) -> list[Conflict]:
    kinds = [kind for kind in _KINDS if getattr(when, kind) is not None]
    if len(kinds) != 1:
        what = f"has {' and '.join(kinds)}" if kinds else "is empty"
        return [Conflict(spot, f"this trigger {what}; give one of time, distance and time_to_collision")]
    if kinds == ["time"]:
        return [] if when.to is None else [Conflict((*spot, "to"), "a time is measured to nobody; remove to")]
    if when.to is None:
        return [Conflict(spot, 'the ego\'s trigger needs "to", the name of a vehicle')] if name == EGO else []
    if when.to not in names:
        guess = difflib.get_close_matches(when.to.lower(), sorted(names), 1)
        known = f'did you mean "{guess[0]}"?' if guess else f"known: {', '.join(sorted(names))}"
        return [Conflict((*spot, "to"), f'no vehicle has the name "{when.to}" ({known})')]
    if when.to == name:
        return [Conflict((*spot, "to"), f'"{name}" cannot wait for itself; name another vehicle')]
    return []


def _dynamics_faults(spot: Location, action: SpeedAction | StopAction) -> list[Conflict]:
    told = [key for key in ("seconds", "rate") if getattr(action, key) is not None]
    if isinstance(action, SpeedAction) and action.dynamics == "step":
        return [Conflict((*spot, key), f"a step takes no time; remove {key}, or make dynamics linear") for key in told]
    if len(told) != 1:
        what = "seconds and rate contradict each other; remove one of them" if told else "how fast? give seconds or rate"
        return [Conflict((*spot, told[1]) if told else spot, what)]
    return []


def domain(action: Action) -> str:
    """What an action steers: "speed" or "lateral motion"."""
    return "speed" if isinstance(action, SpeedAction | StopAction) else "lateral motion"


def _at_once(
    place: Location, actions: Sequence[AnyActionValue], speed: float | None, stands: Stand
) -> list[Conflict]:
    """Pairs of one domain, started by the clock, of which the later starts while the earlier still runs."""
    found = []
    steady = None if any(domain(action) == "speed" for action in actions) else speed
    for steered in ("speed", "lateral motion"):
        timed = [(_start(a), i) for i, a in enumerate(actions) if domain(a) == steered and _start(a) is not None]
        until, last, now = -1.0, -1, speed
        for start, i in sorted(timed, key=lambda entry: (entry[0] or 0.0, entry[1])):
            assert start is not None
            action = actions[i]
            if last >= 0 and (start < until - 1e-6 or start == _start(actions[last])):
                message = f"two actions steer the {steered} at once: at {start:g} s action {last + 1} still runs"
                found.append(Conflict((*place, "actions", i), f"{message}; start this one at {until:g} s or later"))
            if isinstance(action, WaypointsAction):
                until = start + _least_seconds(action, start, steady, stands if last < 0 else None)
            else:
                until = start + _duration(action, now)
            last = i
            now = getattr(action, "target", 0.0) if steered == "speed" else None
    return found


def _start(action: Action) -> float | None:
    """Second at which an action starts by the clock; None if something else starts it."""
    return 0.0 if action.when is None else action.when.time


def _duration(action: Action, speed: float | None) -> float:
    """Seconds that an action takes if it starts at `speed` (m/s); 0 where that cannot be said."""
    seconds = getattr(action, "seconds", None)
    rate = getattr(action, "rate", None)
    if seconds is not None:
        return float(seconds)
    if rate is None or speed is None:
        return 0.0
    peak = math.pi / 2 if getattr(action, "dynamics", "linear") == "sinusoidal" else 1.0
    return peak * abs(getattr(action, "target", 0.0) - speed) / float(rate)


def _least_seconds(action: WaypointsAction, start: float, speed: float | None, stands: Stand | None) -> float:
    """Seconds that waypoints take at least, in tenths; with `speed` (m/s) from where one that `stands` there has come by then.

    The way is at least that between the points in straight lines, driven at most as fast as anybody may.
    """
    points = list(action.waypoints)
    if speed is not None and stands is not None:
        ahead, left, heading = stands[0], stands[1], math.radians(stands[2])
        points.insert(0, (ahead + speed * start * math.cos(heading), left + speed * start * math.sin(heading)))
    metres = sum(math.dist(here, there) for here, there in pairwise(points))
    fastest = FASTEST if speed is None else speed
    return math.ceil(10 * metres / fastest) / 10 if fastest else 0.0


def is_divided(road: RoadSection) -> bool:
    """Whether something may stand between the two directions of travel, so that nobody drives over there."""
    return road.setting == "highway" or (road.setting == "city" and road.lanes > 1)


def _lanes(
    place: Location, actions: Sequence[AnyActionValue], road: RoadSection, left: float, heading: float
) -> list[Conflict]:
    """Lane changes to where no lane is, and of vehicles that stand across the lanes."""
    found = []
    turned = abs(math.remainder(heading, 360.0))
    lane = round(road.ego_lane - left / road.model().lane_width)
    lowest = 1 if is_divided(road) else 1 - road.lanes
    crossing = ALONG < turned < 180.0 - ALONG
    for i, action in enumerate(actions):
        if isinstance(action, WaypointsAction):
            crossing, lane = False, round(road.ego_lane - action.waypoints[-1][1] / road.model().lane_width)
        if not isinstance(action, LaneChangeAction):
            continue
        spot: Location = (*place, "actions", i)
        if crossing:
            found.append(Conflict(spot, f"a vehicle across the lanes (heading {heading:g}) has no lane to change; give waypoints"))
        elif action.lane is not None:
            lane = action.lane
            if lane > road.lanes:
                message = f"there is no lane {lane}: the road has lanes: {road.lanes}; choose another"
                found.append(Conflict((*spot, "lane"), message))
        elif action.by is not None and not (turned > 90 and is_divided(road)):
            lane += action.by if turned > 90 else -action.by
            if not lowest <= lane <= road.lanes:
                side = "left" if lane < lowest else "right"
                message = f"there is no lane {abs(action.by)} to that side: the lanes end on the {side}; choose another"
                found.append(Conflict((*spot, "by"), message))
    return found
