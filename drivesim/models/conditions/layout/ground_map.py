"""The ground as the layout sees it, without vehicles: road, markings, verges and kerbs, and how near."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from drivesim.layout.planes import GROUND_CLASSES, Plane
from drivesim.models.conditions.group import FieldValues
from drivesim.models.conditions.layout.layout_group import LayoutGroup, classes_and_nearness, planes_field


class GroundMapGroup(LayoutGroup):
    """Not to be taken for the group "road", which says in numbers what the road is like."""

    name = "ground_map"
    fields: ClassVar = planes_field(3)
    members = (tuple(range(1, len(GROUND_CLASSES) + 1)), None, None)

    def of_layout(self, planes: np.ndarray) -> FieldValues:
        """Class, nearness and share of markings."""
        return {"planes": np.stack([*classes_and_nearness(planes, GROUND_CLASSES), planes[Plane.MARKING]])}
