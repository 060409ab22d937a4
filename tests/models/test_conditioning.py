"""Conditions: built from the scene, dropped exactly, drawn where they are, encoded without order."""

from dataclasses import fields

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from drivesim.models.conditioning import (
    BOX_MAP_CHANNELS,
    GROUPS,
    MAX_BOXES,
    ConditionEncoder,
    Conditions,
    box_map,
    build_conditions,
)
from drivesim.scene.boxes import Boxes
from drivesim.scene.camera import Camera
from drivesim.scene.road import Road

LEFT, RIGHT, FAR = [0.1, 0.5, 0.3, 0.9], [0.6, 0.4, 0.9, 0.8], [0.45, 0.4, 0.5, 0.5]


def boxes(*rows: list[float], kind: int = 0, heading: float = 0.0, distance: list[float] | None = None) -> Boxes:
    n = len(rows)
    cuboid = np.full((n, 7), np.nan, np.float32)
    if distance is not None:
        cuboid[:, 0], cuboid[:, 1] = distance, 0.0
    return Boxes(
        np.arange(n), np.full(n, kind), np.array(rows, np.float32).reshape(n, 4), np.full(n, heading, np.float32),
        np.ones(n, np.float32), cuboid,
    )  # fmt: skip


def full(*rows: list[float]) -> Conditions:
    return build_conditions([boxes(*rows)], "night", 3, Road("city", 3, 2, 0.01), Camera(1.6, -2.0, 70.0), 7.0)


def equal(a: Conditions, b: Conditions) -> bool:
    return all(torch.equal(getattr(a, f.name), getattr(b, f.name)) for f in fields(Conditions))


def encoder() -> ConditionEncoder:
    torch.manual_seed(0)
    made = ConditionEncoder(32, layers=2, head_width=16)
    for parameter in made.parameters():
        nn.init.normal_(parameter, std=0.3)
    return made


def test_built_from_the_scene() -> None:
    c = full(LEFT, RIGHT)
    assert c.box_mask.sum() == 2
    assert (float(c.night), float(c.crowdedness), int(c.setting), float(c.lanes)) == (1, 3, 1, 3)
    assert (float(c.camera_height), float(c.pitch)) == (pytest.approx(1.6), -2.0)
    assert float(c.along) == 7.0
    assert all(getattr(c, f"{group}_given").all() for group in GROUPS)
    pair = build_conditions([boxes(LEFT), None], ["day", "night"], [1, 5])
    assert pair.boxes_given.tolist() == [True, False]
    assert pair.night.tolist() == [0, 1]
    assert not pair.road_given.any()
    with pytest.raises(ValueError, match="rows"):
        build_conditions([None], ["day", "night"], 1)


def test_nearest_first_and_at_most_max_boxes() -> None:
    by_distance = build_conditions([boxes(LEFT, RIGHT, FAR, distance=[9.0, 5.0, 40.0])]).boxes[0, :3]
    torch.testing.assert_close(by_distance, torch.tensor([RIGHT, LEFT, FAR]))
    by_edge = build_conditions([boxes(FAR, RIGHT, LEFT)]).boxes[0, :3]
    torch.testing.assert_close(by_edge, torch.tensor([LEFT, RIGHT, FAR]))
    many = build_conditions([boxes(*[FAR] * 30, distance=list(range(30, 0, -1)))])
    assert many.box_mask.all()
    unseen = build_conditions([boxes([np.nan] * 4, [0.2, 0.5, 0.2, 0.6], LEFT)])
    assert unseen.box_mask.sum() == 1


def test_dropping_is_not_giving() -> None:
    c = full(LEFT)
    assert equal(c.drop(boxes=True, look=True, road=True, camera=True, place=True), Conditions.none(1))
    assert equal(c.drop(look=True, road=True, camera=True, place=True), build_conditions([boxes(LEFT)]))
    without = build_conditions([None], "night", 3, Road("city", 3, 2, 0.01), Camera(1.6, -2.0, 70.0), 7.0)
    assert equal(c.drop(boxes=torch.tensor([True])), without)
    assert equal(c.drop(boxes=torch.tensor([False])), c)


def test_rows_and_repeat() -> None:
    pair = build_conditions([boxes(LEFT), boxes(RIGHT)], ["day", "night"], 2)
    assert equal(pair.repeat(3).rows(slice(3, 6)), pair.rows(torch.tensor([1, 1, 1])))
    assert len(pair.repeat(3)) == 6
    assert equal(pair.to("cpu"), pair)


def test_box_map_of_one_box_is_exact() -> None:
    c = build_conditions([boxes([0.25, 0.5, 0.625, 1.0], kind=4, heading=np.pi / 2)])
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
    small = box_map(build_conditions([boxes([0.41, 0.33, 0.47, 0.41])]), 16, 32)[0, 0]
    assert float(small.sum() / (16 * 32)) == pytest.approx(0.06 * 0.08, rel=1e-4)
    near, far = [0.25, 0.25, 0.75, 1.0], [0.0, 0.0, 0.5, 0.5]
    both = Boxes(np.arange(2), np.array([0, 5]), np.array([far, near], np.float32), np.zeros(2, np.float32),
                 np.ones(2, np.float32), np.full((2, 7), np.nan, np.float32))  # fmt: skip
    drawn = box_map(build_conditions([both]), 4, 4)[0]
    assert drawn[10, 1, 1] == 1 and drawn[5, 1, 1] == 0
    assert drawn[5, 0, 0] == 1
    assert drawn[0].max() == 1


def test_box_map_is_zero_where_not_given_and_tells_an_empty_road_apart() -> None:
    assert not box_map(full(LEFT).drop(boxes=True), 4, 8).any()
    empty = box_map(full(), 4, 8)[0]
    assert not empty[:-1].any()
    assert (empty[-1] == 1).all()


def test_padding_and_order_do_not_matter() -> None:
    c = full(LEFT, RIGHT, FAR)
    order = torch.tensor([2, 5, 0, 7, 1, *[i for i in range(MAX_BOXES) if i not in (2, 5, 0, 7, 1)]])
    moved = {name: getattr(c, name)[:, order] for name in GROUPS["boxes"]}
    junk = torch.where(moved["box_mask"][..., None], moved["boxes"], torch.rand(1, MAX_BOXES, 4))
    other = Conditions(**(vars(c) | moved | {"boxes": junk}))
    torch.testing.assert_close(box_map(other, 16, 32), box_map(c, 16, 32))
    (tokens, mask), (tokens2, mask2) = encoder()(c), encoder()(other)
    torch.testing.assert_close(tokens2[:, MAX_BOXES:], tokens[:, MAX_BOXES:], atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(tokens2[mask2].sum(0), tokens[mask].sum(0), atol=1e-4, rtol=1e-4)


def picture_tokens(c: Conditions) -> Tensor:
    tokens, mask = encoder()(c)
    assert mask[:, MAX_BOXES:].all()
    return tokens[:, MAX_BOXES:]


@pytest.mark.parametrize(
    ("name", "value"),
    [("night", 0.0), ("crowdedness", 9.0), ("setting", 3), ("lanes", 1.0), ("ego_lane", 1.0), ("curvature", -0.01),
     ("camera_height", 2.4), ("pitch", 4.0), ("field_of_view", 100.0)],
)  # fmt: skip
def test_every_number_changes_the_tokens(name: str, value: float) -> None:
    c = full(LEFT)
    other = Conditions(**(vars(c) | {name: torch.full_like(getattr(c, name), value)}))
    assert not torch.allclose(picture_tokens(c), picture_tokens(other), atol=1e-3)
    group = next(group for group, names in GROUPS.items() if name in names)
    hidden = {f"{group}_given": torch.zeros(1, dtype=torch.bool)}
    a, b = (Conditions(**(vars(x) | hidden)) for x in (c, other))
    torch.testing.assert_close(picture_tokens(a), picture_tokens(b), atol=0, rtol=0)


def test_crowdedness_is_clamped() -> None:
    many, more = (build_conditions([None], "day", n) for n in (MAX_BOXES, 70))
    assert torch.equal(picture_tokens(many), picture_tokens(more))


def test_kind_and_heading_of_a_box_change_the_tokens() -> None:
    a, b, c = (build_conditions([boxes(LEFT, **k)]) for k in ({}, {"kind": 3}, {"heading": 3.14}))
    assert not torch.allclose(picture_tokens(a), picture_tokens(b), atol=1e-3)
    assert not torch.allclose(picture_tokens(a), picture_tokens(c), atol=1e-3)
