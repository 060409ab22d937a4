"""The reference line: there and back, and agreement with the closed form of a bend."""

from __future__ import annotations

import numpy as np
import pytest

from drivesim.layout.course import Course
from drivesim.scene.road import Road


@pytest.mark.parametrize("curvature", [0.0, 0.002, -0.008, 0.02])
def test_agrees_with_the_arc_and_finds_the_way_back(curvature: float) -> None:
    road = Road("rural", 2, 1, curvature)
    course = Course.of(road)
    s, d = np.meshgrid(np.linspace(2.0, 40.0, 9), np.linspace(-8.0, 8.0, 5), indexing="ij")
    place, heading = course.to_plane(s, d)
    np.testing.assert_allclose(place, road.to_plane(s, d), atol=0.02)
    np.testing.assert_allclose(heading, s * curvature, atol=1e-9)
    back = [course.locate(place[i, j : j + 1, 0], place[i, j : j + 1, 1:]) for i in range(9) for j in range(5)]
    np.testing.assert_allclose(np.array(back).reshape(9, 5, 2), np.stack([s, d], axis=-1), atol=0.03)


def test_an_ego_beside_the_line_and_turned_sees_it_so() -> None:
    course = Course.of(Road(), left=1.5, heading=0.1)
    (x, y), heading = course.to_plane(np.float64(0.0), np.float64(0.0))
    assert (x, y) == pytest.approx((-1.5 * np.sin(0.1), -1.5 * np.cos(0.1)))
    assert heading == pytest.approx(-0.1)
