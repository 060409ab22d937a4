"""The vehicles of one moment as geometry in the ego frame: bodies at their places, with the lamps that shine."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from typing import Literal

import numpy as np

from drivesim.scene.classes import SceneClass
from drivesim.scene.vehicles import KINDS, SIZES
from drivesim.traffic.paint import VARIANTS, body_generator, body_variant
from drivesim.traffic.vehicle_lamps import Lamps
from drivesim.world.render.geometry import Geometry, assemble, merged
from drivesim.world.render.mesh import MATERIALS, Mesh
from drivesim.world.vehicles.bodies import vehicle_mesh

_NEAR = 45.0  # m; farther bodies are drawn without details


def fleet(
    seed: int, track: np.ndarray, kind: np.ndarray, place: np.ndarray, yaw: np.ndarray, glow: np.ndarray, lit: Lamps
) -> Geometry:
    """Vehicles [n] of the world of `seed`, one object each, at place [n 2] (m) with yaw [n] (rad).

    `glow` bool [n]: lamps are switched on for the night.
    """
    parts, emission = [], []
    for i, (x, y) in enumerate(place):
        detail: Literal["near", "far"] = "near" if np.hypot(x, y) < _NEAR else "far"
        parts.append(_body(int(kind[i]), body_variant(seed, int(track[i])), detail))
        power = _lamp_power(lit, i, bool(glow[i]))
        emission.append(_emission(parts[-1].mesh, power, bool(lit.left[i]), bool(lit.right[i])))
    if not parts:
        return assemble([], [], [], [])
    whole = merged(parts)
    whole.emission[:] = np.concatenate(emission)
    return _placed(whole, place, yaw)


@lru_cache(maxsize=2 * VARIANTS * len(KINDS))
def _body(kind: int, variant: int, detail: Literal["near", "far"]) -> Geometry:
    """One of the VARIANTS bodies of a kind, in its object frame."""
    length, width, _ = SIZES[KINDS[kind]]
    rectangle = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) * [length / 2, width / 2]
    mesh = vehicle_mesh(KINDS[kind], body_generator(kind, variant), detail)
    return assemble([mesh], [SceneClass.VEHICLE], [rectangle], [])


def _placed(geometry: Geometry, place: np.ndarray, yaw: np.ndarray) -> Geometry:
    """Every object of `geometry`, about its own origin, turned by yaw [n] and moved to place [n 2]."""
    c, n = np.cos(yaw).astype(np.float32), np.sin(yaw).astype(np.float32)
    turn = np.zeros((len(yaw), 3, 3), np.float32)
    turn[:, 0, 0], turn[:, 0, 1], turn[:, 1, 0], turn[:, 1, 1], turn[:, 2, 2] = c, n, -n, c, 1
    shift = np.zeros((len(yaw), 1, 3), np.float32)
    shift[:, 0, :2] = place
    own, mesh = geometry.owner, geometry.mesh
    uv = mesh.uv @ turn[own]
    uv[:, :1] += shift[own]
    moved = Mesh(mesh.vertices @ turn[own] + shift[own], mesh.material, mesh.albedo, mesh.seed, uv)
    normal = (geometry.normal[:, None] @ turn[own])[:, 0]
    return replace(geometry, mesh=moved, normal=normal, footprint=geometry.footprint @ turn[:, :2, :2] + shift[..., :2])


def _lamp_power(lit: Lamps, i: int, night: bool) -> np.ndarray:
    """How strongly vehicle i's parts of each of MATERIALS shine; by night unlit brake lamps glow with the tail lamps."""
    power = np.zeros(len(MATERIALS), np.float32)
    power[MATERIALS.index("headlamp")] = lit.head[i] * (14.0 if night else 0.9)
    power[MATERIALS.index("tail_lamp")] = 1.1 * lit.tail[i]
    power[MATERIALS.index("brake_lamp")] = (4.5 if night else 1.6) if lit.brake[i] else (0.5 if night else 0.0)
    return power


def _emission(mesh: Mesh, power: np.ndarray, left: bool, right: bool) -> np.ndarray:
    """How strongly each polygon shines [p]; `left` and `right` say which indicators are lit."""
    shine = power[mesh.material]
    if left or right:
        on_left = mesh.vertices[:, :, 1].mean(axis=1) > 0
        shine[(mesh.material == MATERIALS.index("indicator")) & (on_left == left)] = 2.5
    return shine
