"""The traffic of a scenario: a pure function of scenario, seed, future and time."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from drivesim.scenario.actions import EGO
from drivesim.scenario.scenario import Scenario
from drivesim.scenario.sections import PlacedVehicle, Vehicle
from drivesim.scene.camera import Camera
from drivesim.scene.road import Road
from drivesim.scene.vehicles import KINDS, SIZES, Placement
from drivesim.traffic.drivers import DESIRED_SPEED, HEAVY
from drivesim.traffic.sampling import set_speeds
from drivesim.traffic.scenario.actor import Actor, nearest_direction
from drivesim.traffic.scenario.companions import Companions
from drivesim.traffic.scenario.director import ScenarioDirector, SlightTurns, lanes_taken
from drivesim.traffic.scenario.first_traffic import Listed, companions_of, drawn_traffic
from drivesim.traffic.scenario.motion import SpeedChange
from drivesim.traffic.simulation import Snapshot, snapshots
from drivesim.traffic.state import GONE, ONCOMING, Roadway, Traffic, VehicleStates
from drivesim.video_format import FRAME_HEIGHT, FRAME_WIDTH

_IN_LANE = 0.35  # of a lane's width beside its centre: who stands farther off is beside the lanes
_PARKS = 1.2  # m from the middle of a parking strip within which who stands there is parked
_NEVER = 1e9
_SHORT = 0.15  # of a driver's headway at least: who is asked for close behind another is no reason to fall back at once


def scenario_states(
    scenario: Scenario, seed: int, future: int, roadway: Roadway, frames: int, fps: float
) -> Iterator[Snapshot]:
    """Ego (row 0) and vehicles at the time of each frame. Vehicle i of the scenario has track i, drawn ones have higher ones.

    At time 0 all stand where the scenario says, and drawn ones are the same in every future; who is scripted does the same
    in every future, unless it waits for one who is not. Where traffic is free, all but the ego are unknown from the
    second frame on: they are left out.
    """
    traffic = scenario_traffic(scenario, seed, future, roadway)
    for frame, now in enumerate(snapshots(traffic, frames, fps)):
        yield _ego_alone(now) if scenario.traffic == "free" and frame else now


def _ego_alone(now: Snapshot) -> Snapshot:
    return replace(now, **{name: value[:1] for name, value in vars(now).items()})


def scenario_traffic(scenario: Scenario, seed: int, future: int, roadway: Roadway) -> Traffic:
    """The traffic at time 0, which drives on as `simulation.advance` says."""
    road = scenario.road_model()
    listed = [place for i, vehicle in enumerate(scenario.vehicles) if (place := _listed(i, vehicle, scenario, roadway))]
    still, alike = np.random.default_rng([seed, 61]), np.random.default_rng([seed, future, 60])
    drawn = drawn_traffic(scenario, listed, roadway, still, alike) if scenario.traffic == "simulated" else []
    everybody = sorted(listed, key=lambda one: one.lane < 0) + drawn
    everybody.sort(key=lambda one: one.standing)  # a stable sort: who stands for good comes last
    kind = np.array([KINDS.index("sedan")] + [one.kind for one in everybody], np.int64)
    lane = np.array([road.ego_lane] + [max(one.lane, 0) for one in everybody], np.int64)
    vehicles = VehicleStates.drawn(kind, lane, alike)
    driving = 1 + sum(not one.standing for one in everybody)
    traffic = Traffic(road, roadway.oncoming_lanes, roadway.oncoming_offset, vehicles, driving, alike)
    vehicles.track[1:] = [one.track for one in everybody]
    traffic.next_track = max([len(scenario.vehicles), *(one.track + 1 for one in everybody)])
    vehicles.s[:] = [0.0, *(one.s for one in everybody)]
    vehicles.d[1:] = [one.d for one in everybody]
    vehicles.heading[1:] = [one.heading for one in everybody]
    traffic.next_event = _NEVER
    _set_drivers(scenario, traffic, everybody)
    traffic.director = _director(scenario, traffic, everybody, roadway)
    return traffic


def is_scripted(scenario: Scenario, vehicle: Vehicle | None) -> bool:
    """Whether a vehicle that is in a lane (None: the ego) does what the script says alone."""
    if vehicle is None:
        return bool(scenario.ego.actions) or scenario.traffic != "simulated"
    return scenario.traffic != "simulated" or (isinstance(vehicle, PlacedVehicle) and bool(vehicle.actions))


def _listed(index: int, vehicle: Vehicle, scenario: Scenario, roadway: Roadway) -> Listed | None:
    """A vehicle of the scenario; None if its pixel box stands above the horizon."""
    road = scenario.road_model()
    place = placement_of(vehicle, road, scenario.camera_model())
    if place is None:
        return None
    heading = math.radians(place.heading)
    lane = lane_of(place, road, roadway)
    moves = isinstance(vehicle, PlacedVehicle) and (bool(vehicle.actions) or bool(vehicle.speed))
    scripted = moves if lane == 0 else is_scripted(scenario, vehicle)
    speed = vehicle.speed if isinstance(vehicle, PlacedVehicle) else None
    if speed is None and (lane == 0 or scripted):
        low, high = DESIRED_SPEED[road.setting]
        speed = 0.0 if lane == 0 else 0.5 * (low + high) if lane >= ONCOMING else scenario.ego.speed
    kind = KINDS.index(place.kind)
    length, width, _ = SIZES[place.kind]
    across = 0.5 * (abs(math.sin(heading)) * length + abs(math.cos(heading)) * width) - 0.4
    right, left = road.lane_center(road.lanes) - road.lane_width / 2, road.lane_center(1) + road.lane_width / 2
    stands = lane == 0 and not moves
    in_the_way = stands and right < place.left + across and place.left - across < left  # then drivers must see it
    return Listed(index, kind, place.ahead, place.left, heading, lane, speed, scripted or in_the_way, stands and not in_the_way)


def placement_of(vehicle: Vehicle, road: Road, camera: Camera) -> Placement | None:
    """Where a vehicle is; one given by its box stands where the ground is at the box's lower edge. None above the horizon."""
    if isinstance(vehicle, PlacedVehicle):
        return vehicle.placement()
    left, _, right, bottom = vehicle.box
    place = camera.ground((left + right) / 2 / FRAME_WIDTH, bottom / FRAME_HEIGHT)
    if place is None:
        return None
    ahead, beside = road.from_plane(place)
    half = 0.5 * SIZES[vehicle.kind][0] * abs(math.cos(math.radians(vehicle.heading)))
    turned = vehicle.heading - math.degrees(float(road.heading(ahead)))
    return Placement(ahead + half, beside, turned, vehicle.kind)


def lane_of(place: Placement, road: Road, roadway: Roadway) -> int:
    """The lane that a vehicle drives in; 0 if it stands beside the lanes or across them."""
    direction = nearest_direction(math.radians(place.heading))
    if direction is None:
        return 0
    if math.cos(direction) > 0:
        off = road.ego_lane - place.left / road.lane_width
        lane = round(off)
        return lane if 1 <= lane <= road.lanes and abs(off - lane) < _IN_LANE else 0
    off = (place.left - roadway.oncoming_offset) / road.lane_width
    lane = min(max(round(off), 0), roadway.oncoming_lanes - 1)
    if roadway.oncoming_lanes == 0 or any(abs(place.left - d) < _PARKS for d in roadway.parking):
        return 0
    # where the other direction is, behind a kerb or a median, a scenario does not say: who comes from there drives
    median = (roadway.oncoming_offset - road.lane_center(0)) / road.lane_width
    return ONCOMING + lane if -median - 0.5 < off - lane < 0.6 else 0


def _set_drivers(scenario: Scenario, traffic: Traffic, everybody: list[Listed]) -> None:
    """Desired and first speeds: about those of the scenario, else about the ego's, as traffic there drives (in place)."""
    vehicles, n, rng, speed = traffic.vehicles, traffic.driving, traffic.rng, scenario.ego.speed
    natural = traffic.draw_desired(vehicles.kind[:n], vehicles.lane[:n])
    rank = 0.5 - (vehicles.lane[:n] - traffic.road.ego_lane) / max(traffic.road.lanes, 2)
    with_ego = speed * (rng.uniform(0.96, 1.16, n) + 0.06 * np.clip(rank - 0.5, -1.0, 1.0))
    heavy = np.where(HEAVY[vehicles.kind[:n]], 0.78, 1.05) * DESIRED_SPEED[traffic.road.setting][1]
    against = vehicles.lane[:n] >= ONCOMING
    vehicles.desired[:n] = np.where(against | (speed <= 0), natural, np.minimum(with_ego, np.maximum(heavy, 0.8 * speed)))
    vehicles.desired[0] = vehicles.speed[0] = speed
    fixed = {0}
    for row, one in enumerate(everybody[: n - 1], 1):
        if one.speed is not None:
            vehicles.speed[row], vehicles.desired[row] = one.speed, one.speed * float(rng.uniform(0.95, 1.06))
            fixed.add(row)
    set_speeds(traffic, frozenset(fixed), _SHORT)
    wander = 0.04 * np.sin(2.4 * vehicles.track[:n])  # as steer has it at time 0, so that nobody jumps
    wander[0] = 0.0
    here = vehicles.s[:n] > GONE / 2
    vehicles.offset[:n] = np.where(here, vehicles.d[:n] - traffic.lane_d(vehicles.lane[:n]) - wander, vehicles.offset[:n])


def _director(scenario: Scenario, traffic: Traffic, everybody: list[Listed], roadway: Roadway) -> ScenarioDirector:
    vehicles, road = traffic.vehicles, traffic.road
    actors, turned = [], []
    if is_scripted(scenario, None):
        change = SpeedChange(0.0, scenario.ego.speed, scenario.ego.speed)
        actors.append(Actor(0, 0.0, 0.0, 0.0, change, list(scenario.ego.actions)))
    names = {EGO: (0, -1)}
    for row, one in enumerate(everybody, 1):
        vehicle = scenario.vehicles[one.track] if one.track < len(scenario.vehicles) else None
        if isinstance(vehicle, PlacedVehicle) and vehicle.name is not None:
            names[vehicle.name] = (row, one.track)
        if one.scripted:
            actions = list(vehicle.actions) if isinstance(vehicle, PlacedVehicle) else []
            change = SpeedChange(0.0, float(vehicles.speed[row]), float(vehicles.speed[row]))
            actors.append(Actor(row, one.s, one.d, one.heading, change, actions))
        elif not one.standing:
            turned.append((row, math.remainder(one.heading - (math.pi if one.lane >= ONCOMING else 0.0), 2 * math.pi)))
    for actor in actors:
        vehicles.patience[actor.row] = math.inf
        vehicles.lane[actor.row], vehicles.target[actor.row] = lanes_taken(traffic, actor.row)
    rows, turns = np.array([row for row, _ in turned], np.int64), np.array([turn for _, turn in turned])
    companions: Companions | None = None
    if scenario.traffic == "simulated":
        companions = companions_of(scenario, traffic, everybody, roadway)
    turn = SlightTurns(rows, turns, np.zeros(len(rows)))
    return ScenarioDirector(road, scenario.camera_model(), actors, names, turn, companions, traffic.rng)
