"""Where the cutter is taken to be, of vehicles that were found."""

from __future__ import annotations

import numpy as np
import pytest

from drivesim.evaluation.fidelity.cut_in import cutter_places
from drivesim.models.detector.detector import Detections
from drivesim.scene.boxes import Boxes, project_cuboids
from drivesim.scene.camera import Camera
from drivesim.scene.road import Road

CAMERA, ROAD = Camera(), Road("highway", 3, 2, 0.0)


def labels(*left: float) -> Boxes:
    """Vans 20 m ahead, so far left in metres."""
    cuboid = np.array([[20, y, 1, 5, 2, 2.2, 0] for y in left], np.float32).reshape(-1, 7)
    box, visible = project_cuboids(CAMERA, cuboid)
    count = len(left)
    return Boxes(np.arange(count), np.zeros(count, np.int64), box, np.zeros(count, np.float32), visible, cuboid)


def found(*left: float) -> Detections:
    box = labels(*left).box
    return Detections(box, np.full(len(box), 0.9, np.float32), np.zeros(len(box), np.int64), np.zeros((len(box), 3), np.float32))


def places(seen: Detections, truth: Boxes) -> tuple[float, float]:
    asked, there = cutter_places([seen], [truth], CAMERA, ROAD)
    return float(asked[0]), float(there[0])


def test_the_place_of_what_is_found_is_told_in_lanes() -> None:
    asked, there = places(found(0.5 * ROAD.lane_width), labels(ROAD.lane_width))
    assert asked == pytest.approx(1) and there == pytest.approx(0.5, abs=0.03)


def test_other_vehicles_and_far_ones_are_not_the_cutter() -> None:
    assert np.isnan(places(found(0.0), labels(ROAD.lane_width, 0.0))[1])
    assert np.isnan(places(found(-1.5 * ROAD.lane_width), labels(ROAD.lane_width))[1])
    assert np.isnan(places(found(), labels(0.0))[1])


def test_of_two_vehicles_the_surest_is_taken_not_the_one_nearest_to_the_label() -> None:
    both = found(0.4 * ROAD.lane_width, ROAD.lane_width)
    both.score[:] = 0.9, 0.2
    assert places(both, labels(ROAD.lane_width))[1] == pytest.approx(0.4, abs=0.03)


def test_without_a_whole_label_nothing_is_asked() -> None:
    assert np.isnan(places(found(0.0), labels()))[0]
