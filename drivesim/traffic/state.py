"""The state of the traffic around the ego: who drives where and how, in road coordinates."""

from __future__ import annotations

import copy
import math
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from drivesim.scene.road import Road
from drivesim.traffic.drivers import HEADWAY, HEAVY, STANDSTILL, draw_desired_speed

BEHIND, AHEAD = -40.0, 250.0  # m from the ego: vehicles live within this window
DECISION = 1 / 3  # s between looks for a lane change, a vehicle to come back, an event
ONCOMING = 8  # lane numbers: 1 is the leftmost lane of the ego's direction, 8 the nearest opposing one; 0 none
GONE = -1e6  # about the s of a vehicle that waits for room to come back
INDICATING = -0.3  # progress of a lane change at which it begins: the indicator shines before the wheels turn


@dataclass
class VehicleStates:
    """One row per vehicle, numpy arrays [n]: row 0 is the ego, driving vehicles come first, parked ones last.

    `s` m along the road, `d` m left of the ego's first lane centre, `speed` m/s (>= 0), `accel` m/s^2, `heading` rad from
    the road's direction (0 along, pi oncoming), `kind` index into KINDS, `track` identity (the ego's is -1),
    `indicator` 1 left, -1 right as the driver sees it.
    """

    s: np.ndarray
    d: np.ndarray
    speed: np.ndarray
    accel: np.ndarray
    heading: np.ndarray
    kind: np.ndarray
    track: np.ndarray
    braking: np.ndarray
    indicator: np.ndarray
    lane: np.ndarray
    target: np.ndarray  # lane it moves to, its own lane otherwise
    progress: np.ndarray  # of the lane change, from INDICATING to 1
    offset: np.ndarray  # m left of the lane's centre
    desired: np.ndarray
    headway: np.ndarray
    standstill: np.ndarray
    strength: np.ndarray
    comfort: np.ndarray
    patience: np.ndarray  # s until the next lane change may begin
    stops: np.ndarray  # bool, obeys the stop line

    @classmethod
    def drawn(cls, kind: np.ndarray, lane: np.ndarray, rng: np.random.Generator) -> VehicleStates:
        """Drivers of all rows, standing at s = GONE until they are placed."""
        n = len(kind)
        heavy = HEAVY[kind]
        return cls(
            s=np.full(n, GONE), d=np.zeros(n), speed=np.zeros(n), accel=np.zeros(n), heading=np.zeros(n), kind=kind,
            track=np.arange(n) - 1, braking=np.zeros(n, bool), indicator=np.zeros(n, np.int64), lane=lane,
            target=lane.copy(), progress=np.full(n, INDICATING),
            offset=np.clip(rng.normal(0, 0.12, n), -0.22, 0.22) * np.where(heavy, 0.3, 1.0),
            desired=np.zeros(n), headway=rng.uniform(*HEADWAY, n), standstill=rng.uniform(*STANDSTILL, n),
            strength=np.where(heavy, 0.8, 1.0) * rng.uniform(1.1, 2.1, n), comfort=rng.uniform(1.6, 2.6, n),
            patience=rng.uniform(0, 12, n), stops=np.zeros(n, bool),
        )  # fmt: skip


class Director(Protocol):
    """Who decides in the place of chance: a scenario. It is copied with its traffic, and changes it in place."""

    def decide(self, traffic: Traffic) -> None:
        """Events, and who comes and goes: called every DECISION seconds."""

    def begin(self, traffic: Traffic, dt: float) -> None:
        """Starts what is to start within the next `dt` seconds, before anybody moves."""

    def drive(self, traffic: Traffic, dt: float) -> None:
        """Moves those who follow a script, after the drivers have moved for `dt` seconds."""


@dataclass(frozen=True)
class Roadway:
    """What traffic must know of the road beside the ego's own lanes; d in m left of the ego's first lane centre.

    `oncoming_offset` is the d of the middle of the nearest of `oncoming_lanes`; vehicles park at each of `parking`;
    `seen_across` says whether the other direction is near enough to be shown traffic.
    """

    oncoming_lanes: int
    oncoming_offset: float
    parking: tuple[float, ...] = ()
    seen_across: bool = True


@dataclass
class Traffic:
    """The vehicles around the ego, the road they drive on, and the generator of all that they will decide.

    `simulation.advance` changes a traffic in place; `copy` it first, or ask `simulation.snapshots`, which does.
    """

    road: Road
    oncoming_lanes: int
    oncoming_offset: float  # m left of the ego's lane centre of the nearest oncoming lane's centre
    vehicles: VehicleStates
    driving: int  # rows [0, driving) drive, the others are parked
    rng: np.random.Generator
    time: float = 0.0
    pace: float = 1.0  # of everyone's desired speed: congestion
    ego_pace: float = 1.0
    stop_s: float = math.inf  # a line at which the ego's direction stops (red light, queue), inf if none
    stop_until: float = 0.0  # time at which it is released
    next_decision: float = 0.0
    next_event: float = 0.0
    next_track: int = 0
    director: Director | None = None

    def copy(self) -> Traffic:
        """An independent twin that will do exactly the same."""
        return copy.deepcopy(self)

    def lane_d(self, lane: np.ndarray | int) -> np.ndarray:
        """Metres left of the ego's lane centre of a lane's centre."""
        lane = np.asarray(lane)
        own = (self.road.ego_lane - lane) * self.road.lane_width
        return np.where(lane >= ONCOMING, self.oncoming_offset + (lane - ONCOMING) * self.road.lane_width, own)

    def draw_desired(self, kind: np.ndarray, lane: np.ndarray) -> np.ndarray:
        """Speeds (m/s) that drivers of these kinds would like in these lanes."""
        lanes = np.where(lane >= ONCOMING, self.oncoming_lanes, self.road.lanes)
        from_left = np.where(lane >= ONCOMING, lane - ONCOMING, lane - 1)
        rank = 1.0 - from_left / np.maximum(lanes - 1, 1)
        return draw_desired_speed(self.road.setting, HEAVY[kind], np.where(lanes > 1, rank, 0.5), self.rng)


def lane_sign(lane: np.ndarray) -> np.ndarray:
    """1.0 in lanes of the ego's direction, -1.0 in oncoming ones."""
    return np.where(lane >= ONCOMING, -1.0, 1.0)


def lane_bits(lane: np.ndarray, target: np.ndarray) -> np.ndarray:
    """The lanes that vehicles take up, their own and the one they move to, as the bits of an integer."""
    return (1 << lane) | (1 << target)
