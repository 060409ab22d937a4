from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivesim.scene.boxes import UNKNOWN_LAMPS, Boxes, cuboid_corners, pairwise_iou, project_cuboids, silhouette
from drivesim.scene.camera import NEAR, Camera
from drivesim.scene.road import Road
from drivesim.scene.vehicles import KINDS, Placement

placements = st.builds(
    Placement, st.floats(-10, 90), st.floats(-15, 15), st.floats(-180, 180), st.sampled_from(KINDS)
)  # fmt: skip


def cuboids(*placed: Placement) -> np.ndarray:
    return np.array([p.cuboid(Road()) for p in placed])


def test_corners_turn_to_the_left() -> None:
    corners = cuboid_corners(np.array([10.0, 0, 1, 4, 2, 2, math.pi / 2]))
    assert np.allclose([corners.min(0), corners.max(0)], [[9, -2, 0], [11, 2, 2]])


def test_a_car_ahead_is_as_large_as_its_rear() -> None:
    camera = Camera(height=1.4, field_of_view=60)
    box, visible = project_cuboids(camera, cuboids(Placement(20, 0)))
    rear = 20 - 4.7 / 2
    assert box[0, 2] - box[0, 0] == pytest.approx(camera.focal * 1.82 / rear, rel=1e-5)
    assert box[0, 3] == pytest.approx(0.5 + 2 * camera.focal * 1.4 / rear, rel=1e-5)
    assert visible[0] == 1


def test_a_car_behind_the_camera_or_beside_the_frame_has_no_box() -> None:
    box, visible = project_cuboids(Camera(), cuboids(Placement(-20, 0), Placement(10, 30)))
    assert np.isnan(box).all()
    assert (visible == 0).all()
    assert silhouette(Camera(), cuboids(Placement(-20, 0))[0]) is None


def test_a_truck_hides_the_car_before_it_in_either_order() -> None:
    pair = cuboids(Placement(15, 0, kind="truck"), Placement(30, 0))
    assert project_cuboids(Camera(), pair)[1].tolist() == [1, 0]
    assert project_cuboids(Camera(), pair[::-1])[1].tolist() == [0, 1]


def test_half_hidden_is_half_visible() -> None:
    near = np.array([10.0, 1.0, 1.4, 1e-6, 2.0, 2.8, 0.0])  # a screen over the left half of what is behind it
    far = np.array([10.1, 0.0, 1.4, 1e-6, 1.0, 1.0, 0.0])
    assert project_cuboids(Camera(), np.stack([near, far]))[1][1] == pytest.approx(0.5, abs=1e-2)


@given(st.lists(placements, max_size=6))
def test_boxes_stay_inside_the_frame(placed: list[Placement]) -> None:
    box, visible = project_cuboids(Camera(), cuboids(*placed).reshape(-1, 7))
    seen = ~np.isnan(box[:, 0])
    assert ((box[seen] >= 0) & (box[seen] <= 1)).all()
    assert (box[seen, 2:] >= box[seen, :2]).all()
    assert ((visible >= 0) & (visible <= 1)).all()


@given(placements)
def test_a_box_bounds_every_corner_that_is_in_view(placed: Placement) -> None:
    camera, cuboid = Camera(), cuboids(placed)
    points, depth = camera.project(cuboid_corners(cuboid[0]))
    inside = points[(depth >= NEAR) & ((points > 0) & (points < 1)).all(-1)]
    box, _ = project_cuboids(camera, cuboid)
    for x, y in inside:
        assert box[0, 0] - 1e-5 <= x <= box[0, 2] + 1e-5 and box[0, 1] - 1e-5 <= y <= box[0, 3] + 1e-5
    if (depth >= NEAR).all() and ((points >= 0) & (points <= 1)).all():
        assert np.allclose(box[0], [*points.min(0), *points.max(0)], atol=1e-5)


@given(placements.filter(lambda p: p.ahead > 0))
def test_mirroring_the_world_mirrors_the_box(placed: Placement) -> None:
    mirrored = Placement(placed.ahead, -placed.left, -placed.heading, placed.kind)
    box, other = (project_cuboids(Camera(), cuboids(p))[0][0] for p in (placed, mirrored))
    assert np.allclose(box, [1 - other[2], other[1], 1 - other[0], other[3]], atol=1e-6, equal_nan=True)


def test_low_boxes_hide_but_are_not_asked_for_what_hides_them() -> None:
    cuboids = np.array([[10 * k, 0.4 * k, 0.75, 4.5, 1.8, 1.5, 0] for k in range(1, 9)], float)
    (box, visible), (again, high) = project_cuboids(Camera(), cuboids), project_cuboids(Camera(), cuboids, least=0.1)
    np.testing.assert_array_equal(box, again)
    low = box[:, 3] - box[:, 1] < 0.1
    np.testing.assert_array_equal(high, np.where(low, 0, visible))
    assert 0 < low.sum() < len(low) and visible.min() < 1


def test_crowdedness_counts_what_is_high_enough_and_visible() -> None:
    box = np.array([[0.1, 0.5, 0.2, 0.5 + h / 128] for h in (7.9, 8, 20, 20)], np.float32)
    visible = np.array([1, 1, 0.29, 0.3], np.float32)
    boxes = Boxes(np.arange(4), np.zeros(4, np.int64), box, np.zeros(4, np.float32), visible, np.zeros((4, 7)))
    assert boxes.counted.tolist() == [False, True, False, True]
    assert boxes.crowdedness == 2
    assert boxes.take(boxes.counted).track.tolist() == [1, 3]
    assert len(Boxes.none()) == Boxes.none().crowdedness == 0
    unsaid = replace(boxes, visible=np.full(4, np.nan, np.float32))
    assert unsaid.crowdedness == 3, "who was labelled was seen, where nobody says how much is hidden"


def test_paint_and_lamps_are_unknown_unless_given() -> None:
    whole = np.zeros(2, np.int64), np.zeros(2, np.int64)
    rest = np.zeros((2, 4), np.float32), np.zeros(2, np.float32), np.ones(2, np.float32), np.zeros((2, 7), np.float32)
    unknown = Boxes(*whole, *rest)
    assert np.isnan(unknown.paint).all() and unknown.paint.shape == (2, 3)
    assert (unknown.lamps == UNKNOWN_LAMPS).all() and unknown.lamps.dtype == np.uint8
    known = Boxes(*whole, *rest, np.full((2, 3), 0.5, np.float32), np.array([1, 4], np.uint8))
    assert known.take(np.array([1])).lamps.tolist() == [4] and len(Boxes.none().paint) == 0


def test_shared_area_of_pairs() -> None:
    a = np.array([[0.0, 0, 2, 2], [5, 5, 6, 6]])
    b = np.array([[1.0, 0, 3, 2]])
    np.testing.assert_allclose(pairwise_iou(a, b), [[1 / 3], [0]])
    assert pairwise_iou(a, b[:0]).shape == (2, 0)
