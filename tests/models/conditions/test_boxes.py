"""Boxes: nearest first, drawn where they are, encoded without order."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from toy_labels import FAR, LEFT, RIGHT, all_conditions, toy_boxes, toy_conditions, with_boxes_reordered

from drivesim.models.conditions.boxes import BOX_MAP_CHANNELS, BoxEncoder, box_map
from drivesim.scene.boxes import Boxes
from drivesim.video_format import MAX_VEHICLES


def test_nearest_first_and_at_most_max_boxes() -> None:
    by_distance = toy_conditions([toy_boxes(LEFT, RIGHT, FAR, distance=[9.0, 5.0, 40.0])])["boxes"]["box"][0, :3]
    torch.testing.assert_close(by_distance, torch.tensor([RIGHT, LEFT, FAR]))
    by_edge = toy_conditions([toy_boxes(FAR, RIGHT, LEFT)])["boxes"]["box"][0, :3]
    torch.testing.assert_close(by_edge, torch.tensor([LEFT, RIGHT, FAR]))
    many = toy_conditions([toy_boxes(*[FAR] * 30, distance=list(range(30, 0, -1)))])
    assert many["boxes"]["present"].all()
    unseen = toy_conditions([toy_boxes([np.nan] * 4, [0.2, 0.5, 0.2, 0.6], LEFT)])
    assert unseen["boxes"]["present"].sum() == 1


def test_box_map_of_one_box_is_exact() -> None:
    c = toy_conditions([toy_boxes([0.25, 0.5, 0.625, 1.0], kind=4, heading=np.pi / 2)])
    drawn = box_map(c, 4, 8)[0]
    assert drawn.shape == (BOX_MAP_CHANNELS, 4, 8)
    cover = torch.zeros(4, 8)
    cover[2:, 2:5] = 1
    torch.testing.assert_close(drawn[0], cover)
    torch.testing.assert_close(drawn[1, 2], torch.tensor([0, 0, -2 / 3, 0, 2 / 3, 0, 0, 0]))
    torch.testing.assert_close(drawn[2, :, 3], torch.tensor([0, 0, -0.5, 0.5]))
    torch.testing.assert_close(drawn[3], cover)
    torch.testing.assert_close(drawn[4], 0 * cover, atol=1e-6, rtol=0)
    torch.testing.assert_close(drawn[5 + 4], cover)
    assert drawn[5:11].sum() == cover.sum()
    assert (drawn[11] == 1).all()


def test_box_map_keeps_area_below_the_grid_and_paints_far_to_near() -> None:
    small = box_map(toy_conditions([toy_boxes([0.41, 0.33, 0.47, 0.41])]), 16, 32)[0, 0]
    assert float(small.sum() / (16 * 32)) == pytest.approx(0.06 * 0.08, rel=1e-4)
    near, far = [0.25, 0.25, 0.75, 1.0], [0.0, 0.0, 0.5, 0.5]
    both = Boxes(np.arange(2), np.array([0, 5]), np.array([far, near], np.float32), np.zeros(2, np.float32),
                 np.ones(2, np.float32), np.full((2, 7), np.nan, np.float32))  # fmt: skip
    drawn = box_map(toy_conditions([both]), 4, 4)[0]
    assert drawn[10, 1, 1] == 1 and drawn[5, 1, 1] == 0
    assert drawn[5, 0, 0] == 1
    assert drawn[0].max() == 1


def test_box_map_is_zero_where_not_given_and_tells_an_empty_road_apart() -> None:
    assert not box_map(all_conditions(LEFT).drop(boxes=True), 4, 8).any()
    empty = box_map(all_conditions(), 4, 8)[0]
    assert not empty[:-1].any()
    assert (empty[-1] == 1).all()


def test_padding_and_order_do_not_matter_to_the_map() -> None:
    c = all_conditions(LEFT, RIGHT, FAR)
    order = torch.tensor([2, 5, 0, 7, 1, *[i for i in range(MAX_VEHICLES) if i not in (2, 5, 0, 7, 1)]])
    torch.testing.assert_close(box_map(with_boxes_reordered(c, order), 16, 32), box_map(c, 16, 32))


def test_kind_and_heading_of_a_box_change_its_token() -> None:
    torch.manual_seed(0)
    encoder = BoxEncoder(32, "monotone")
    a, b, c = (encoder.objects(toy_conditions([toy_boxes(LEFT, **k)]))[0][0, 0] for k in ({}, {"kind": 3}, {"heading": 3.14}))
    assert not torch.allclose(a, b, atol=1e-3)
    assert not torch.allclose(a, c, atol=1e-3)


def test_an_unknown_heading_points_nowhere() -> None:
    torch.manual_seed(0)
    encoder = BoxEncoder(32, "monotone")
    known, unknown = (toy_conditions([toy_boxes(LEFT, heading=heading)]) for heading in (0.0, np.nan))
    drawn, plain = box_map(unknown, 8, 16)[0], box_map(known, 8, 16)[0]
    assert not drawn[3:5].any() and plain[4].any()
    assert torch.equal(drawn[:3], plain[:3]) and torch.equal(drawn[5:], plain[5:])
    tokens = [encoder.objects(c)[0][0, 0] for c in (known, unknown)]
    assert tokens[1].isfinite().all() and not torch.allclose(*tokens, atol=1e-3)


def test_size_and_paint_of_a_box_change_its_token_once_learned_and_unknown_ones_add_nothing() -> None:
    torch.manual_seed(0)
    encoder = BoxEncoder(32, "monotone")
    plain = toy_boxes(LEFT)
    red = replace(plain, paint=np.array([[0.8, 0.1, 0.1]], np.float32))
    long = replace(plain, cuboid=np.array([[9, 0, 1, 12, 2.5, 3, 0]], np.float32))
    rows = [toy_conditions([table]) for table in (plain, red, long)]
    unlearned = [encoder.objects(row)[0][0, 0] for row in rows]
    assert torch.equal(unlearned[0], unlearned[1]) and torch.equal(unlearned[0], unlearned[2])
    torch.nn.init.normal_(encoder.details[2].weight)
    unknown, painted, sized = (encoder.objects(row)[0][0, 0] for row in rows)
    assert torch.equal(unknown, unlearned[0])
    assert not torch.allclose(unknown, painted, atol=1e-3)
    assert not torch.allclose(unknown, sized, atol=1e-3)
    assert not torch.allclose(painted, sized, atol=1e-3)
