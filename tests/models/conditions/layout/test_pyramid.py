"""The layout for networks that make pixels: nothing at the start, then what is given, where it is given."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from toy_planes import drawn_planes

from drivesim.layout.planes import Plane
from drivesim.models.conditions.all_groups import LAYOUT_GROUPS, layout_conditions
from drivesim.models.conditions.conditions import Conditions
from drivesim.models.conditions.layout.pyramid import LayoutEntries, LayoutPyramid, layout_hook
from drivesim.scene.classes import SceneClass


@pytest.fixture
def pyramid() -> LayoutPyramid:
    torch.manual_seed(0)
    return LayoutPyramid(LAYOUT_GROUPS, levels=3, fold=2)


def features_of(pyramid: LayoutPyramid, conditions: Conditions) -> list[torch.Tensor]:
    features = pyramid(conditions)
    assert features is not None
    return features.levels


def test_each_level_is_half_as_large_and_nothing_enters_at_the_start(pyramid: LayoutPyramid) -> None:
    known = layout_conditions([drawn_planes()] * 2)
    assert [tuple(level.shape[2:]) for level in features_of(pyramid, known)] == [(8, 16), (4, 8), (2, 4)]
    added = LayoutEntries([5, 6, 7])(pyramid(known))
    assert added is not None and [level.shape[1] for level in added] == [5, 6, 7]
    assert not any(level.any() for level in added)


def test_every_group_is_heard_and_a_row_without_any_is_zero(pyramid: LayoutPyramid) -> None:
    known = layout_conditions([drawn_planes(), drawn_planes(), None])
    whole = features_of(pyramid, known)[-1]
    assert torch.equal(whole[0], whole[1]) and not whole[2].any()
    for name in LAYOUT_GROUPS:
        part = features_of(pyramid, known.drop(**{name: torch.tensor([True, False, False])}))[-1]
        assert not torch.equal(part[0], part[1]) and torch.equal(part[1], whole[1])
    assert features_of(pyramid, known.drop(**dict.fromkeys(LAYOUT_GROUPS, True)))[-1].count_nonzero() == 0
    assert pyramid(layout_conditions([None, None])) is None


def test_a_pixel_is_heard_near_it_alone(pyramid: LayoutPyramid) -> None:
    planes = np.zeros((len(Plane), 64, 64), np.uint8)
    changed = planes.copy()
    changed[Plane.SCENE_CLASS, 32, 32] = SceneClass.BUILDING
    before, after = features_of(pyramid, layout_conditions([planes, changed]))[0]
    rows, columns = (before != after).any(dim=0).nonzero(as_tuple=True)
    assert rows.min() >= 15 and rows.max() <= 17 and columns.min() >= 15 and columns.max() <= 17 and len(rows) > 0


def test_the_hook_adds_to_the_level_that_it_is_called_for() -> None:
    added = [torch.full((1, 1, 4, 4), 1.0), torch.full((1, 1, 2, 2), 2.0)]
    hook = layout_hook(added, lambda i, h: 10 * h)
    assert hook is not None
    assert (hook(0, torch.zeros(1, 1, 2, 2)) == 20).all() and (hook(1, torch.zeros(1, 1, 4, 4)) == 10).all()
    assert layout_hook(None, None) is None
