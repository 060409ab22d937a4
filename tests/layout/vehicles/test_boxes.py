"""Labels of a moment: whole boxes, and the share of each vehicle that the camera sees."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from drivesim.layout.course import Course
from drivesim.layout.raster import pixel_counts
from drivesim.layout.scene_at import SceneAt, Vehicles
from drivesim.layout.strips import Strips
from drivesim.layout.vehicles.boxes import moment_boxes
from drivesim.scene.camera import Camera
from drivesim.scene.geometry import Pose
from drivesim.scene.road import Road
from drivesim.scene.vehicles import KINDS, SIZES


def scene(*places: tuple[float, float, str]) -> SceneAt:
    """Vehicles of these kinds, metres ahead and left, on an empty road."""
    road = Road("highway", 3, 2)
    kind = np.array([KINDS.index(name) for *_, name in places], np.int64)  # type: ignore[arg-type]
    size = np.array([SIZES[name] for *_, name in places]).reshape(-1, 3)  # type: ignore[index]
    place = np.array([place[:2] for place in places], float).reshape(-1, 2)
    cuboid = np.column_stack([place, size[:, 2] / 2, size, np.zeros(len(places))])
    vehicles = Vehicles(np.arange(len(places)), kind, cuboid, np.full((len(places), 3), 0.5, np.float32),
                        np.zeros(len(places), np.uint8))  # fmt: skip
    return SceneAt(Pose(*np.zeros((3,))), Camera(), Course.of(road), 0.0, Strips.plain(road), vehicles=vehicles)


def test_what_stands_before_another_hides_it() -> None:
    boxes = moment_boxes(scene((20, 0, "truck"), (40, 2.8, "sedan"), (15, -3.7, "suv")))
    assert boxes.track.tolist() == [0, 1, 2]
    assert boxes.visible[[0, 2]].min() > 0.99 and 0 < boxes.visible[1] < 0.6
    alone = moment_boxes(scene((40, 2.8, "sedan")))
    np.testing.assert_array_equal(alone.box[0], boxes.box[1])
    assert alone.visible[0] == 1


def test_who_is_not_seen_has_no_label_unless_always() -> None:
    hidden = scene((8, 0, "truck"), (30, 0, "hatchback"), (-10, 0, "sedan"), (5, 30, "sedan"))
    assert moment_boxes(hidden).track.tolist() == [0]
    boxes = moment_boxes(hidden, always=2)
    assert boxes.track.tolist() == [0, 1] and boxes.visible[1] == 0
    assert len(moment_boxes(scene())) == 0


def test_a_vehicle_at_the_edge_is_judged_by_what_is_inside() -> None:
    boxes = moment_boxes(scene((7, 3.7, "sedan")))
    assert boxes.box[0, 0] == 0 and boxes.visible[0] == 1


def test_tracks_need_no_order() -> None:
    ordered = scene((20, 0, "truck"), (40, 2.8, "sedan"))
    shuffled = replace(ordered, vehicles=replace(ordered.vehicles, track=np.array([7, 3])))
    boxes = moment_boxes(shuffled)
    assert boxes.track.tolist() == [7, 3]
    np.testing.assert_array_equal(boxes.visible, moment_boxes(ordered).visible)


@pytest.mark.parametrize("size", [(512, 1024), (128, 256)], ids=str)
def test_pixels_of_a_vehicle_alone_are_those_of_a_frame_with_nobody_else(size: tuple[int, int]) -> None:
    """Near ones, which the frame cuts, far ones, and one that is behind another or out of view."""
    near, far = ((7, 3.7, "sedan"), (9, -3.7, "bus"), (14, 0, "truck")), ((30, 0, "suv"), (60, 3.7, "van"), (140, 0, "bus"))
    places = (*near, *far, (-20, 0, "van"))
    together = scene(*places)
    seen, whole = pixel_counts(together, *size)
    alone = [pixel_counts(replace(together, vehicles=together.vehicles.take(np.array([row]))), *size) for row in range(len(places))]
    assert [int(first[0]) for first, _ in alone] == [int(second[0]) for _, second in alone] == whole.tolist()
    assert (seen <= whole).all() and seen[3] < whole[3] and whole[6] == 0 < whole[5]
