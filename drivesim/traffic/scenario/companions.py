"""Companions of the ego: drawn drivers who turn up, stay about as many as asked for in view, and leave, all out of sight."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np

from drivesim.scene.boxes import MIN_HEIGHT, MIN_VISIBLE, project_cuboids
from drivesim.scene.camera import Camera
from drivesim.scene.road import Road
from drivesim.scene.vehicles import SIZE_TABLE
from drivesim.traffic.coming_and_going import entering_speed, rename
from drivesim.traffic.drivers import DESIRED_SPEED, HEAVY
from drivesim.traffic.scenario.sight import ROOM, out_of_sight, parked_out_of_sight
from drivesim.traffic.state import BEHIND, DECISION, GONE, INDICATING, ONCOMING, Traffic

VIEW = 45.0  # m ahead within which cars are high enough to count, about
_BESIDE, _NEAR = 7.0, 11.0  # m ahead: who is beside the ego is in view from the one on, and stays so ahead of the other
_FAR = 0.85  # of the metres within which a vehicle counts: who is farther ahead is about to leave the view
_GREATEST = 8.0  # m/s by which a driver is faster or slower than the ego at most to come into view
_PLATOON = 30.0  # m within which a driver makes room for one behind who is to come into view
_ENTRIES = (-25.0, -29.0, -33.0, -38.0)  # m: where who turns up behind the ego may do so, out of sight


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
    box, visible = project_cuboids(camera, cuboid, least=MIN_HEIGHT)
    high = np.nan_to_num(box[:, 3] - box[:, 1]) >= MIN_HEIGHT
    return int((high & (visible >= MIN_VISIBLE)).sum())


@dataclass
class Companions:
    """Keeps `target` vehicles in view. `drawn` are the rows whose speed nobody asked for.

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
            wanted = 0.5 * wanted + 0.5 * self.speed
        self.reference += (wanted - self.reference) * DECISION / (2.0 if 0 in actors else 5.0)
        ahead, left = vehicles.s[1:] - vehicles.s[0], vehicles.d[1:] - vehicles.d[0]
        count = vehicles_in_view(self.camera, traffic.road, ahead, left, vehicles.heading[1:], vehicles.kind[1:])
        self.shortage += 0.35 * (self.target - count - self.shortage)
        rows = np.array([row for row in sorted(self.drawn) if row < n and vehicles.s[row] > GONE / 2], np.int64)
        rows = rows[vehicles.lane[rows] < ONCOMING]
        self._wish(traffic, rows, float(vehicles.speed[0]) if 0 in actors else self.speed)
        self._come(traffic)

    def _wish(self, traffic: Traffic, rows: np.ndarray, pace: float) -> None:
        """How fast the companions `rows` [n] would like to drive, none so that it holds up an ego of `pace` m/s (in place)."""
        vehicles, high = traffic.vehicles, DESIRED_SPEED[traffic.road.setting][1]
        ahead = vehicles.s[rows] - vehicles.s[0]
        pull = _passed_on(self._pull(ahead, vehicles.kind[rows]), ahead, vehicles.lane[rows])
        for row, place, faster in zip(rows.tolist(), ahead.tolist(), pull.tolist(), strict=True):
            wish = 0.96 * self.wish.get(row, 0.0) + float(self.rng.normal(0.0, 0.35))
            self.wish[row] = wish
            speed = 1.06 * max(self.reference, 2.5) + wish + faster
            if vehicles.lane[row] == vehicles.lane[0] and 0 < place < max(25.0, 1.6 * pace):
                speed = max(speed, 1.06 * pace)
            fastest = max(high, self.reference) * (0.86 if HEAVY[vehicles.kind[row]] else 1.05)
            vehicles.desired[row] = float(np.clip(speed, 1.5, fastest))

    def _pull(self, ahead: np.ndarray, kind: np.ndarray) -> np.ndarray:
        """m/s faster [n] that keeps drivers in view, brings as many as are missing there, or sends away who is too many."""
        counts = 2.0 * self.camera.focal * SIZE_TABLE[kind, 2] / MIN_HEIGHT
        behind, beyond = np.maximum(_NEAR - ahead, 0.0), np.maximum(ahead - _FAR * counts, 0.0)
        if self.shortage < -0.4:
            away = np.clip(1.2 * -self.shortage, 0.0, 4.0)
            return np.where(ahead < 0.5 * (_NEAR + _FAR * counts), -away, away)
        seen = (ahead > _BESIDE) & (ahead < counts)
        called = seen.copy()
        if self.shortage > 0.3:  # more than are missing, as some are held up
            called[np.argsort(np.where(seen, np.inf, behind + beyond))[: math.ceil(3.0 * self.shortage)]] = True
        most = np.where(seen, 2.0, _GREATEST) * min(1.0, 0.25 + self.reference / 25.0)
        return np.where(called, np.clip((behind - beyond) / 3.0, -most, most), 0.0)

    def _leave(self, traffic: Traffic, actors: frozenset[int]) -> None:
        vehicles, n = traffic.vehicles, traffic.driving
        ahead = vehicles.s - vehicles.s[0]
        for row in np.flatnonzero((ahead < BEHIND) | (ahead > out_of_sight(self.camera)[vehicles.kind] + ROOM)):
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
        gap = self.parking_gap / (1.0 + 0.4 * float(np.clip(self.shortage, -1.0, 3.0)))
        gap = 6.0 + float(self.rng.exponential(max(gap - 6.0, 0.6)))
        vehicles.s[row] = max(float(vehicles.s[side].max()) + gap, float(vehicles.s[0]) + parked_out_of_sight(self.camera))
        vehicles.d[row] = strip
        vehicles.heading[row] = math.pi if vehicles.d[row] > 0 else 0.0
        rename(traffic, row, parked=True)

    def _come(self, traffic: Traffic) -> None:
        vehicles = traffic.vehicles
        waiting = [row for row in sorted(self.drawn) if row < traffic.driving and vehicles.s[row] < GONE / 2]
        for row in waiting:
            if vehicles.lane[row] >= ONCOMING:
                closing = float(vehicles.speed[0]) + 0.5 * sum(DESIRED_SPEED[traffic.road.setting])
                rate = self.oncoming_rate * float(np.clip(1.0 + 0.5 * self.shortage, 0.3, 2.5))
                if self.rng.random() < rate * closing * DECISION:
                    lane = ONCOMING + int(self.rng.integers(traffic.oncoming_lanes))
                    self._enter(traffic, row, lane, None, self._oncoming_speed(traffic))
            elif self.shortage > 0.3 and self.rng.random() < 0.4 * min(self.shortage, 2.0):
                self._enter_own(traffic, row)

    def _enter_own(self, traffic: Traffic, row: int) -> None:
        """From behind, on a lane that passes the ego, or far ahead, to be caught up with."""
        beside = [lane for lane in range(1, traffic.road.lanes + 1) if lane != traffic.vehicles.lane[0]]
        lane = int(self.rng.choice(beside)) if beside else 1
        speed = max(self.reference, 3.0)
        if beside and self.rng.random() < 0.9:
            for ahead in _ENTRIES:
                if self._enter(traffic, row, lane, ahead, speed + 4.0):
                    return
        else:
            self._enter(traffic, row, lane, None, max(speed - 3.0, 2.0))

    def _oncoming_speed(self, traffic: Traffic) -> float:
        low, high = DESIRED_SPEED[traffic.road.setting]
        return float(self.rng.uniform(low, low + 0.7 * (high - low)))

    def _enter(self, traffic: Traffic, row: int, lane: int, ahead: float | None, desired: float) -> bool:
        """Puts a waiting row on the road as a new vehicle (in place), if not `ahead` m before the ego then out of its sight;
        whether there was room."""
        vehicles = traffic.vehicles
        rename(traffic, row)
        if ahead is None:
            ahead = float(out_of_sight(self.camera)[vehicles.kind[row]] + self.rng.uniform(0.0, 0.7) * ROOM)
        vehicles.lane[row] = vehicles.target[row] = lane
        s = float(vehicles.s[0]) + ahead
        speed = entering_speed(traffic, row, s, desired * traffic.pace)
        if speed is None:
            return False
        vehicles.s[row], vehicles.speed[row], vehicles.desired[row] = s, speed, desired
        vehicles.accel[row], vehicles.braking[row] = 0.0, False
        vehicles.indicator[row], vehicles.progress[row] = 0, INDICATING
        vehicles.d[row] = float(traffic.lane_d(lane)) + vehicles.offset[row]
        vehicles.heading[row] = math.pi if lane >= ONCOMING else 0.0
        self.wish[row] = float(self.rng.normal(0.0, 1.0))
        return True


def _passed_on(pull: np.ndarray, ahead: np.ndarray, lane: np.ndarray) -> np.ndarray:
    """`pull` (m/s) of drivers [n], with that of who wants to come from behind passed on to who is before it in its lane."""
    pull = pull.copy()
    for number in np.unique(lane):
        rows = np.flatnonzero(lane == number)
        rows = rows[np.argsort(ahead[rows])]
        for behind, before in pairwise(rows.tolist()):
            if ahead[before] - ahead[behind] < _PLATOON and ahead[before] < VIEW - 10.0:
                pull[before] = max(pull[before], 0.8 * pull[behind])
    return pull
