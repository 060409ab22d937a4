"""Events: now and then the ego wants another speed, its whole direction stops at a line ahead, or everybody slows down."""

from __future__ import annotations

import math

import numpy as np

from drivesim.traffic.drivers import LENGTHS, braking_distance
from drivesim.traffic.state import ONCOMING, Traffic

_STOPPING = 2.3  # m/s^2: who would have to brake harder for a line passes it


def can_stop(room: np.ndarray | float, speed: np.ndarray | float) -> np.ndarray:
    """Whether a vehicle of this speed (m/s) stops without haste within `room` m from its bumper."""
    return np.asarray(room > braking_distance(speed, _STOPPING) + 3.0)


def draw_events(traffic: Traffic) -> None:
    """Ends the stop that is due, and draws the next event when its time has come (in place)."""
    if math.isfinite(traffic.stop_s) and traffic.time >= traffic.stop_until:
        traffic.stop_s = math.inf
        traffic.vehicles.stops[:] = False
    if traffic.time < traffic.next_event:
        return
    rng = traffic.rng
    traffic.next_event = traffic.time + float(rng.uniform(4.0, 12.0))
    traffic.ego_pace = float(np.clip(rng.normal(0.95, 0.13), 0.6, 1.12))
    urban = traffic.road.setting in ("city", "residential")
    if math.isinf(traffic.stop_s) and rng.random() < (0.30 if urban else 0.04):
        _draw_stop(traffic)
    elif rng.random() < 0.15:
        traffic.pace = float(rng.uniform(0.45, 0.9))
    else:
        traffic.pace += 0.6 * (1.0 - traffic.pace)


def _draw_stop(traffic: Traffic) -> None:
    """A stop line ahead of the ego, for everybody of its direction who can still stop."""
    vehicles, rng, n = traffic.vehicles, traffic.rng, traffic.driving
    near = float(braking_distance(vehicles.speed[0], 1.8)) + 8.0
    traffic.stop_s = float(vehicles.s[0]) + near + float(rng.uniform(0.0, 30.0))
    traffic.stop_until = traffic.time + float(rng.uniform(5.0, 16.0))
    room = traffic.stop_s - vehicles.s[:n] - 0.5 * LENGTHS[vehicles.kind[:n]]
    vehicles.stops[:n] = (vehicles.lane[:n] < ONCOMING) & can_stop(room, vehicles.speed[:n])
