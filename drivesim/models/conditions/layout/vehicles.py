"""Vehicles as the layout sees them: where each one's pixels are, how near, which face, of which kind and colour, what shines."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from drivesim.layout.planes import Plane
from drivesim.layout.scene_at import Face, Lamp
from drivesim.models.conditions.group import FieldValues
from drivesim.models.conditions.layout.layout_group import LayoutGroup, planes_field
from drivesim.scene.vehicles import KINDS

_PLANES = [Plane.VEHICLE_NEARNESS, Plane.KIND, Plane.FACE, Plane.LAMP, Plane.RED, Plane.GREEN, Plane.BLUE]
KIND_PLANE = _PLANES.index(Plane.KIND)
"""The plane of the field that is 0 where no vehicle is seen."""


class VehiclesGroup(LayoutGroup):
    """All vehicles that the picture shows: given and empty, it shows none."""

    name = "vehicles"
    fields: ClassVar = planes_field(len(_PLANES))
    members = (
        None,
        tuple(range(1, len(KINDS) + 1)),
        tuple(face for face in Face if face),
        tuple(lamp for lamp in Lamp if lamp),
        None,
        None,
        None,
    )

    def of_layout(self, planes: np.ndarray) -> FieldValues:
        """The vehicles' planes."""
        return {"planes": planes[_PLANES]}
