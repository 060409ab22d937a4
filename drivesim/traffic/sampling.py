"""The first state of the traffic: who is where, how fast, and now and then a special situation."""

from __future__ import annotations

import math
from typing import Literal, get_args

import numpy as np

from drivesim.scene.road import Road
from drivesim.scene.vehicles import KINDS
from drivesim.traffic.drivers import DESIRED_SPEED, HEAVY, LENGTHS, draw_kinds
from drivesim.traffic.lane_changes import steer
from drivesim.traffic.state import AHEAD, BEHIND, ONCOMING, Traffic, VehicleStates

Start = Literal["usual", "lead", "beside", "jam", "oncoming truck", "red light", "empty"]
STARTS: tuple[Start, ...] = get_args(Start)
_START_SHARES = (0.46, 0.14, 0.14, 0.09, 0.06, 0.07, 0.04)
PARKED_ROOM = 2.5  # m at least between the centres of a lane and of the cars parked beside it
_MOST_OWN, _MOST_ONCOMING, _MOST_PARKED = 34, 12, 24
_TRUCK, _SEDAN = KINDS.index("truck"), KINDS.index("sedan")


def sample_traffic(
    road: Road,
    rng: np.random.Generator,
    density: float,
    oncoming_lanes: int = 0,
    oncoming_offset: float = 0.0,
    parked: bool = False,
    parked_offsets: tuple[float, ...] = (),
    ego_speed: float | None = None,
    start: Start | None = None,
) -> Traffic:
    """Random traffic on `road` at time 0, the ego at s = 0.

    `density` from 0 (nearly empty) to 1 (as full as it flows); `oncoming_offset` m left of the ego's lane centre to the
    centre of the nearest of `oncoming_lanes`; `parked_offsets` are the d at which cars park if `parked` (moved to
    PARKED_ROOM from the nearest lane if they are closer); `ego_speed` m/s that the ego would like; `start` fixes the
    situation, otherwise one is drawn. The traffic keeps a generator of its own, seeded from `rng`.
    """
    own = np.random.default_rng(rng.integers(1 << 63))
    if start is None:
        start = STARTS[own.choice(len(STARTS), p=_START_SHARES)]
    if (start == "oncoming truck" and oncoming_lanes == 0) or (start == "red light" and road.setting == "highway"):
        start = "usual"
    places = _places(road, own, density, oncoming_lanes, start)
    still = _parked_places(own, parked_offsets) if parked else []
    moving = len(places)
    lane = np.array([p[0] for p in places] + [0] * len(still))
    kind = np.array([p[2] for p in places] + draw_kinds(road.setting, len(still), own, parked=True).tolist())
    vehicles = VehicleStates.drawn(kind.astype(np.int64), lane.astype(np.int64), own)
    vehicles.s[:] = [p[1] for p in places] + [s for s, _ in still]
    vehicles.d[moving:] = [_off_the_lanes(road, oncoming_lanes, oncoming_offset, d) for _, d in still]
    vehicles.d[moving:] += np.sign(vehicles.d[moving:]) * np.abs(np.clip(own.normal(0, 0.05, len(still)), -0.12, 0.12))
    with_traffic = np.where((vehicles.d[moving:] > 0) & (own.random(len(still)) < 0.85), math.pi, 0.0)
    vehicles.heading[moving:] = with_traffic + np.clip(own.normal(0, 0.01, len(still)), -0.02, 0.02)
    vehicles.offset[0] = 0.0
    traffic = Traffic(road, oncoming_lanes, oncoming_offset, vehicles, moving, own, next_track=len(kind) - 1)
    traffic.next_event = float(own.uniform(1.0, 9.0))
    traffic.pace = float(own.uniform(0.08, 0.35)) if start == "jam" else float(own.uniform(0.85, 1.05))
    low, high = DESIRED_SPEED[road.setting]
    vehicles.desired[:moving] = traffic.draw_desired(vehicles.kind[:moving], vehicles.lane[:moving])
    vehicles.desired[0] = float(np.clip(own.uniform(low, high) if ego_speed is None else ego_speed, 0.0, 33.0))
    if start == "red light":
        traffic.stop_s, traffic.stop_until = float(own.uniform(4.0, 45.0)), float(own.uniform(1.5, 9.0))
        vehicles.stops[:moving] = (vehicles.lane[:moving] < ONCOMING) & (
            vehicles.s[:moving] + 0.5 * LENGTHS[vehicles.kind[:moving]] < traffic.stop_s
        )
    set_speeds(traffic)
    steer(traffic, 0.0)
    return traffic


def _off_the_lanes(road: Road, oncoming_lanes: int, oncoming_offset: float, d: float) -> float:
    """`d` moved outward where a parked van and a passing bus would touch."""
    right = road.lane_center(road.lanes)
    left = oncoming_offset + (oncoming_lanes - 1) * road.lane_width if oncoming_lanes else road.lane_center(1)
    return max(d, left + PARKED_ROOM) if d > 0.5 * (left + right) else min(d, right - PARKED_ROOM)


def _places(
    road: Road, rng: np.random.Generator, density: float, oncoming_lanes: int, start: Start
) -> list[tuple[int, float, int]]:
    """Lane, s and kind of every moving vehicle, the ego first; nobody within another."""
    special: list[tuple[int, float, int]] = []
    wanted: list[tuple[int, float, int]] = []
    fastest = 0.5 * sum(DESIRED_SPEED[road.setting])

    def any_kind() -> int:
        return int(draw_kinds(road.setting, 1, rng)[0])

    if start == "lead":
        kind = any_kind()
        near, far = (6.0, 18.0) if road.setting == "highway" else (3.5, 10.0)
        bumpers = 0.5 * float(LENGTHS[_SEDAN] + LENGTHS[kind])
        special.append((road.ego_lane, bumpers + float(rng.uniform(near, far)), kind))
    if start == "beside":
        sides = [lane for lane in (road.ego_lane - 1, road.ego_lane + 1) if 1 <= lane <= road.lanes]
        special += [(lane, float(rng.uniform(5.0, 13.0)), any_kind()) for lane in sides if rng.random() < 0.8]
    if start == "oncoming truck":
        special.append((ONCOMING, float(rng.uniform(14.0, 45.0)), _TRUCK))
    if start != "empty":
        for lane in range(1, road.lanes + 1):
            per_km = 80.0 if start == "jam" else (2.0 + 48.0 * density**1.3) * float(rng.uniform(0.6, 1.3))
            for s in _spread(rng, per_km, fastest):
                kind = any_kind()
                wanted.append((lane, s, _SEDAN if HEAVY[kind] and lane == 1 < road.lanes else kind))
    for lane in range(ONCOMING, ONCOMING + oncoming_lanes):
        per_km = (1.0 + 34.0 * density) * float(rng.uniform(0.1 if start == "empty" else 0.4, 1.0))
        wanted += [(lane, s, any_kind()) for s in _spread(rng, per_km, fastest)]
    kept: list[tuple[int, float, int]] = [(road.ego_lane, 0.0, _SEDAN)]
    for lane, s, kind in special + sorted(wanted, key=lambda place: abs(place[1] - 25.0)):
        limit = _MOST_ONCOMING if lane >= ONCOMING else _MOST_OWN
        apart = 2.6 if start == "jam" or len(kept) <= len(special) else 4.0 + 0.15 * fastest
        same_way = sum((k[0] >= ONCOMING) == (lane >= ONCOMING) for k in kept)
        clear = all(k[0] != lane or abs(k[1] - s) > 0.5 * (LENGTHS[k[2]] + LENGTHS[kind]) + apart for k in kept)
        if clear and same_way < limit:
            kept.append((lane, s, kind))
    return kept


def _spread(rng: np.random.Generator, per_km: float, fastest: float) -> list[float]:
    """Random places along one lane: platoons, not a grid, with the room that the speed of so full a lane needs."""
    mean, out = 1000.0 / per_km, []
    least = 7.0 + 0.6 * min(fastest, max(mean - 9.0, 0.0) / 0.9)
    s = BEHIND + float(rng.uniform(1.0, min(mean, 120.0)))
    while s < AHEAD - 5.0:
        out.append(s)
        s += least + float(rng.exponential(max(mean - least, 1.0)))
    return out


def _parked_places(rng: np.random.Generator, offsets: tuple[float, ...]) -> list[tuple[float, float]]:
    """s and d of parked cars: rows with gaps, fuller on some streets than on others."""
    out: list[tuple[float, float]] = []
    for d in offsets:
        taken, s = float(rng.uniform(0.45, 0.95)), BEHIND + float(rng.uniform(0, 8))
        count = 0
        while s < AHEAD and count < _MOST_PARKED:
            if rng.random() < taken:
                out.append((s, d))
                count += 1
            s += float(rng.uniform(6.6, 8.2))
    return out


def set_speeds(traffic: Traffic, fixed: frozenset[int] = frozenset(), headway: float = 0.45) -> None:
    """Start speeds that need no emergency braking: every lane from its front to its back (in place).

    Rows `fixed` keep theirs; others keep `headway` of the one that their drivers would like.
    """
    vehicles, n = traffic.vehicles, traffic.driving
    wanted = vehicles.desired[:n] * traffic.pace
    for lane in np.unique(vehicles.lane[:n]):
        sign = -1.0 if lane >= ONCOMING else 1.0
        members = np.flatnonzero(vehicles.lane[:n] == lane)
        leader = -1
        for row in members[np.argsort(-sign * vehicles.s[members])]:
            speed, half = float(wanted[row]), 0.5 * LENGTHS[vehicles.kind[row]]
            if leader >= 0:
                gap = abs(float(vehicles.s[leader] - vehicles.s[row])) - half - 0.5 * LENGTHS[vehicles.kind[leader]]
                room = max(gap - 0.8 * float(vehicles.standstill[row]), 0.0)
                speed = min(speed, room / (headway * float(vehicles.headway[row])))
                speed = min(speed, float(vehicles.speed[leader]) + math.sqrt(room))
            if vehicles.stops[row]:
                speed = min(speed, math.sqrt(3.0 * max(traffic.stop_s - float(vehicles.s[row]) - half - 1.0, 0.0)))
            vehicles.speed[row] = vehicles.speed[row] if int(row) in fixed else speed
            leader = int(row)
    vehicles.braking[:n] = vehicles.speed[:n] < 0.4
