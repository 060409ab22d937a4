"""Companions of the ego: drawn drivers who turn up, stay about as many as asked for in view, and leave, all out of sight."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np

from drivesim.scene.boxes import MIN_HEIGHT, MIN_VISIBLE, project_cuboids
from drivesim.scene.camera import Camera
from drivesim.scene.road import Road
from drivesim.scene.vehicles import SIZE_TABLE
from drivesim.traffic.coming_and_going import entering_speed, rename
from drivesim.traffic.drivers import DESIRED_SPEED, HEAVY
from drivesim.traffic.state import AHEAD, BEHIND, DECISION, GONE, INDICATING, ONCOMING, Traffic

VIEW = 45.0  # m ahead within which cars are high enough to count, about
_BESIDE = 4.0  # m ahead of the camera from which on who is beside the ego is in view


def vehicles_in_view(
    camera: Camera, road: Road, ahead: np.ndarray, left: np.ndarray, heading: np.ndarray, kind: np.ndarray
) -> int:
    """How many of these vehicles [n] count as crowdedness: road coordinates in m from the ego, heading in rad from the road's."""
    near = (ahead > 0) & (ahead < 150.0)
    ahead, left, heading, size = ahead[near], left[near], heading[near], SIZE_TABLE[kind[near]]
    if not len(ahead):
        return 0
    place = road.to_plane(ahead, left)
    cuboid = np.column_stack([place, size[:, 2] / 2, size, heading + road.heading(ahead)])
    box, visible = project_cuboids(camera, cuboid)
    high = np.nan_to_num(box[:, 3] - box[:, 1]) >= MIN_HEIGHT
    return int((high & (visible >= MIN_VISIBLE)).sum())


@dataclass
class Companions:
    """Keeps `target` vehicles in view. `drawn` are the rows that nobody asked for, `pool` those of the ego's direction.

    `oncoming_rate` is how many come a metre of the other direction; `parking_gap` the mean of metres between parked ones.
    """

    target: int
    camera: Camera
    rng: np.random.Generator
    drawn: set[int]
    speed: float  # m/s, of the ego in the scenario
    reference: float  # m/s about which companions drive
    oncoming_rate: float
    parking_gap: float
    parking: tuple[float, ...] = ()
    wish: dict[int, float] = field(default_factory=dict)  # m/s that a driver would like to be faster than the ego
    shortage: float = 0.0  # vehicles missing in view, smoothed

    def decide(self, traffic: Traffic, actors: frozenset[int]) -> None:
        """Who comes, who goes, and how fast the companions would like to drive (in place)."""
        vehicles, n = traffic.vehicles, traffic.driving
        self._leave(traffic, actors)
        wanted = float(vehicles.speed[0])
        if 0 not in actors:  # who is held up is no measure: all would get slower and slower
            wanted = 0.3 * wanted + 0.7 * self.speed
        self.reference += (wanted - self.reference) * DECISION / 5.0
        ahead, left = vehicles.s[1:] - vehicles.s[0], vehicles.d[1:] - vehicles.d[0]
        count = vehicles_in_view(self.camera, traffic.road, ahead, left, vehicles.heading[1:], vehicles.kind[1:])
        self.shortage += 0.25 * (self.target - count - self.shortage)
        high = DESIRED_SPEED[traffic.road.setting][1]
        for row in sorted(self.drawn):
            if row >= n or vehicles.s[row] < GONE / 2 or vehicles.lane[row] >= ONCOMING:
                continue
            wish = 0.96 * self.wish.get(row, 0.0) + float(self.rng.normal(0.0, 0.45))
            self.wish[row] = wish
            ahead_of_ego = float(vehicles.s[row] - vehicles.s[0])
            speed = 1.06 * max(self.reference, 2.5) + wish + self._pull(ahead_of_ego)
            if vehicles.lane[row] == vehicles.lane[0] and 0 < ahead_of_ego < 90.0:
                speed = max(speed, 1.06 * self.speed)  # drawn drivers do not hold up the ego
            fastest = max(high, self.reference) * (0.86 if HEAVY[vehicles.kind[row]] else 1.05)
            vehicles.desired[row] = float(np.clip(speed, 1.5, fastest))
        self._come(traffic)

    def _pull(self, ahead: float) -> float:
        """m/s faster that brings a driver `ahead` of the ego to where one is missing, or away where one is too many."""
        missing = float(np.clip(self.shortage, -3.0, 3.0))
        if missing > 0.4:
            return -1.3 * missing if ahead > VIEW - 5.0 else 1.5 * missing if ahead < _BESIDE + 4.0 else 0.0
        if missing < -0.4:
            return -1.2 * missing if ahead > 14.0 else 1.0 * missing
        return 0.0

    def _leave(self, traffic: Traffic, actors: frozenset[int]) -> None:
        vehicles, n = traffic.vehicles, traffic.driving
        ahead = vehicles.s - vehicles.s[0]
        for row in np.flatnonzero((ahead < BEHIND) | (ahead > AHEAD)):
            if row == 0 or int(row) in actors or vehicles.s[row] < GONE / 2:
                continue
            if row < n:
                vehicles.s[row] = GONE - 50.0 * row
                vehicles.speed[row] = vehicles.accel[row] = vehicles.desired[row] = 0.0
                self.drawn.add(int(row))
            elif ahead[row] < BEHIND:
                self._park(traffic, int(row))

    def _park(self, traffic: Traffic, row: int) -> None:
        """A parked vehicle that was passed is put behind the last one of its side, as another."""
        vehicles, n = traffic.vehicles, traffic.driving
        strip = next((d for d in self.parking if abs(d - vehicles.d[row]) < 1.2), None)
        if strip is None or self.parking_gap > 200.0:
            return
        side = np.flatnonzero((vehicles.d[n:] > 0) == (vehicles.d[row] > 0)) + n
        gap = 6.0 + float(self.rng.exponential(max(self.parking_gap - 6.0, 0.6)))
        vehicles.s[row] = max(float(vehicles.s[side].max()) + gap, float(vehicles.s[0]) + AHEAD - 20.0)
        vehicles.d[row] = strip
        vehicles.heading[row] = math.pi if vehicles.d[row] > 0 else 0.0
        rename(traffic, row, parked=True)

    def _come(self, traffic: Traffic) -> None:
        vehicles = traffic.vehicles
        waiting = [row for row in sorted(self.drawn) if row < traffic.driving and vehicles.s[row] < GONE / 2]
        for row in waiting:
            if vehicles.lane[row] >= ONCOMING:
                closing = float(vehicles.speed[0]) + 0.5 * sum(DESIRED_SPEED[traffic.road.setting])
                if self.rng.random() < self.oncoming_rate * closing * DECISION:
                    lane = ONCOMING + int(self.rng.integers(traffic.oncoming_lanes))
                    self._enter(traffic, row, lane, AHEAD - float(self.rng.uniform(1.0, 15.0)), self._oncoming_speed(traffic))
            elif self.shortage > 0.3 and self.rng.random() < 0.2 * min(self.shortage, 2.0):
                self._enter_own(traffic, row)

    def _enter_own(self, traffic: Traffic, row: int) -> None:
        """From behind, on a lane that passes the ego, or far ahead, to be caught up with."""
        beside = [lane for lane in range(1, traffic.road.lanes + 1) if lane != traffic.vehicles.lane[0]]
        lane = int(self.rng.choice(beside)) if beside else 1
        speed = max(self.reference, 3.0)
        if beside and self.rng.random() < 0.75:
            self._enter(traffic, row, lane, BEHIND + 2.0, speed + 3.0)
        else:
            self._enter(traffic, row, lane, AHEAD - float(self.rng.uniform(1.0, 15.0)), max(speed - 3.0, 2.0))

    def _oncoming_speed(self, traffic: Traffic) -> float:
        low, high = DESIRED_SPEED[traffic.road.setting]
        return float(self.rng.uniform(low, low + 0.7 * (high - low)))

    def _enter(self, traffic: Traffic, row: int, lane: int, ahead: float, desired: float) -> None:
        """Puts a waiting row on the road as a new vehicle, if there is room (in place)."""
        vehicles = traffic.vehicles
        rename(traffic, row)
        vehicles.lane[row] = vehicles.target[row] = lane
        s = float(vehicles.s[0]) + ahead
        speed = entering_speed(traffic, row, s, desired * traffic.pace)
        if speed is None:
            return
        vehicles.s[row], vehicles.speed[row], vehicles.desired[row] = s, speed, desired
        vehicles.accel[row], vehicles.braking[row] = 0.0, False
        vehicles.indicator[row], vehicles.progress[row] = 0, INDICATING
        vehicles.d[row] = float(traffic.lane_d(lane)) + vehicles.offset[row]
        vehicles.heading[row] = math.pi if lane >= ONCOMING else 0.0
        self.wish[row] = float(self.rng.normal(0.0, 1.0))
