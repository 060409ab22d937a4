"""The moments of a scenario: its vehicles as they are placed, driven on by the traffic, beside a roadside of its seed."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from drivesim.layout.scene_at import SceneAt, Vehicles
from drivesim.roadside.cross_section import CrossSection
from drivesim.roadside.roadside import Roadside
from drivesim.roadside.style import Style
from drivesim.scenario.scenario import Scenario
from drivesim.scenario.sections import PlacedVehicle
from drivesim.scenario.sections import Vehicle as AskedVehicle
from drivesim.scene.camera import Camera
from drivesim.scene.geometry import Pose
from drivesim.scene.road import Road
from drivesim.scene.vehicles import KINDS, SIZES, Placement
from drivesim.traffic.lamps import lamps
from drivesim.traffic.paint import paints
from drivesim.traffic.simulation import Snapshot, snapshots
from drivesim.traffic.state import ONCOMING, Traffic
from drivesim.traffic.state import Vehicles as Drivers
from drivesim.video_format import FRAME_HEIGHT, FRAME_WIDTH

_IN_LANE = 0.35  # of a lane's width beside its centre: who stands farther off, or across, is parked
_ALONG = math.radians(45.0)
_AHEAD, _BEHIND = 330.0, -40.0  # m from the ego within which vehicles are shown
_SIZE_TABLE = np.array([SIZES[kind] for kind in KINDS])


def scenario_moments(scenario: Scenario, future: int, frames: int, fps: float, seed: int) -> Iterator[SceneAt]:
    """The scene at the time of each frame of a future: the same roadside in all of them, the drivers' temper in each its own.

    Asked vehicles keep their lanes' traffic rules from their places on; those beside the lanes or across them stand. The ego
    begins at the scenario's speed. Nobody else is on the road.
    """
    night = scenario.look.time_of_day == "night"
    roadside = scenario_roadside(scenario, seed)
    rng = np.random.default_rng([seed, future, 60])
    traffic = placed_traffic(scenario, roadside.section, rng)
    for frame, now in enumerate(snapshots(traffic, frames, fps)):
        yield _scene(roadside, scenario.camera_model(), now, night, seed, frame / fps)


def scenario_roadside(scenario: Scenario, seed: int) -> Roadside:
    """What stands along the road of a scenario."""
    setting, night = scenario.road.setting, scenario.look.time_of_day == "night"
    lit = night and setting in ("city", "residential")
    return Roadside.of(seed, scenario.road_model(), Style.of(seed).has_lamp_posts(setting, night, lit))


def placed_traffic(scenario: Scenario, section: CrossSection, rng: np.random.Generator) -> Traffic:
    """The traffic at the first frame: the ego, and the scenario's vehicles at their places."""
    road, speed = scenario.road_model(), scenario.ego.speed
    oncoming = section.near + section.lane_width / 2
    places = [place for vehicle in scenario.vehicles if (place := _placement(vehicle, road, scenario.camera_model()))]
    lanes = [_lane(place, road, section, oncoming) for place in places]
    order = sorted(range(len(places)), key=lambda i: lanes[i] == 0)  # who stands comes last
    kind = np.array([KINDS.index("sedan")] + [KINDS.index(places[i].kind) for i in order], np.int64)
    lane = np.array([road.ego_lane] + [lanes[i] for i in order], np.int64)
    drivers = Drivers.drawn(kind, lane, rng)
    driving = 1 + sum(one > 0 for one in lanes)
    traffic = Traffic(road, section.oncoming_lanes, oncoming, drivers, driving, rng, next_track=len(kind) - 1)
    traffic.next_event = math.inf
    drivers.track[1:] = order
    drivers.s[:] = [0.0] + [places[i].ahead for i in order]
    drivers.d[:] = [0.0] + [places[i].left for i in order]
    drivers.heading[:] = [0.0] + [math.radians(places[i].heading) for i in order]
    drive = slice(0, driving)
    drivers.offset[drive] = drivers.d[drive] - traffic.lane_d(lane[drive])
    drivers.desired[drive] = traffic.draw_desired(kind[drive], lane[drive])
    drivers.speed[drive] = np.where(lane[drive] >= ONCOMING, drivers.desired[drive], speed)
    drivers.desired[0] = speed
    return traffic


def _placement(vehicle: AskedVehicle, road: Road, camera: Camera) -> Placement | None:
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


def _lane(place: Placement, road: Road, section: CrossSection, oncoming: float) -> int:
    """The lane that a vehicle drives in; 0 if it stands beside the lanes or across them."""
    heading = abs(math.remainder(math.radians(place.heading), 2 * math.pi))
    off = road.ego_lane - place.left / road.lane_width
    lane = round(off)
    if heading < _ALONG and 1 <= lane <= road.lanes and abs(off - lane) < _IN_LANE:
        return lane
    off = (place.left - oncoming) / road.lane_width
    lane = round(off)
    if heading > math.pi - _ALONG and 0 <= lane < section.oncoming_lanes and abs(off - lane) < _IN_LANE:
        return ONCOMING + lane
    return 0


def _scene(roadside: Roadside, camera: Camera, now: Snapshot, night: bool, seed: int, time: float) -> SceneAt:
    x, y, heading = roadside.alignment.to_world(now.s, now.d)
    yaw = heading + now.heading
    pose = Pose(x[0], y[0], yaw[0])
    rows = 1 + np.flatnonzero((now.s[1:] > now.s[0] + _BEHIND) & (now.s[1:] < now.s[0] + _AHEAD))
    ahead, left = pose.inverse().to_outer(x[rows], y[rows])
    size = _SIZE_TABLE[now.kind[rows]]
    cuboid = np.column_stack([ahead, left, size[:, 2] / 2, size, yaw[rows] - yaw[0]])
    kind, track = now.kind[rows], now.track[rows]
    lit = lamps(track, now.braking[rows], now.indicator[rows], now.parked[rows], night, time)
    vehicles = Vehicles(track, kind, cuboid, paints(seed, kind, track), lit.bits)
    return SceneAt.beside(roadside, float(now.s[0]), pose, camera, vehicles)
