"""The list of all groups of conditions, and conditions made of what each of them finds in scenarios and labels."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from drivesim.models.conditions.boxes import BoxGroup
from drivesim.models.conditions.camera import CameraGroup
from drivesim.models.conditions.container import Conditions, GroupRows, stacked
from drivesim.models.conditions.group import Group, Values
from drivesim.models.conditions.look import LookGroup
from drivesim.models.conditions.place import PlaceGroup
from drivesim.models.conditions.road import RoadGroup
from drivesim.scene.boxes import Boxes
from drivesim.scene.clip import ClipLabels

if TYPE_CHECKING:
    from drivesim.scenario.scenario import Scenario

GROUPS: dict[str, Group] = {group.name: group for group in (BoxGroup(), LookGroup(), RoadGroup(), CameraGroup(), PlaceGroup())}
"""By name. The order is that of random draws in training and of maps beside the latents: a new group comes last."""


def no_conditions(rows: int) -> Conditions:
    """Nothing given, for `rows` pictures."""
    return Conditions({name: group_rows(group, [None] * rows) for name, group in GROUPS.items()})


def scenario_conditions(scenario: Scenario, seconds: Sequence[float] = (0.0,)) -> Conditions:
    """What a scenario says of the pictures at these times after its first frame, a row each."""
    return Conditions({
        name: group_rows(group, [group.of_scenario(scenario, second) for second in seconds]) for name, group in GROUPS.items()
    })  # fmt: skip


def label_conditions(clips: Sequence[ClipLabels]) -> Conditions:
    """What is known of each frame of these clips, rows [(b f)]."""
    frames = list(chain.from_iterable(((labels, frame) for frame in range(len(labels))) for labels in clips))
    return Conditions({
        name: group_rows(group, [group.of_labels(labels, frame) for labels, frame in frames])
        for name, group in GROUPS.items()
    })  # fmt: skip


def box_conditions(tables: Sequence[Boxes | None]) -> GroupRows:
    """The rows of the group "boxes" for these tables, not given where one is None."""
    group = BoxGroup()
    return group_rows(group, [None if table is None else group.of_table(table) for table in tables])


def group_rows(group: Group, values: Sequence[Values | None]) -> GroupRows:
    """The rows of one group, not given where a value is None."""
    given = torch.tensor([row is not None for row in values], dtype=torch.bool)
    fields = {}
    for name, field in group.fields.items():
        nothing = torch.zeros(field.shape, dtype=field.dtype)
        each = [nothing if row is None else _tensor(row[name], field.dtype) for row in values]
        fields[name] = stacked(each)
    return GroupRows(given, fields)


def _tensor(value: object, dtype: torch.dtype) -> Tensor:
    return torch.as_tensor(np.asarray(value)).to(dtype)
