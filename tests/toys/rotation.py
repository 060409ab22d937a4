"""Quaternions as matrices."""

from __future__ import annotations

import numpy as np


def matrix_of(quaternion: np.ndarray) -> np.ndarray:
    """By v' = v + 2 w (u x v) + 2 u x (u x v)."""
    w, u = quaternion[0], quaternion[1:]
    return np.stack([v + 2 * w * np.cross(u, v) + 2 * np.cross(u, np.cross(u, v)) for v in np.eye(3)], axis=1)
