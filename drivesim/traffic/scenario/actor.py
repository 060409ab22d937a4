"""An actor of the script: it does its actions when their triggers say so, and nothing else."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np

from drivesim.scenario.actions import (
    AnyActionValue,
    LaneChangeAction,
    SpeedAction,
    StopAction,
    WaypointsAction,
)
from drivesim.scenario.rules_of_actions import ALONG
from drivesim.scene.road import Road
from drivesim.traffic.scenario.motion import Curve, LaneMove, SpeedChange
from drivesim.traffic.scenario.triggers import due
from drivesim.traffic.state import ONCOMING, Traffic

STRAIGHTENS = 6.0  # m within which most of a slight turn from the lane's direction is gone
_ALONG = math.radians(ALONG)  # up to which a vehicle drives in its lane


@dataclass
class Actor:
    """Where a scripted vehicle is: s, d (m) and heading (rad) in road coordinates, in row `row` of the traffic.

    `pending` actions have not started; `change` is the last change of its speed; `move` or `curve` steers it, if one of
    them is not None.
    """

    row: int
    s: float
    d: float
    heading: float
    change: SpeedChange
    pending: list[AnyActionValue] = field(default_factory=list)
    move: LaneMove | None = None
    curve: Curve | None = None
    started: list[tuple[float, AnyActionValue]] = field(default_factory=list)  # with the second of each

    def begin(self, traffic: Traffic, road: Road, names: Mapping[str, tuple[int, int]], dt: float) -> None:
        """Starts actions that are due within `dt` s; `names` gives the row and track of whom triggers name."""
        for action in list(self.pending):
            start = due(action.when, traffic, self.row, names, dt)
            if start is not None:
                self.pending.remove(action)
                self.started.append((start, action))
                self._start(action, start, road)

    def advance(self, time: float, dt: float) -> None:
        """Drives on from `time` for `dt` s."""
        metres = max(self.change.distance(time + dt) - self.change.distance(time), 0.0)
        if self.curve is not None:
            self.s, self.d, heading = self.curve.advance(metres)
            self.heading += math.remainder(heading - self.heading, 2 * math.pi)
            if self.curve.ended:
                self.curve = None
            return
        along = nearest_direction(self.heading)
        if along is None:
            self.s += metres * math.cos(self.heading)
            self.d += metres * math.sin(self.heading)
            return
        self._drive_along(along, metres, time, dt)

    def _drive_along(self, along: float, metres: float, time: float, dt: float) -> None:
        if self.move is not None:
            sideways = self.move.advance(time, time + dt, self.change.speed(time + dt))
        else:
            askew = math.remainder(self.heading - along, 2 * math.pi) * math.exp(-metres / STRAIGHTENS)
            sideways = metres * math.sin(along + askew)
        forward = math.copysign(math.sqrt(max(metres**2 - sideways**2, 0.0)), math.cos(along))
        self.s += forward
        self.d += sideways
        if metres > 1e-9:
            self.heading = math.atan2(sideways, forward) if sideways else along
            self.heading += 2 * math.pi * round((along - self.heading) / (2 * math.pi))
        if self.move is not None and self.move.progress >= 1.0:
            self.move, self.heading = None, along

    def _start(self, action: AnyActionValue, start: float, road: Road) -> None:
        now = self.change.speed(start)
        match action:
            case SpeedAction(dynamics="step"):
                self.change = SpeedChange(start, now, action.target)
            case SpeedAction() | StopAction():
                target = action.target if isinstance(action, SpeedAction) else 0.0
                dynamics = action.dynamics if isinstance(action, SpeedAction) else "linear"
                if action.seconds is not None:
                    self.change = SpeedChange(start, now, target, action.seconds, dynamics)
                else:
                    self.change = SpeedChange.at_rate(start, now, target, action.rate or 1.0, dynamics)
            case LaneChangeAction():
                self.curve = None
                self.move = LaneMove(start, _lane_left(action, self.d, self.heading, road) - self.d, action.seconds)
            case WaypointsAction():
                self.move = None
                self.curve = Curve.through((self.s, self.d), self.heading, np.array(action.waypoints))


def _lane_left(action: LaneChangeAction, d: float, heading: float, road: Road) -> float:
    """d (m) of the middle of the lane that a lane change leads to."""
    if action.lane is not None:
        return road.lane_center(action.lane)
    against = math.cos(heading) < 0
    by = -(action.by or 0) if against else (action.by or 0)
    lane = round(road.ego_lane - d / road.lane_width)
    if against and road.setting == "highway":  # beyond a median, lanes are not where those of this side would be
        return d + by * road.lane_width
    return road.lane_center(lane - by)


def lanes_of(actions: Iterable[AnyActionValue], d: float, road: Road) -> set[int]:
    """The lanes that an actor at d (m) uses and comes to by its actions, as far as these name them."""
    here = round(road.ego_lane - d / road.lane_width)
    lanes = {here}
    for action in actions:
        if isinstance(action, LaneChangeAction):
            here = action.lane if action.lane is not None else here - (action.by or 0)
            lanes.add(here)
        elif isinstance(action, WaypointsAction):
            lanes |= {round(road.ego_lane - left / road.lane_width) for _, left in action.waypoints}
    return {lane if lane > 0 else ONCOMING - lane for lane in lanes}


def nearest_direction(heading: float) -> float | None:
    """0 or pi (rad), the direction of the lanes that the heading is near to; None if it is across them."""
    if abs(math.remainder(heading, 2 * math.pi)) <= _ALONG:
        return 2 * math.pi * round(heading / (2 * math.pi))
    if abs(math.remainder(heading - math.pi, 2 * math.pi)) <= _ALONG:
        return math.pi + 2 * math.pi * round((heading - math.pi) / (2 * math.pi))
    return None
