"""Lane changes: who begins one (MOBIL, Kesting et al. 2007), and the lateral motion that follows."""

from __future__ import annotations

import math

import numpy as np

from drivesim.traffic.car_following import accelerations, leaders
from drivesim.traffic.drivers import HEAVY, LENGTHS
from drivesim.traffic.state import INDICATING, ONCOMING, Traffic, lane_bits, lane_sign


def begin_lane_change(traffic: Traffic) -> None:
    """At most one vehicle begins a lane change at a time: the one that gains most (in place)."""
    vehicles, n = traffic.vehicles, traffic.driving
    lane = vehicles.lane[:n]
    free = (lane < ONCOMING) & (lane == vehicles.target[:n]) & (vehicles.patience[:n] <= 0) & (vehicles.speed[:n] > 4.5)
    free[0] = False
    if traffic.road.lanes < 2 or not free.any():
        return
    gap, leader, _ = leaders(traffic, lane, lane)
    now = accelerations(traffic, gap, vehicles.speed[leader], vehicles.accel[leader])
    best_gain, best, best_side = 0.25, -1, 0
    for side in (-1, 1):  # -1: lane to the left
        wish = lane + side
        allowed = free & (wish >= 1) & (wish <= traffic.road.lanes)
        if not allowed.any():
            continue
        gain = _gain(traffic, np.where(allowed, wish, lane), allowed, now, 0.05 if side > 0 else 0.0)
        if gain.max() > best_gain:
            best, best_gain, best_side = int(gain.argmax()), float(gain.max()), side
    if best >= 0:
        vehicles.target[best] = vehicles.lane[best] + best_side
        vehicles.progress[best] = INDICATING
        vehicles.indicator[best] = -best_side


def _gain(traffic: Traffic, wish: np.ndarray, allowed: np.ndarray, now: np.ndarray, bias: float) -> np.ndarray:
    """Acceleration (m/s^2) gained over `now` in lane `wish`, and a whim or `bias`; -inf where it is not `allowed` or safe."""
    vehicles, n = traffic.vehicles, traffic.driving
    speed, length = vehicles.speed[:n], LENGTHS[vehicles.kind[:n]]
    there = lane_bits(vehicles.lane[:n], vehicles.target[:n])
    front, leader, ahead = leaders(traffic, wish, wish)
    then = accelerations(traffic, front, speed[leader], vehicles.accel[leader])
    shared = ((1 << wish)[:, None] & there[None, :]) != 0
    np.fill_diagonal(shared, False)
    apart = np.abs(ahead) - 0.5 * (length[None, :] + length[:, None])
    closing = np.where(ahead > 0, speed[:, None] - speed[None, :], speed[None, :] - speed[:, None])
    needed = 3.0 + 0.35 * speed[:, None] + np.maximum(closing, 0.0) * 2.0
    safe = allowed & ~(shared & (apart < needed)).any(axis=1) & (then > -1.5)
    whim = np.where(traffic.rng.random(n) < 0.03, 0.4, 0.0) + bias
    return np.where(safe, then - now + whim, -np.inf)


def steer(traffic: Traffic, dt: float) -> None:
    """Lateral motion (in place): smooth lane changes, paced by the distance driven, so that nobody slides sideways at rest."""
    vehicles, n = traffic.vehicles, traffic.driving
    changing = vehicles.lane[:n] != vehicles.target[:n]
    speed, duration = vehicles.speed[:n], np.where(HEAVY[vehicles.kind[:n]], 5.5, 3.5)
    if changing.any():
        vehicles.progress[:n] += np.where(changing, np.minimum(1.0, speed / 6.0) * dt / duration, 0.0)
    p = np.clip(vehicles.progress[:n], 0.0, 1.0)
    shift = traffic.lane_d(vehicles.target[:n]) - traffic.lane_d(vehicles.lane[:n])
    wander = 0.04 * np.sin(0.45 * traffic.time + 2.4 * vehicles.track[:n])
    wander[0] = 0.0
    vehicles.d[:n] = traffic.lane_d(vehicles.lane[:n]) + vehicles.offset[:n] + shift * p * p * (3 - 2 * p) + wander
    slope = shift * 6 * p * (1 - p) / (duration * np.maximum(speed, 6.0))
    turned = lane_sign(vehicles.lane[:n]) < 0
    vehicles.heading[:n] = np.arctan(slope) + np.where(turned, math.pi, 0.0)
    done = changing & (vehicles.progress[:n] >= 1.0)
    if done.any():
        vehicles.lane[:n][done] = vehicles.target[:n][done]
        vehicles.progress[:n][done] = INDICATING
        vehicles.indicator[:n][done] = 0
        vehicles.patience[:n][done] = traffic.rng.uniform(6, 20, int(done.sum()))
