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
from drivesim.models.conditions.conditions import Conditions, GroupRows, stacked
from drivesim.models.conditions.group import FieldValues, Group
from drivesim.models.conditions.layout.bodies import BodiesGroup
from drivesim.models.conditions.layout.ground_map import GroundMapGroup
from drivesim.models.conditions.layout.layout_group import LayoutGroup
from drivesim.models.conditions.layout.roadside import RoadsideGroup
from drivesim.models.conditions.layout.vehicles import VehiclesGroup
from drivesim.models.conditions.look import LookGroup
from drivesim.models.conditions.place import PlaceGroup
from drivesim.models.conditions.road import RoadGroup
from drivesim.scene.boxes import Boxes
from drivesim.scene.clip import ClipLabels

if TYPE_CHECKING:
    from drivesim.scenario.scenario import Scenario

LAYOUT_GROUPS: dict[str, LayoutGroup] = {
    group.name: group for group in (VehiclesGroup(), GroundMapGroup(), RoadsideGroup(), BodiesGroup())
}
"""Those that show layout maps, by name."""
GROUPS: dict[str, Group] = {
    group.name: group
    for group in (BoxGroup(), LookGroup(), RoadGroup(), CameraGroup(), PlaceGroup(), *LAYOUT_GROUPS.values())
}
"""By name. The order is that of random draws in training and of maps beside the latents: a new group comes last."""

Layouts = Sequence[np.ndarray | None]
"""Planes uint8 [p h w] of each picture (see layout.planes), None where they are not known."""


def pixel_groups(bodies: bool) -> dict[str, LayoutGroup]:
    """The layout groups that networks which make pixels are shown, with or without `bodies`."""
    return {name: group for name, group in LAYOUT_GROUPS.items() if bodies or name != "bodies"}


def no_conditions(rows: int) -> Conditions:
    """Nothing given, for `rows` pictures."""
    return Conditions({name: group_rows(group, [None] * rows) for name, group in GROUPS.items()})


def scenario_conditions(
    scenario: Scenario, seconds: Sequence[float] = (0.0,), layouts: Layouts | None = None
) -> Conditions:
    """What a scenario, and the layout of each picture, say of the pictures at these times after its first frame, a row each."""
    return Conditions({
        name: group_rows(group, _with_layouts(group, [group.of_scenario(scenario, second) for second in seconds], layouts))
        for name, group in GROUPS.items()
    })  # fmt: skip


def label_conditions(clips: Sequence[ClipLabels], layouts: Layouts | None = None) -> Conditions:
    """What is known of each frame of these clips, rows [(b f)]; `layouts` one a row."""
    frames = list(chain.from_iterable(((labels, frame) for frame in range(len(labels))) for labels in clips))
    return Conditions({
        name: group_rows(group, _with_layouts(group, [group.of_labels(labels, frame) for labels, frame in frames], layouts))
        for name, group in GROUPS.items()
    })  # fmt: skip


def layout_conditions(layouts: Layouts) -> Conditions:
    """What the layout of each picture says, a row each, and nothing else."""
    return Conditions({
        name: group_rows(group, [None if planes is None else group.of_layout(planes) for planes in layouts])
        for name, group in LAYOUT_GROUPS.items()
    })  # fmt: skip


def _with_layouts(group: Group, values: list[FieldValues | None], layouts: Layouts | None) -> list[FieldValues | None]:
    """The values of a group, or what layouts say of it in their place."""
    if layouts is None or not isinstance(group, LayoutGroup):
        return values
    return [None if planes is None else group.of_layout(planes) for planes in layouts]


def box_conditions(tables: Sequence[Boxes | None]) -> GroupRows:
    """The rows of the group "boxes" for these tables, not given where one is None."""
    group = BoxGroup()
    return group_rows(group, [None if table is None else group.of_table(table) for table in tables])


def group_rows(group: Group, values: Sequence[FieldValues | None]) -> GroupRows:
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
