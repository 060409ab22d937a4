"""Painter's order, also where the middles of long things mislead."""

from __future__ import annotations

import numpy as np

from drivesim.layout.order import painter_order
from drivesim.layout.solid_faces import rectangles


def footprints(*rows: tuple[float, float, float, float]) -> np.ndarray:
    """Rectangles along x from rows x, y, length, width."""
    x, y, length, width = np.array(rows, float).T
    return rectangles(np.stack([x, y]), np.zeros(len(rows)), np.stack([length, width]) / 2)


def test_far_before_near() -> None:
    order = painter_order(footprints((10, 0, 2, 2), (40, 0, 2, 2), (25, 1, 2, 2)))
    assert order.tolist() == [1, 2, 0]


def test_a_car_before_a_long_wall_is_painted_over_it() -> None:
    # the wall's middle (30 m) is nearer than the car (45 m), which stands between the camera and the wall's far part
    order = painter_order(footprints((30, 6, 60, 0.3), (45, 4.5, 4, 2), (50, 9, 4, 2))).tolist()
    assert order.index(0) < order.index(1)
    assert order.index(2) < order.index(0)


def test_every_footprint_comes_once() -> None:
    rng = np.random.default_rng(0)
    rows = np.stack(
        [rng.uniform(2, 90, 200), rng.uniform(-30, 30, 200), rng.uniform(0.1, 25, 200), rng.uniform(0.1, 3, 200)],
        axis=1,
    )
    assert sorted(painter_order(footprints(*rows)).tolist()) == list(range(200))
    assert painter_order(np.zeros((2, 4, 0))).tolist() == []
