"""The traffic through time: steps of the simulation, and what it looks like at any moment."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from drivesim.traffic.car_following import follow, update_brake_lamps
from drivesim.traffic.coming_and_going import come_and_go
from drivesim.traffic.drivers import HEADWAY
from drivesim.traffic.events import draw_events
from drivesim.traffic.lane_changes import begin_lane_change, steer
from drivesim.traffic.state import DECISION, GONE, Traffic

STEP = 1 / 30  # s, the longest step of the integration


@dataclass(frozen=True)
class Snapshot:
    """Everybody at one moment, numpy arrays [n] as in `VehicleStates` (row 0 is the ego); parked bool [n].

    Rows far outside the window around the ego (s near GONE) wait for room to come back: they are not there.
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
    parked: np.ndarray


def advance(traffic: Traffic, seconds: float) -> None:
    """Drives on for `seconds` (in place), in equal steps of at most STEP."""
    count = max(1, math.ceil(seconds / STEP - 1e-6))
    for _ in range(count):
        _step(traffic, seconds / count)


def _step(traffic: Traffic, dt: float) -> None:
    if traffic.time >= traffic.next_decision - 1e-9:
        traffic.next_decision += DECISION
        traffic.vehicles.patience[: traffic.driving] -= DECISION
        if traffic.director is None:
            draw_events(traffic)
            begin_lane_change(traffic)
            come_and_go(traffic)
        else:
            begin_lane_change(traffic)
            traffic.director.decide(traffic)
    if traffic.director is not None:
        traffic.director.begin(traffic, dt)
    follow(traffic, dt)
    steer(traffic, dt)
    if traffic.director is not None:
        traffic.director.drive(traffic, dt)
    update_brake_lamps(traffic)
    traffic.time += dt


def continued(traffic: Traffic, seed: int) -> Traffic:
    """The same state, from which everybody, the ego too, decides anew; `traffic` is not changed."""
    other = traffic.copy()
    rng = other.rng = np.random.default_rng(seed)
    vehicles, drive = other.vehicles, slice(0, other.driving)
    here = vehicles.s[drive] > GONE / 2
    vehicles.desired[drive] = np.where(here, other.draw_desired(vehicles.kind[drive], vehicles.lane[drive]), 0.0)
    vehicles.headway[drive] = rng.uniform(*HEADWAY, other.driving)
    vehicles.patience[drive] = rng.uniform(0, 8, other.driving)
    other.next_event = other.time + float(rng.uniform(0.0, 6.0))
    other.ego_pace = float(rng.uniform(0.75, 1.1))
    if math.isfinite(other.stop_s):
        other.stop_until = other.time + float(rng.uniform(0.5, 8.0))
    return other


def snapshots(traffic: Traffic, frames: int, fps: float) -> Iterator[Snapshot]:
    """The traffic at the time of each frame, from its present time on; `traffic` is not changed.

    It advances in steps of STEP, so that a moment is the same at any rate; a frame between two steps lies on the line
    between them.
    """
    before, steps = traffic.copy(), 0
    after: Traffic | None = None
    for frame in range(frames):
        place = frame / fps / STEP
        whole = int(np.floor(place + 1e-6))
        share = max(place - whole, 0.0) if place - whole > 1e-5 else 0.0
        while steps < whole:
            if after is not None:
                before, after = after, None
            else:
                advance(before, STEP)
            steps += 1
        if share and after is None:
            after = before.copy()
            advance(after, STEP)
        yield _snapshot(before, after if share else None, share)


def _snapshot(before: Traffic, after: Traffic | None, share: float) -> Snapshot:
    now, then = before.vehicles, after.vehicles if after else None

    def between(name: str) -> np.ndarray:
        a = getattr(now, name)
        if then is None:
            return a.copy()
        b = getattr(then, name)
        near = np.abs(b - a) < 5.0  # who came back elsewhere is not drawn along
        return np.where(near, a + share * (b - a), a)

    return Snapshot(
        between("s"),
        between("d"),
        between("speed"),
        now.accel.copy(),
        between("heading"),
        now.kind.copy(),
        now.track.copy(),
        now.braking.copy(),
        now.indicator.copy(),
        np.arange(len(now.s)) >= before.driving,
    )
