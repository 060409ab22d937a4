"""Place: how far the camera has come along the road, which says where its dashes are."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from torch import Tensor

from drivesim.models.conditions.conditions import Conditions
from drivesim.models.conditions.group import Field, FieldValues, Group, GroupEncoder
from drivesim.models.conditions.marking_map import MARKING_MAP_CHANNELS, marking_map
from drivesim.models.conditions.numbers import NumberCode
from drivesim.scene.clip import ClipLabels

if TYPE_CHECKING:
    from drivesim.scenario.scenario import Scenario


class PlaceGroup(Group):
    """The place along the road, see scene.clip.EgoMotion.along."""

    name = "place"
    fields: ClassVar = {"along": Field("m from where a period of the dashes begins")}

    def of_scenario(self, scenario: Scenario, seconds: float) -> FieldValues | None:
        """A period of the dashes begins at the first frame, but a photo has its own: nothing is known of those."""
        return None if scenario.photo else {"along": np.float32(scenario.ego.speed) * np.float32(seconds)}

    def of_labels(self, labels: ClipLabels, frame: int) -> FieldValues | None:
        """Of this frame."""
        along = float(labels.ego.along[frame])
        return None if math.isnan(along) else {"along": along}

    def encoder(self, width: int, code: NumberCode) -> GroupEncoder:
        """The map of the markings."""
        return PlaceEncoder(self.name, width)


class PlaceEncoder(GroupEncoder):
    """No token: the map of the markings, which needs road and camera, too."""

    map_channels = MARKING_MAP_CHANNELS

    def maps(self, conditions: Conditions, height: int, width: int) -> Tensor:
        """[b m h w]."""
        return marking_map(conditions, height, width)
