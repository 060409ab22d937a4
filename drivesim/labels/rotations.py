"""Rotations as unit quaternions w, x, y, z."""

from __future__ import annotations

import math

import numpy as np


def quaternion_of_yaw(yaw: float) -> np.ndarray:
    """The turn by `yaw` (rad) about z [4]."""
    return np.array([math.cos(yaw / 2), 0.0, 0.0, math.sin(yaw / 2)])


def quaternion_of(matrix: np.ndarray) -> np.ndarray:
    """The quaternion [4], w at least 0, of a rotation matrix [3 3], as Bar-Itzhack has it: the eigenvector of the largest value."""
    m = matrix
    k = np.array(
        [
            [m[0, 0] + m[1, 1] + m[2, 2], 0, 0, 0],
            [m[2, 1] - m[1, 2], m[0, 0] - m[1, 1] - m[2, 2], 0, 0],
            [m[0, 2] - m[2, 0], m[0, 1] + m[1, 0], m[1, 1] - m[0, 0] - m[2, 2], 0],
            [m[1, 0] - m[0, 1], m[0, 2] + m[2, 0], m[1, 2] + m[2, 1], m[2, 2] - m[0, 0] - m[1, 1]],
        ]
    )
    values, vectors = np.linalg.eigh(k, UPLO="L")
    found = vectors[:, np.argmax(values)]
    return found if found[0] >= 0 else -found
