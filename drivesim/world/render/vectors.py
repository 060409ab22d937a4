"""Small products and extents of many rows at once: numpy's reductions over an axis of two or three are slow."""

from __future__ import annotations

from functools import reduce

import numpy as np


def dot(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Scalar products [n] of vectors whose components come first: a, b [3 n]."""
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]


def row_dot(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Scalar products [n] of the rows of a, b [n 3]."""
    products = a * b
    return products[:, 0] + products[:, 1] + products[:, 2]


def extent(points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Least and greatest coordinates, [n c] each, of n groups of points [n k c]."""
    corners = [points[:, i] for i in range(points.shape[1])]
    return reduce(np.minimum, corners), reduce(np.maximum, corners)
