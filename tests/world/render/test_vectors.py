"""The quick reductions give the bits of numpy's own."""

import numpy as np

from drivesim.world.render.vectors import dot, extent, row_dot


def test_reductions_are_those_of_numpy() -> None:
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(2, 500, 3)).astype(np.float32)
    expected = (a * b).sum(axis=1)
    np.testing.assert_array_equal(row_dot(a, b), expected)
    np.testing.assert_array_equal(dot(a.T, b.T), expected)
    groups = rng.normal(size=(40, 8, 2))
    low, high = extent(groups)
    np.testing.assert_array_equal(low, groups.min(axis=1))
    np.testing.assert_array_equal(high, groups.max(axis=1))
