"""The director of a scenario's traffic: actors follow their script, the others are companions of the ego."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from drivesim.scenario.actions import SpeedAction
from drivesim.scene.camera import Camera
from drivesim.scene.road import Road
from drivesim.traffic.scenario.actor import STRAIGHTENS, Actor, lanes_of, nearest_direction
from drivesim.traffic.scenario.companions import Companions
from drivesim.traffic.scenario.sight import ROOM, out_of_sight
from drivesim.traffic.scenario.triggers import extents
from drivesim.traffic.state import BEHIND, GONE, INDICATING, ONCOMING, Traffic, lane_bits

_HURRY = 130.0  # m ahead of an actor within which drawn drivers drive at its speed at least
_OFF_CENTRE, _CENTRES = 0.25, 40.0  # m beside the middle that drivers keep, and m within which they lose most of more
_PACE = 1.04  # of its speed that the ego would like to drive on average among others, who hold it up now and then
_CORRIDOR = 0.95  # m to either side of a lane's middle that its drivers need: who reaches into it is in their way


@dataclass
class SlightTurns:
    """Drivers who begin a little askew: rows, their turn (rad), and how far they have driven since (m)."""

    rows: np.ndarray
    turn: np.ndarray
    driven: np.ndarray

    def apply(self, traffic: Traffic, dt: float) -> None:
        """Turns them into their lanes' direction, and brings them to the middle, with the distance driven (in place)."""
        vehicles, rows = traffic.vehicles, self.rows
        self.driven += vehicles.speed[rows] * dt
        beside = np.abs(vehicles.offset[rows]) > _OFF_CENTRE
        vehicles.offset[rows] *= np.where(beside, np.exp(-vehicles.speed[rows] * dt / _CENTRES), 1.0)
        left = np.exp(-self.driven / STRAIGHTENS)
        vehicles.heading[rows] += self.turn * left
        vehicles.d[rows] += np.cos(vehicles.heading[rows]) * STRAIGHTENS * np.sin(self.turn) * (1.0 - left)


@dataclass
class ScenarioDirector:
    """Director of the traffic of a scenario. `names` gives the row and track of whom triggers name."""

    road: Road
    camera: Camera
    actors: list[Actor]
    names: Mapping[str, tuple[int, int]]
    turns: SlightTurns
    companions: Companions | None = None
    rng: np.random.Generator = field(default_factory=lambda: np.random.default_rng(0))
    next_pace: float = 0.0

    def decide(self, traffic: Traffic) -> None:
        """The ego's pace, and the companions: their wishes, who comes and who goes (in place)."""
        for actor in self.actors:
            self._keep_clear(traffic, actor)
        if traffic.time >= self.next_pace - 1e-9:
            self.next_pace = traffic.time + float(self.rng.uniform(3.0, 9.0))
            usual = 1.0 if self.companions is None else _PACE
            traffic.ego_pace = float(np.clip(self.rng.normal(usual, 0.07), 0.85, 1.15))
        if self.companions is None:
            self._take_away(traffic)
            return
        self.companions.decide(traffic, self.rows)
        for actor in self.actors:
            self._hurry(traffic, actor)

    @property
    def rows(self) -> frozenset[int]:
        """Rows of the actors."""
        return frozenset(actor.row for actor in self.actors)

    def begin(self, traffic: Traffic, dt: float) -> None:
        """Starts the actions whose triggers say so within the next `dt` s."""
        for actor in self.actors:
            actor.begin(traffic, self.road, self.names, dt)

    def drive(self, traffic: Traffic, dt: float) -> None:
        """Moves the actors for `dt` s; `traffic` is still at the time before (in place)."""
        self.turns.apply(traffic, dt)
        vehicles = traffic.vehicles
        for actor in self.actors:
            actor.advance(traffic.time, dt)
        for actor in self.actors:
            row = actor.row
            speed = actor.change.speed(traffic.time + dt)
            before = actor.change.speed(max(traffic.time, actor.change.start))
            vehicles.s[row], vehicles.d[row], vehicles.heading[row] = actor.s, actor.d, actor.heading
            vehicles.speed[row], vehicles.accel[row] = speed, (speed - before) / dt
            vehicles.progress[row], vehicles.indicator[row] = INDICATING, 0
            if actor.move is not None:
                vehicles.indicator[row] = int(np.sign(actor.move.shift) * np.sign(math.cos(actor.heading)))
            vehicles.lane[row], vehicles.target[row] = lanes_taken(traffic, row, None if actor.move is None else actor)

    def _take_away(self, traffic: Traffic) -> None:
        """Drivers who are behind or out of sight are gone for good (in place)."""
        vehicles = traffic.vehicles
        ahead = vehicles.s - vehicles.s[0]
        for row in np.flatnonzero((ahead < BEHIND) | (ahead > out_of_sight(self.camera)[vehicles.kind] + ROOM)):
            if 0 < row < traffic.driving and int(row) not in self.rows:
                vehicles.s[row] = GONE - 50.0 * row
                vehicles.speed[row] = vehicles.accel[row] = vehicles.desired[row] = 0.0

    def _keep_clear(self, traffic: Traffic, actor: Actor) -> None:
        """Takes back lane changes that were just begun and lead close before an actor, who does not look (in place)."""
        vehicles, n = traffic.vehicles, traffic.driving
        fastest = self._fastest(traffic, actor)
        begun = (vehicles.lane[:n] != vehicles.target[:n]) & (vehicles.progress[:n] <= INDICATING)
        ahead = vehicles.s[:n] - actor.s
        close = (ahead > -8.0) & (ahead < 12.0 + 3.5 * fastest)
        mine = self._lanes(traffic, actor)
        for row in np.flatnonzero(begun & close & ((1 << vehicles.target[:n]) & mine != 0)):
            if int(row) not in self.rows:
                vehicles.target[row], vehicles.indicator[row], vehicles.patience[row] = vehicles.lane[row], 0, 2.0

    def _hurry(self, traffic: Traffic, actor: Actor) -> None:
        """Drawn drivers ahead of an actor, who drives as scripted and would run into them, want to drive faster (in place)."""
        assert self.companions is not None
        vehicles, n = traffic.vehicles, traffic.driving
        along, fastest = nearest_direction(actor.heading), self._fastest(traffic, actor)
        if along is None or fastest < 1.0:
            return
        ahead = (vehicles.s[:n] - actor.s) * math.cos(along)
        same = (self._lanes(traffic, actor) & lane_bits(vehicles.lane[:n], vehicles.target[:n])) != 0
        rows = [int(row) for row in np.flatnonzero(same & (ahead > -4.0) & (ahead < _HURRY)) if int(row) in self.companions.drawn]
        faster = np.clip(0.1 * (60.0 - ahead[rows]), 0.0, 2.0)
        vehicles.desired[rows] = np.maximum(vehicles.desired[rows], 1.06 * fastest + faster)

    def _fastest(self, traffic: Traffic, actor: Actor) -> float:
        """The greatest speed (m/s) that an actor has now or is still to have."""
        speeds = [actor.change.speed(traffic.time), actor.change.target]
        return max(speeds + [action.target for action in actor.pending if isinstance(action, SpeedAction)])

    def _lanes(self, traffic: Traffic, actor: Actor) -> int:
        """Bits of the lanes that an actor uses and will come to."""
        now = int(lane_bits(traffic.vehicles.lane[actor.row], traffic.vehicles.target[actor.row]))
        return (now | sum(1 << lane for lane in lanes_of(actor.pending, actor.d, self.road))) & ~1


def lanes_taken(traffic: Traffic, row: int, moving: Actor | None = None) -> tuple[int, int]:
    """The two lanes, or twice the one, that a vehicle reaches into, and that it is `moving` to; 0 is none."""
    vehicles = traffic.vehicles
    across = extents(traffic, row)[1] + _CORRIDOR
    lanes = np.r_[1 : traffic.road.lanes + 1, ONCOMING : ONCOMING + traffic.oncoming_lanes]
    away = np.abs(traffic.lane_d(lanes) - vehicles.d[row])
    taken = lanes[away < across]
    taken = taken[np.argsort(np.abs(traffic.lane_d(taken) - vehicles.d[row]), kind="stable")]
    if moving is not None and moving.move is not None:
        goal = vehicles.d[row] + moving.move.remaining
        taken = np.r_[taken[:1], lanes[np.abs(traffic.lane_d(lanes) - goal).argmin()]]
    if len(taken) == 0:
        return 0, 0
    return int(taken[0]), int(taken[min(1, len(taken) - 1)])
