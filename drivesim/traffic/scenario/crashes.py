"""Crashes that a script forces: of those who do what they are told and do not look."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

import numpy as np
from shapely import Polygon

from drivesim.scenario.actions import EGO
from drivesim.scenario.rules_of_placement import MAX_OVERLAP, Conflict
from drivesim.scenario.scenario import Scenario
from drivesim.scenario.sections import PlacedVehicle
from drivesim.scene.boxes import cuboid_corners
from drivesim.scene.vehicles import KINDS, SIZES
from drivesim.traffic.scenario.states import scenario_traffic
from drivesim.traffic.scenario.triggers import middle
from drivesim.traffic.simulation import advance
from drivesim.traffic.state import Roadway, Traffic

_EVERY = 0.1  # s between looks


def forced_crashes(scenario: Scenario) -> list[Conflict]:
    """A remark for each two whom their script, or one's script and the other's standing still, drives into each other.

    The seconds are those of drivers who are not scripted keeping their speed; crashes with these are not forced.
    """
    alone = scenario.model_copy(update={"traffic": "scripted"})
    road = scenario.road_model()
    traffic = scenario_traffic(alone, 0, 0, Roadway(road.lanes, road.lane_center(0), (), True))
    told = [row for row in range(len(traffic.vehicles.s)) if _is_told(scenario, traffic, row)]
    if not any(row < traffic.driving for row in told):
        return []
    found, crashed = [], set[tuple[int, int]]()
    for time in _looks(scenario.rollout.seconds):
        for pair in _touching(traffic, told):
            if pair not in crashed:
                crashed.add(pair)
                found.append(_remark(scenario, traffic, pair, time))
        advance(traffic, _EVERY)
    return found


def _looks(seconds: float) -> Iterator[float]:
    yield from (k * _EVERY for k in range(round(seconds / _EVERY) + 1))


def _is_told(scenario: Scenario, traffic: Traffic, row: int) -> bool:
    """Whether a row does what the script says, or stands for good, in the scenario's own traffic."""
    if row == 0:
        return bool(scenario.ego.actions) or scenario.traffic == "scripted"
    vehicle = scenario.vehicles[traffic.vehicles.track[row]]
    actions = isinstance(vehicle, PlacedVehicle) and bool(vehicle.actions)
    return row >= traffic.driving or traffic.vehicles.lane[row] == 0 or actions or scenario.traffic == "scripted"


def _outline(traffic: Traffic, row: int) -> Polygon:
    vehicles = traffic.vehicles
    length, width, height = SIZES[KINDS[vehicles.kind[row]]]
    yaw = vehicles.heading[row]
    cuboid = np.array([middle(traffic, row), vehicles.d[row], height / 2, length, width, height, yaw])
    return Polygon(cuboid_corners(cuboid)[[0, 2, 6, 4], :2])


def _touching(traffic: Traffic, rows: list[int]) -> Iterator[tuple[int, int]]:
    vehicles = traffic.vehicles
    for a, b in combinations(rows, 2):
        near = max(abs(vehicles.s[a] - vehicles.s[b]), abs(vehicles.d[a] - vehicles.d[b])) < 13.0
        if near and _outline(traffic, a).intersection(_outline(traffic, b)).area > MAX_OVERLAP:
            yield a, b


def _remark(scenario: Scenario, traffic: Traffic, pair: tuple[int, int], time: float) -> Conflict:
    tracks = [int(traffic.vehicles.track[row]) for row in pair]
    names = [EGO if track < 0 else _name(scenario, track) for track in tracks]
    last = max(tracks)
    key = "actions" if getattr(scenario.vehicles[last], "actions", ()) else "kind"
    message = f"{names[0]} and {names[1]} crash into each other at {time:.1f} s, as the script has it"
    return Conflict(("vehicles", last, key), message)


def _name(scenario: Scenario, track: int) -> str:
    vehicle = scenario.vehicles[track]
    name = vehicle.name if isinstance(vehicle, PlacedVehicle) else None
    return f'"{name}"' if name else f"vehicle {track + 1} ({vehicle.kind})"
