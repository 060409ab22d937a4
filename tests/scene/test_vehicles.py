from __future__ import annotations

import math

import numpy as np
import pytest

from drivesim.scene.road import Road
from drivesim.scene.vehicles import KINDS, SIZES, Placement


@pytest.mark.parametrize("kind", KINDS)
def test_a_cuboid_stands_on_the_road_with_the_size_of_its_kind(kind: str) -> None:
    cuboid = Placement(20, -3.7, kind=kind).cuboid(Road())  # type: ignore[arg-type]
    assert np.allclose(cuboid[:2], [20, -3.7])
    assert tuple(cuboid[3:6]) == SIZES[kind]  # type: ignore[index]
    assert cuboid[2] == pytest.approx(cuboid[5] / 2)


def test_heading_is_measured_from_the_road() -> None:
    assert Placement(30, 0).cuboid(Road(curvature=0.01))[6] == pytest.approx(0.3)
    assert Placement(30, 0, heading=180).cuboid(Road())[6] == pytest.approx(math.pi)
    assert Placement(30, 0, heading=90).cuboid(Road(curvature=-0.01))[6] == pytest.approx(math.pi / 2 - 0.3)
