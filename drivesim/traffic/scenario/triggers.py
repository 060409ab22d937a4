"""When a trigger fires: at a time, or once a distance or a time to collision has fallen to its value."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from drivesim.scenario.actions import EGO, Trigger
from drivesim.scenario.rules_of_placement import EGO_CUBOID
from drivesim.scene.vehicles import SIZE_TABLE
from drivesim.traffic.state import Traffic


def due(
    when: Trigger | None, traffic: Traffic, row: int, names: Mapping[str, tuple[int, int]], dt: float
) -> float | None:
    """Second at which what waits for `when` starts, if it starts within `dt` s from the time of `traffic`."""
    if when is None or when.time is not None:
        at = 0.0 if when is None else float(when.time or 0.0)
        return at if at < traffic.time + dt - 1e-9 else None
    other, track = names.get(when.to or EGO, (-1, -1))
    if other < 0 or traffic.vehicles.track[other] != track:
        return None
    if when.distance is not None:
        return traffic.time if outline_distance(traffic, row, other) <= when.distance else None
    return traffic.time if time_to_collision(traffic, row, other) <= (when.time_to_collision or 0.0) else None


def extents(traffic: Traffic, row: int) -> tuple[float, float]:
    """Half of a vehicle's extent along and across the road (m)."""
    length, width, _ = SIZE_TABLE[traffic.vehicles.kind[row]]
    c, n = abs(math.cos(traffic.vehicles.heading[row])), abs(math.sin(traffic.vehicles.heading[row]))
    return 0.5 * (length * c + width * n), 0.5 * (length * n + width * c)


def middle(traffic: Traffic, row: int) -> float:
    """s (m) of a vehicle's middle. That of the ego is behind its camera, which is where its own s is."""
    return float(traffic.vehicles.s[row]) + (float(EGO_CUBOID[0]) if row == 0 else 0.0)


def outline_distance(traffic: Traffic, row: int, other: int) -> float:
    """Metres between the outlines of two vehicles; of one that is turned, the upright rectangle around it counts."""
    (a_along, a_across), (b_along, b_across) = extents(traffic, row), extents(traffic, other)
    vehicles = traffic.vehicles
    along = abs(middle(traffic, other) - middle(traffic, row)) - a_along - b_along
    across = abs(vehicles.d[other] - vehicles.d[row]) - a_across - b_across
    return math.hypot(max(along, 0.0), max(across, 0.0))


def time_to_collision(traffic: Traffic, row: int, other: int) -> float:
    """Seconds until two vehicles meet along the road, in whatever lanes, if neither changes its speed; inf if never."""
    vehicles = traffic.vehicles
    apart = middle(traffic, other) - middle(traffic, row)
    gap = abs(apart) - extents(traffic, row)[0] - extents(traffic, other)[0]
    along = vehicles.speed[[row, other]] * np.cos(vehicles.heading[[row, other]])
    closing = float(along[0] - along[1]) * math.copysign(1.0, apart)
    return gap / closing if gap > 0 and closing > 0.1 else math.inf
