"""Conditions: dropped exactly, by rows, and named flat and back."""

import pytest
import torch
from toy_labels import LEFT, RIGHT, all_conditions, same_conditions, toy_boxes, toy_conditions

from drivesim.models.conditions.all_groups import GROUPS, no_conditions
from drivesim.models.conditions.conditions import Conditions, stacked
from drivesim.scene.camera import Camera
from drivesim.scene.road import Road


def test_dropping_is_not_giving() -> None:
    c = all_conditions(LEFT)
    assert same_conditions(c.drop(**dict.fromkeys(GROUPS, True)), no_conditions(1))
    assert same_conditions(c.drop(look=True, road=True, camera=True, place=True), toy_conditions([toy_boxes(LEFT)]))
    without = toy_conditions([None], "night", 3, Road("city", 3, 2, 0.01), Camera(1.6, -2.0, 70.0), 7.0)
    assert same_conditions(c.drop(boxes=torch.tensor([True])), without)
    assert same_conditions(c.drop(boxes=torch.tensor([False])), c)
    with pytest.raises(KeyError):
        c.drop(weather=True)


def test_rows_repeat_and_names() -> None:
    pair = toy_conditions([toy_boxes(LEFT), toy_boxes(RIGHT)], "day", [1, 2])
    assert same_conditions(pair.repeat(3).rows(slice(3, 6)), pair.rows(torch.tensor([1, 1, 1])))
    assert len(pair.repeat(3)) == 6
    assert same_conditions(pair.to("cpu"), pair)
    assert same_conditions(Conditions.of_tensors(pair.tensors()), pair)
    assert same_conditions(pair.replace("look", pair.drop(look=True)["look"]), pair.drop(look=True))


def test_maps_that_are_not_given_take_the_size_of_those_that_are() -> None:
    given, absent = torch.rand(3, 4, 8), torch.zeros(3, 1, 1)
    both = stacked([absent, given])
    assert both.shape == (2, 3, 4, 8) and torch.equal(both[1], given) and not both[0].any()
