"""How drivers drive: the intelligent driver model, desired speeds, and the mix of vehicles in each setting."""

from __future__ import annotations

import numpy as np

from drivesim.scene.road import Setting
from drivesim.scene.vehicles import KINDS, SIZE_TABLE

LENGTHS = SIZE_TABLE[:, 0].copy()
HEAVY = np.array([kind in ("truck", "bus") for kind in KINDS])

DESIRED_SPEED: dict[Setting, tuple[float, float]] = {  # m/s
    "highway": (23.0, 32.0),
    "city": (9.0, 13.5),
    "residential": (6.0, 10.5),
    "rural": (17.0, 24.5),
}
HEADWAY = (0.9, 1.8)  # s to the vehicle ahead that drivers keep; see also traffic.sampling, which places them
STANDSTILL = (1.8, 3.2)  # m to it at rest
_HEAVY_SHARE = 0.86  # of the desired speed's upper end that trucks and buses reach
_MIX: dict[Setting, tuple[float, ...]] = {  # shares of KINDS
    "highway": (0.34, 0.15, 0.26, 0.09, 0.14, 0.02),
    "city": (0.31, 0.24, 0.24, 0.11, 0.05, 0.05),
    "residential": (0.31, 0.29, 0.27, 0.09, 0.03, 0.01),
    "rural": (0.30, 0.22, 0.27, 0.10, 0.09, 0.02),
}
_PARKED_MIX = (0.32, 0.31, 0.27, 0.10, 0.0, 0.0)


def draw_kinds(setting: Setting, count: int, rng: np.random.Generator, parked: bool = False) -> np.ndarray:
    """`count` indices into KINDS as common in the setting."""
    return rng.choice(len(KINDS), size=count, p=_PARKED_MIX if parked else _MIX[setting])


def draw_desired_speed(setting: Setting, heavy: np.ndarray, rank: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Speeds (m/s) drivers would like; `rank` 0 is the slowest (right) lane, 1 the fastest; shapes broadcast [n]."""
    low, high = DESIRED_SPEED[setting]
    share = np.clip(rng.normal(0.25 + 0.45 * np.asarray(rank), 0.18), 0.0, 1.0)
    speed = low + (high - low) * share
    return np.where(heavy, np.clip(speed, low * 0.97, high * _HEAVY_SHARE * 0.9), speed)


def idm_acceleration(
    speed: np.ndarray,
    desired: np.ndarray,
    gap: np.ndarray,
    closing: np.ndarray,
    headway: np.ndarray,
    standstill: np.ndarray,
    strength: np.ndarray,
    comfort: np.ndarray,
    leader_accel: np.ndarray,
) -> np.ndarray:
    """Intelligent driver model (Treiber et al. 2000), m/s^2, between -9 and `strength`.

    Where a gap is short but safe the braking stays mild: not below what the leader's motion asks for by the constant
    acceleration heuristic (Kesting et al. 2010), less 1 m/s^2. `gap` m bumper to bumper, `closing` m/s faster than the
    leader, `headway` s, `standstill` m, `strength` and `comfort`
    the maximal acceleration and the comfortable deceleration (m/s^2, both positive).
    """
    wanted = standstill + np.maximum(0.0, speed * headway + speed * closing / (2.0 * np.sqrt(strength * comfort)))
    free = 1.0 - (speed / np.maximum(desired, 0.1)) ** 4
    free = np.where(free < 0.0, np.maximum(free, -1.0), free)  # too fast: let it roll out, no emergency braking
    accel = strength * (free - (wanted / np.maximum(gap, 0.1)) ** 2)
    needed = np.minimum(leader_accel, 0.0) - np.maximum(closing, 0.0) ** 2 / (2.0 * np.maximum(gap - standstill, 0.1))
    return np.clip(np.where(gap > standstill, np.maximum(accel, needed - 1.0), accel), -9.0, strength)


def braking_distance(speed: np.ndarray | float, deceleration: float) -> np.ndarray:
    """Metres to a standstill."""
    return np.square(speed) / (2.0 * deceleration)
