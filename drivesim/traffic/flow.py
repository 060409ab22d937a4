"""The flow of traffic around the ego, in road coordinates: car following, lane changes, stops, oncoming, parked."""

from __future__ import annotations

import copy
import math
from dataclasses import dataclass

import numpy as np

from drivesim.scene.road import Road
from drivesim.traffic.drivers import HEAVY, LENGTHS, braking_distance, draw_desired_speed, draw_kinds, idm_acceleration

BEHIND, AHEAD = -40.0, 250.0  # m from the ego: vehicles live within this window
STEP = 1 / 30  # s, the longest step of the integration
DECISION = 1 / 3  # s between looks for a lane change, a respawn, an event
ONCOMING = 8  # lane numbers: 1 is the leftmost lane of the ego's direction, 8 the nearest opposing one; 0 none
STOPPING = 2.3  # m/s^2: who would have to brake harder for a line passes it
GONE = -1e6  # about the s of a vehicle that waits for room to come back


@dataclass
class Rows:
    """One row per vehicle, row 0 is the ego, moving vehicles first, parked ones last; numpy arrays [n + 1]."""

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
    progress: np.ndarray  # of the lane change, from -0.3 (indicating) to 1
    offset: np.ndarray  # m left of the lane's centre
    desired: np.ndarray
    headway: np.ndarray
    standstill: np.ndarray
    strength: np.ndarray
    comfort: np.ndarray
    patience: np.ndarray  # s until the next lane change may begin
    stops: np.ndarray  # bool, obeys the stop line

    @classmethod
    def drawn(cls, kind: np.ndarray, lane: np.ndarray, rng: np.random.Generator) -> Rows:
        """Drivers of all rows, standing at s = GONE until they are placed."""
        n = len(kind)
        heavy = HEAVY[kind]
        return cls(
            s=np.full(n, GONE), d=np.zeros(n), speed=np.zeros(n), accel=np.zeros(n), heading=np.zeros(n), kind=kind,
            track=np.arange(n) - 1, braking=np.zeros(n, bool), indicator=np.zeros(n, np.int64), lane=lane,
            target=lane.copy(), progress=np.full(n, -0.3),
            offset=np.clip(rng.normal(0, 0.12, n), -0.22, 0.22) * np.where(heavy, 0.3, 1.0),
            desired=np.zeros(n), headway=rng.uniform(0.9, 1.8, n), standstill=rng.uniform(1.8, 3.2, n),
            strength=np.where(heavy, 0.8, 1.0) * rng.uniform(1.1, 2.1, n), comfort=rng.uniform(1.6, 2.6, n),
            patience=rng.uniform(0, 12, n), stops=np.zeros(n, bool),
        )  # fmt: skip


@dataclass
class Traffic:
    """Vehicles around the ego; all arrays [n], without the ego.

    `s` m along the road (ahead of the ego is s - ego_s), `d` m left of the ego's lane centre, `speed` m/s (>= 0),
    `heading` rad from the road's direction (0 along, pi oncoming), `kind` index into KINDS, `track` identity,
    `indicator` 1 left, -1 right as the driver sees it. Rows that are not `present` wait far away (s near GONE).
    """

    road: Road
    oncoming_lanes: int
    oncoming_offset: float
    rows: Rows
    moving: int  # rows [0, moving) drive, the others are parked
    rng: np.random.Generator
    time: float = 0.0
    pace: float = 1.0  # of everyone's desired speed: congestion
    ego_pace: float = 1.0
    stop_s: float = math.inf  # a line at which the ego's direction stops (red light, queue), inf if none
    stop_until: float = 0.0  # time at which it is released
    next_decision: float = 0.0
    next_event: float = 0.0
    next_track: int = 0

    s = property(lambda self: self.rows.s[1:])
    d = property(lambda self: self.rows.d[1:])
    speed = property(lambda self: self.rows.speed[1:])
    heading = property(lambda self: self.rows.heading[1:])
    kind = property(lambda self: self.rows.kind[1:])
    track = property(lambda self: self.rows.track[1:])
    braking = property(lambda self: self.rows.braking[1:])
    indicator = property(lambda self: self.rows.indicator[1:])
    lane = property(lambda self: self.rows.lane[1:])
    parked = property(lambda self: np.arange(1, len(self.rows.s)) >= self.moving)
    present = property(lambda self: self.rows.s[1:] > GONE / 2)
    ego_s = property(lambda self: float(self.rows.s[0]))
    ego_speed = property(lambda self: float(self.rows.speed[0]))
    ego_accel = property(lambda self: float(self.rows.accel[0]))
    ego_braking = property(lambda self: bool(self.rows.braking[0]))

    def copy(self) -> Traffic:
        """An independent twin that will do exactly the same."""
        return copy.deepcopy(self)

    def continued(self, seed: int) -> Traffic:
        """The same state, from which everybody, the ego too, decides anew."""
        other = self.copy()
        other.rng = np.random.default_rng(seed)
        rows, rng = other.rows, other.rng
        drive = slice(0, other.moving)
        here = rows.s[drive] > GONE / 2
        rows.desired[drive] = np.where(here, other.draw_desired(rows.kind[drive], rows.lane[drive]), 0.0)
        rows.headway[drive] = rng.uniform(0.9, 1.8, other.moving)
        rows.patience[drive] = rng.uniform(0, 8, other.moving)
        other.next_event = other.time + float(rng.uniform(0.0, 6.0))
        other.ego_pace = float(rng.uniform(0.75, 1.1))
        if math.isfinite(other.stop_s):
            other.stop_until = other.time + float(rng.uniform(0.5, 8.0))
        return other

    def step(self, dt: float) -> None:
        """Drive on for `dt` seconds, in equal steps of at most STEP."""
        count = max(1, math.ceil(dt / STEP - 1e-6))
        for _ in range(count):
            self._advance(dt / count)

    # --- motion ---

    def _signs(self, lane: np.ndarray) -> np.ndarray:
        return np.where(lane >= ONCOMING, -1.0, 1.0)

    def lane_d(self, lane: np.ndarray | int) -> np.ndarray:
        """Metres left of the ego's lane centre of a lane's centre."""
        lane = np.asarray(lane)
        own = (self.road.ego_lane - lane) * self.road.lane_width
        return np.where(lane >= ONCOMING, self.oncoming_offset + (lane - ONCOMING) * self.road.lane_width, own)

    def _leaders(self, lane: np.ndarray, target: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Every moving row's gap (m) to and row of its leader if it used `lane` and `target`; who is how far ahead."""
        rows, n = self.rows, self.moving
        s, length, sign = rows.s[:n], LENGTHS[rows.kind[:n]], self._signs(rows.lane[:n])
        there = (1 << rows.lane[:n]) | (1 << rows.target[:n])
        mine = (1 << lane) | (1 << target)
        ahead = (s[None, :] - s[:, None]) * sign[:, None]
        shared = (mine[:, None] & there[None, :]) != 0
        gaps = np.where(shared & (ahead > 0), ahead - 0.5 * (length[None, :] + length[:, None]), np.inf)
        leader = gaps.argmin(axis=1)
        return gaps[np.arange(n), leader], leader, ahead

    def _idm(self, gap: np.ndarray, leader_speed: np.ndarray, leader_accel: np.ndarray) -> np.ndarray:
        rows, drive = self.rows, slice(0, self.moving)
        desired = rows.desired[drive] * self.pace
        desired[0] *= self.ego_pace
        speed = rows.speed[drive]
        return idm_acceleration(speed, desired, gap, speed - leader_speed, rows.headway[drive], rows.standstill[drive],
                                rows.strength[drive], rows.comfort[drive], leader_accel)  # fmt: skip

    def _advance(self, dt: float) -> None:
        rows, n = self.rows, self.moving
        if self.time >= self.next_decision - 1e-9:
            self.next_decision += DECISION
            self._decide()
        lane, sign = rows.lane[:n], self._signs(rows.lane[:n])
        gap, leader, _ = self._leaders(lane, rows.target[:n])
        leader_speed, leader_accel = rows.speed[leader], rows.accel[leader]
        if math.isfinite(self.stop_s):
            to_line = np.where(rows.stops[:n], self.stop_s - rows.s[:n] - 0.5 * LENGTHS[rows.kind[:n]], np.inf)
            nearer = to_line < gap
            leader_speed, leader_accel = np.where(nearer, 0.0, leader_speed), np.where(nearer, 0.0, leader_accel)
            gap = np.where(nearer, np.maximum(to_line + rows.standstill[:n], 0.1), gap)
        accel = self._idm(gap, leader_speed, leader_accel)
        speed = np.clip(rows.speed[:n] + accel * dt, 0.0, np.maximum(0.0, (gap - 0.6) / dt))
        rows.accel[:n] = (speed - rows.speed[:n]) / dt
        rows.s[:n] += sign * 0.5 * (speed + np.minimum(speed, rows.speed[:n])) * dt
        rows.speed[:n] = speed
        self.steer(dt)
        slowing = rows.accel[:n] < np.where(rows.braking[:n], -0.35, -0.9)
        rows.braking[:n] = slowing | ((speed < 0.4) & (rows.accel[:n] < 0.15))
        self.time += dt

    def steer(self, dt: float) -> None:
        """Lateral motion: smooth lane changes, paced by the distance driven, so that nobody slides sideways at rest."""
        rows, n = self.rows, self.moving
        changing = rows.lane[:n] != rows.target[:n]
        speed = rows.speed[:n]
        if changing.any():
            duration = np.where(HEAVY[rows.kind[:n]], 5.5, 3.5)
            rows.progress[:n] += np.where(changing, np.minimum(1.0, speed / 6.0) * dt / duration, 0.0)
        p = np.clip(rows.progress[:n], 0.0, 1.0)
        shift = self.lane_d(rows.target[:n]) - self.lane_d(rows.lane[:n])
        wander = 0.04 * np.sin(0.45 * self.time + 2.4 * rows.track[:n])
        wander[0] = 0.0
        rows.d[:n] = self.lane_d(rows.lane[:n]) + rows.offset[:n] + shift * p * p * (3 - 2 * p) + wander
        slope = shift * 6 * p * (1 - p) / (np.where(HEAVY[rows.kind[:n]], 5.5, 3.5) * np.maximum(speed, 6.0))
        turned = self._signs(rows.lane[:n]) < 0
        rows.heading[:n] = np.arctan(slope) + np.where(turned, math.pi, 0.0)
        done = changing & (rows.progress[:n] >= 1.0)
        if done.any():
            rows.lane[:n][done] = rows.target[:n][done]
            rows.progress[:n][done] = -0.3
            rows.indicator[:n][done] = 0
            rows.patience[:n][done] = self.rng.uniform(6, 20, int(done.sum()))

    # --- decisions ---

    def _decide(self) -> None:
        self.rows.patience[: self.moving] -= DECISION
        self._events()
        self._change_lane()
        self._respawn()

    def _events(self) -> None:
        """Now and then the ego wants another speed, or its whole direction stops at a line ahead, or slows down."""
        rows, rng, n = self.rows, self.rng, self.moving
        if math.isfinite(self.stop_s) and self.time >= self.stop_until:
            self.stop_s = math.inf
            rows.stops[:] = False
        if self.time < self.next_event:
            return
        self.next_event = self.time + float(rng.uniform(4.0, 12.0))
        self.ego_pace = float(np.clip(rng.normal(0.95, 0.13), 0.6, 1.12))
        urban = self.road.setting in ("city", "residential")
        if math.isinf(self.stop_s) and rng.random() < (0.30 if urban else 0.04):
            near = float(braking_distance(rows.speed[0], 1.8)) + 8.0
            self.stop_s = self.ego_s + near + float(rng.uniform(0.0, 30.0))
            self.stop_until = self.time + float(rng.uniform(5.0, 16.0))
            room = self.stop_s - rows.s[:n] - 0.5 * LENGTHS[rows.kind[:n]]
            rows.stops[:n] = (rows.lane[:n] < ONCOMING) & (room > braking_distance(rows.speed[:n], STOPPING) + 3.0)
        elif rng.random() < 0.15:
            self.pace = float(rng.uniform(0.45, 0.9))
        else:
            self.pace += 0.6 * (1.0 - self.pace)

    def _change_lane(self) -> None:
        """At most one vehicle begins a lane change at a time: the one that gains most (MOBIL, Kesting et al. 2007)."""
        rows, n = self.rows, self.moving
        lane = rows.lane[:n]
        free = (lane < ONCOMING) & (lane == rows.target[:n]) & (rows.patience[:n] <= 0) & (rows.speed[:n] > 4.5)
        free[0] = False
        if self.road.lanes < 2 or not free.any():
            return
        gap, leader, _ = self._leaders(lane, lane)
        now = self._idm(gap, rows.speed[leader], rows.accel[leader])
        best_gain, best, best_side = 0.25, -1, 0
        speed, length = rows.speed[:n], LENGTHS[rows.kind[:n]]
        there = (1 << lane) | (1 << rows.target[:n])
        for side in (-1, 1):  # -1: lane to the left
            wish = lane + side
            allowed = free & (wish >= 1) & (wish <= self.road.lanes)
            if not allowed.any():
                continue
            wish = np.where(allowed, wish, lane)
            front, ahead_row, ahead = self._leaders(wish, wish)
            then = self._idm(front, speed[ahead_row], rows.accel[ahead_row])
            shared = ((1 << wish)[:, None] & there[None, :]) != 0
            np.fill_diagonal(shared, False)
            apart = np.abs(ahead) - 0.5 * (length[None, :] + length[:, None])
            closing = np.where(ahead > 0, speed[:, None] - speed[None, :], speed[None, :] - speed[:, None])
            needed = 3.0 + 0.35 * speed[:, None] + np.maximum(closing, 0.0) * 2.0
            safe = allowed & ~(shared & (apart < needed)).any(axis=1) & (then > -1.5)
            whim = np.where(self.rng.random(n) < 0.03, 0.4, 0.0) + (0.05 if side > 0 else 0.0)
            gain = np.where(safe, then - now + whim, -np.inf)
            if gain.max() > best_gain:
                best, best_gain, best_side = int(gain.argmax()), float(gain.max()), side
        if best >= 0:
            rows.target[best] = rows.lane[best] + best_side
            rows.progress[best] = -0.3
            rows.indicator[best] = -best_side

    # --- coming and going ---

    def draw_desired(self, kind: np.ndarray, lane: np.ndarray) -> np.ndarray:
        """Speeds (m/s) that drivers of these kinds would like in these lanes."""
        lanes = np.where(lane >= ONCOMING, self.oncoming_lanes, self.road.lanes)
        from_left = np.where(lane >= ONCOMING, lane - ONCOMING, lane - 1)
        rank = 1.0 - from_left / np.maximum(lanes - 1, 1)
        return draw_desired_speed(self.road.setting, HEAVY[kind], np.where(lanes > 1, rank, 0.5), self.rng)

    def _respawn(self) -> None:
        """Vehicles that left the window come back at one of its ends as others, where there is room."""
        rows, n = self.rows, self.moving
        ahead = rows.s - rows.s[0]
        out = (ahead < BEHIND) | (ahead > AHEAD)
        out[0] = False
        for row in np.flatnonzero(out[:n]):
            rows.s[row] = GONE - 50.0 * row  # out of each other's way, with no wish to drive
            rows.speed[row] = rows.accel[row] = rows.desired[row] = 0.0
            self._place_at_end(int(row))
        for row in n + np.flatnonzero(out[n:] & (ahead[n:] < BEHIND)):
            side = np.flatnonzero((rows.d[n:] > 0) == (rows.d[row] > 0)) + n
            gap = float(self.rng.choice([self.rng.uniform(5.5, 7.5), self.rng.uniform(12, 30)], p=[0.7, 0.3]))
            rows.s[row] = max(float(rows.s[side].max()) + gap, self.ego_s + AHEAD - 20.0)
            self._rename(int(row), parked=True)

    def _rename(self, row: int, parked: bool = False) -> None:
        self.rows.kind[row] = draw_kinds(self.road.setting, 1, self.rng, parked)[0]
        self.rows.track[row] = self.next_track
        self.next_track += 1

    def _place_at_end(self, row: int) -> None:
        """Tries one random place; the row stays GONE where a bumper gap would be too small."""
        rows, n, rng = self.rows, self.moving, self.rng
        oncoming = bool(rows.lane[row] >= ONCOMING)
        lane = ONCOMING + int(rng.integers(self.oncoming_lanes)) if oncoming else 1 + int(rng.integers(self.road.lanes))
        self._rename(row)
        rows.lane[row] = rows.target[row] = lane
        desired = float(self.draw_desired(rows.kind[row : row + 1], rows.lane[row : row + 1])[0])
        behind = not oncoming and desired * self.pace > rows.speed[0]
        s = self.ego_s + (BEHIND + 2.0 if behind else AHEAD - float(rng.uniform(1.0, 15.0)))
        taken = ((1 << rows.lane[:n]) | (1 << rows.target[:n])) & (1 << lane) != 0
        taken[row] = False
        apart = (rows.s[:n] - s) * (-1.0 if oncoming else 1.0)
        gaps = np.where(taken, np.abs(apart) - 0.5 * (LENGTHS[rows.kind[:n]] + LENGTHS[rows.kind[row]]), np.inf)
        front, back = np.where(apart > 0, gaps, np.inf), np.where(apart <= 0, gaps, np.inf)
        speed = desired * self.pace
        if np.isfinite(front.min()):
            speed = min(speed, float(rows.speed[front.argmin()]) + math.sqrt(2.0 * max(float(front.min()) - 4.0, 0.0)))
        follower = float(rows.speed[back.argmin()]) if np.isfinite(back.min()) else 0.0
        room_back = 4.0 + 1.0 * follower + max(0.0, follower - speed) ** 2 / 3.0
        if front.min() < 6.0 + 1.0 * speed or back.min() < room_back:
            return
        rows.s[row], rows.speed[row], rows.desired[row] = s, speed, desired
        rows.accel[row], rows.braking[row], rows.indicator[row], rows.progress[row] = 0.0, False, 0, -0.3
        rows.d[row] = float(self.lane_d(lane)) + rows.offset[row]
        rows.heading[row] = math.pi if oncoming else 0.0
        line = self.stop_s - s - 0.5 * LENGTHS[rows.kind[row]]
        rows.stops[row] = not oncoming and math.isfinite(self.stop_s) and line > braking_distance(speed, STOPPING) + 3.0
