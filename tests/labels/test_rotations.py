from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from rotation import matrix_of

from drivesim.labels.rotations import quaternion_of, quaternion_of_yaw
from drivesim.scene.camera import Camera


@given(st.lists(st.floats(-1, 1), min_size=4, max_size=4).filter(lambda q: np.linalg.norm(q) > 0.1))
def test_a_rotation_goes_to_a_quaternion_and_back(values: list[float]) -> None:
    matrix = matrix_of(np.array(values) / np.linalg.norm(values))
    made = quaternion_of(matrix)
    np.testing.assert_allclose(matrix_of(made), matrix, atol=1e-9)
    assert made[0] >= 0


def test_a_level_camera_looks_ahead() -> None:
    """Right, down, forward are y, z, x with signs: a third of a turn about a diagonal."""
    np.testing.assert_allclose(quaternion_of(Camera(1.5, 0.0, 60.0).axes().T), [0.5, -0.5, 0.5, -0.5], atol=1e-9)


def test_yaw_turns_ahead_to_the_left() -> None:
    np.testing.assert_allclose(matrix_of(quaternion_of_yaw(np.pi / 2)) @ [1, 0, 0], [0, 1, 0], atol=1e-12)
