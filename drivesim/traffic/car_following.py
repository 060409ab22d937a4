"""Car following: who drives behind whom, how hard they brake or accelerate, and where that takes them along the road."""

from __future__ import annotations

import math

import numpy as np

from drivesim.traffic.drivers import LENGTHS, idm_acceleration
from drivesim.traffic.state import Traffic, lane_bits, lane_sign

HARDEST = 10.0  # m/s^2: no tyre brakes harder


def leaders(traffic: Traffic, lane: np.ndarray, target: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Every driving row's gap (m) to and row of its leader if it used `lane` and `target`, and who is how far ahead [n n]."""
    vehicles, n = traffic.vehicles, traffic.driving
    s, length, sign = vehicles.s[:n], LENGTHS[vehicles.kind[:n]], lane_sign(vehicles.lane[:n])
    there, mine = lane_bits(vehicles.lane[:n], vehicles.target[:n]), lane_bits(lane, target)
    ahead = (s[None, :] - s[:, None]) * sign[:, None]
    shared = (mine[:, None] & there[None, :]) != 0
    gaps = np.where(shared & (ahead > 0), ahead - 0.5 * (length[None, :] + length[:, None]), np.inf)
    leader = gaps.argmin(axis=1)
    return gaps[np.arange(n), leader], leader, ahead


def accelerations(traffic: Traffic, gap: np.ndarray, leader_speed: np.ndarray, leader_accel: np.ndarray) -> np.ndarray:
    """What the driving rows' drivers do (m/s^2) about leaders `gap` m ahead of their bumpers."""
    vehicles, drive = traffic.vehicles, slice(0, traffic.driving)
    desired = vehicles.desired[drive] * traffic.pace
    desired[0] *= traffic.ego_pace
    speed = vehicles.speed[drive]
    return idm_acceleration(
        speed, desired, gap, speed - leader_speed, vehicles.headway[drive], vehicles.standstill[drive],
        vehicles.strength[drive], vehicles.comfort[drive], leader_accel,
    )  # fmt: skip


def follow(traffic: Traffic, dt: float) -> None:
    """Moves everybody along the road for `dt` seconds behind whoever leads, or up to the stop line (in place)."""
    vehicles, n = traffic.vehicles, traffic.driving
    gap, leader, _ = leaders(traffic, vehicles.lane[:n], vehicles.target[:n])
    leader_speed, leader_accel = vehicles.speed[leader], vehicles.accel[leader]
    if traffic.director is not None:  # in a script somebody may cross the lane, or use it the wrong way
        leader_speed = leader_speed * np.cos(vehicles.heading[leader]) * lane_sign(vehicles.lane[:n])
    if math.isfinite(traffic.stop_s):
        to_line = traffic.stop_s - vehicles.s[:n] - 0.5 * LENGTHS[vehicles.kind[:n]]
        to_line = np.where(vehicles.stops[:n], to_line, np.inf)
        nearer = to_line < gap
        leader_speed, leader_accel = np.where(nearer, 0.0, leader_speed), np.where(nearer, 0.0, leader_accel)
        gap = np.where(nearer, np.maximum(to_line + vehicles.standstill[:n], 0.1), gap)
    accel = accelerations(traffic, gap, leader_speed, leader_accel)
    speed = np.clip(vehicles.speed[:n] + accel * dt, 0.0, np.maximum(0.0, (gap - 0.6) / dt))
    if traffic.director is not None:  # nor does a script that is in the way stop anybody at once
        speed = np.maximum(speed, vehicles.speed[:n] - HARDEST * dt)
    sign = lane_sign(vehicles.lane[:n])
    vehicles.accel[:n] = (speed - vehicles.speed[:n]) / dt
    vehicles.s[:n] += sign * 0.5 * (speed + np.minimum(speed, vehicles.speed[:n])) * dt
    vehicles.speed[:n] = speed


def update_brake_lamps(traffic: Traffic) -> None:
    """Brake lamps by what the drivers just did, with hysteresis (in place)."""
    vehicles, n = traffic.vehicles, traffic.driving
    slowing = vehicles.accel[:n] < np.where(vehicles.braking[:n], -0.35, -0.9)
    vehicles.braking[:n] = slowing | ((vehicles.speed[:n] < 0.4) & (vehicles.accel[:n] < 0.15))
