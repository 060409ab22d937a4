"""What stands beside and over the road as the layout sees it, without vehicles, and how near."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from drivesim.layout.planes import ROADSIDE_CLASSES
from drivesim.models.conditions.group import FieldValues
from drivesim.models.conditions.layout.layout_group import LayoutGroup, classes_and_nearness, planes_field


class RoadsideGroup(LayoutGroup):
    """Buildings, vegetation, poles and signs."""

    name = "roadside"
    fields: ClassVar = planes_field(2)
    members = (tuple(range(1, len(ROADSIDE_CLASSES) + 1)), None)

    def of_layout(self, planes: np.ndarray) -> FieldValues:
        """Class and nearness."""
        return {"planes": np.stack(classes_and_nearness(planes, ROADSIDE_CLASSES))}
