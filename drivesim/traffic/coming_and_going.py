"""Vehicles leave the window around the ego and come back at one of its ends as others, out of sight."""

from __future__ import annotations

import math

import numpy as np

from drivesim.traffic.drivers import LENGTHS, draw_kinds
from drivesim.traffic.events import can_stop
from drivesim.traffic.state import AHEAD, BEHIND, GONE, INDICATING, ONCOMING, Traffic, lane_bits


def come_and_go(traffic: Traffic) -> None:
    """Takes away who left the window, and brings others where there is room (in place)."""
    vehicles, rng, n = traffic.vehicles, traffic.rng, traffic.driving
    ahead = vehicles.s - vehicles.s[0]
    out = (ahead < BEHIND) | (ahead > AHEAD)
    out[0] = False
    for row in np.flatnonzero(out[:n]):
        vehicles.s[row] = GONE - 50.0 * row  # out of each other's way, with no wish to drive
        vehicles.speed[row] = vehicles.accel[row] = vehicles.desired[row] = 0.0
        _enter(traffic, int(row))
    for row in n + np.flatnonzero(out[n:] & (ahead[n:] < BEHIND)):
        side = np.flatnonzero((vehicles.d[n:] > 0) == (vehicles.d[row] > 0)) + n
        gap = float(rng.choice([rng.uniform(5.5, 7.5), rng.uniform(12, 30)], p=[0.7, 0.3]))
        vehicles.s[row] = max(float(vehicles.s[side].max()) + gap, float(vehicles.s[0]) + AHEAD - 20.0)
        rename(traffic, int(row), parked=True)


def rename(traffic: Traffic, row: int, parked: bool = False) -> None:
    """Makes the vehicle of a row another one, of any kind (in place)."""
    traffic.vehicles.kind[row] = draw_kinds(traffic.road.setting, 1, traffic.rng, parked)[0]
    traffic.vehicles.track[row] = traffic.next_track
    traffic.next_track += 1


def _enter(traffic: Traffic, row: int) -> None:
    """Tries one random place for a driving row; it stays GONE where a bumper gap would be too small."""
    vehicles, rng = traffic.vehicles, traffic.rng
    oncoming = bool(vehicles.lane[row] >= ONCOMING)
    lanes = traffic.oncoming_lanes if oncoming else traffic.road.lanes
    lane = (ONCOMING if oncoming else 1) + int(rng.integers(lanes))
    rename(traffic, row)
    vehicles.lane[row] = vehicles.target[row] = lane
    desired = float(traffic.draw_desired(vehicles.kind[row : row + 1], vehicles.lane[row : row + 1])[0])
    behind = not oncoming and desired * traffic.pace > vehicles.speed[0]
    s = float(vehicles.s[0]) + (BEHIND + 2.0 if behind else AHEAD - float(rng.uniform(1.0, 15.0)))
    speed = entering_speed(traffic, row, s, desired * traffic.pace)
    if speed is None:
        return
    vehicles.s[row], vehicles.speed[row], vehicles.desired[row] = s, speed, desired
    vehicles.accel[row], vehicles.braking[row] = 0.0, False
    vehicles.indicator[row], vehicles.progress[row] = 0, INDICATING
    vehicles.d[row] = float(traffic.lane_d(lane)) + vehicles.offset[row]
    vehicles.heading[row] = math.pi if oncoming else 0.0
    line = traffic.stop_s - s - 0.5 * LENGTHS[vehicles.kind[row]]
    vehicles.stops[row] = not oncoming and math.isfinite(traffic.stop_s) and can_stop(line, speed)


def entering_speed(traffic: Traffic, row: int, s: float, speed: float) -> float | None:
    """At most `speed` (m/s), slower behind a slow leader; None where there is no room for the row at s in its lane."""
    vehicles, n = traffic.vehicles, traffic.driving
    taken = lane_bits(vehicles.lane[:n], vehicles.target[:n]) & (1 << int(vehicles.lane[row])) != 0
    taken[row] = False
    apart = (vehicles.s[:n] - s) * (-1.0 if vehicles.lane[row] >= ONCOMING else 1.0)
    bumpers = 0.5 * (LENGTHS[vehicles.kind[:n]] + LENGTHS[vehicles.kind[row]])
    gaps = np.where(taken, np.abs(apart) - bumpers, np.inf)
    front, back = np.where(apart > 0, gaps, np.inf), np.where(apart <= 0, gaps, np.inf)
    if np.isfinite(front.min()):
        reach = math.sqrt(2.0 * max(float(front.min()) - 4.0, 0.0))
        speed = min(speed, float(vehicles.speed[front.argmin()]) + reach)
    follower = float(vehicles.speed[back.argmin()]) if np.isfinite(back.min()) else 0.0
    room_back = 4.0 + 1.0 * follower + max(0.0, follower - speed) ** 2 / 3.0
    return None if front.min() < 6.0 + 1.0 * speed or back.min() < room_back else speed
