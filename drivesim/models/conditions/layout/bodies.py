"""Where on its body each pixel of a vehicle lies, for networks that make pixels: what is drawn on a vehicle has its place there."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from drivesim.layout.planes import Plane
from drivesim.models.conditions.group import FieldValues
from drivesim.models.conditions.layout.layout_group import LayoutGroup, planes_field

_PLANES = [Plane.BODY_ALONG, Plane.BODY_ACROSS, Plane.BODY_UP]


class BodiesGroup(LayoutGroup):
    """Places along, across and up the bodies of all vehicles that the picture shows."""

    name = "bodies"
    fields: ClassVar = planes_field(len(_PLANES))
    members = (None, None, None)

    def of_layout(self, planes: np.ndarray) -> FieldValues:
        """The places of the pixels on their vehicles."""
        return {"planes": planes[_PLANES]}
