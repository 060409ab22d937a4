"""Tokens of all groups together: without order, every number is heard, null tokens where nothing is given."""

from typing import get_args

import pytest
import torch
from torch import Tensor, nn
from toy_labels import FAR, LEFT, RIGHT, all_conditions, toy_conditions, with_boxes_reordered, with_field

from drivesim.models.conditions.all_groups import GROUPS
from drivesim.models.conditions.conditions import Conditions
from drivesim.models.conditions.encoder import ConditionEncoder
from drivesim.models.conditions.numbers import NumberCode
from drivesim.video_format import MAX_VEHICLES

CODES: tuple[NumberCode, ...] = get_args(NumberCode)


def perturbed(code: NumberCode = "monotone") -> ConditionEncoder:
    torch.manual_seed(0)
    encoder = ConditionEncoder(tuple(GROUPS), 32, layers=2, code=code, head_width=16)
    for parameter in encoder.parameters():
        nn.init.normal_(parameter, std=0.3)
    return encoder


def picture_tokens(c: Conditions, code: NumberCode = "monotone") -> Tensor:
    tokens, mask = perturbed(code)(c)
    assert mask[:, MAX_VEHICLES:].all()
    return tokens[:, MAX_VEHICLES:]


def test_padding_and_order_do_not_matter() -> None:
    c = all_conditions(LEFT, RIGHT, FAR)
    order = torch.tensor([2, 5, 0, 7, 1, *[i for i in range(MAX_VEHICLES) if i not in (2, 5, 0, 7, 1)]])
    (tokens, mask), (tokens2, mask2) = perturbed()(c), perturbed()(with_boxes_reordered(c, order))
    torch.testing.assert_close(tokens2[:, MAX_VEHICLES:], tokens[:, MAX_VEHICLES:], atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(tokens2[mask2].sum(0), tokens[mask].sum(0), atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("code", CODES)
@pytest.mark.parametrize(
    ("group", "field", "value"),
    [("look", "night", 0.0), ("look", "crowdedness", 9.0), ("road", "setting", 3), ("road", "lanes", 1.0),
     ("road", "ego_lane", 1.0), ("road", "curvature", -0.01), ("camera", "height", 2.4), ("camera", "pitch", 4.0),
     ("camera", "field_of_view", 100.0)],
)  # fmt: skip
def test_every_number_changes_the_tokens(group: str, field: str, value: float, code: NumberCode) -> None:
    c = all_conditions(LEFT)
    other = with_field(c, group, field, torch.full_like(c[group][field], value))
    assert not torch.allclose(picture_tokens(c, code), picture_tokens(other, code), atol=1e-3)
    a, b = (picture_tokens(x.drop(**{group: True}), code) for x in (c, other))
    torch.testing.assert_close(a, b, atol=0, rtol=0)


def test_crowdedness_is_clamped() -> None:
    many, more = (toy_conditions([None], "day", n) for n in (MAX_VEHICLES, 70))
    assert torch.equal(picture_tokens(many), picture_tokens(more))


def test_a_model_is_shown_its_own_groups_alone() -> None:
    encoder = ConditionEncoder(("look", "camera"), 32, layers=1, head_width=16)
    c = all_conditions(LEFT)
    tokens, mask = encoder(c)
    assert tokens.shape == (1, 3, 32) and mask.all()
    assert torch.equal(tokens, encoder(c.drop(road=True, boxes=True, place=True))[0])
    assert encoder.maps(c, 4, 8) == [] and encoder.map_channels == 0
