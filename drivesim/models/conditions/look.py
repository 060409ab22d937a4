"""Look: day or night, and how crowded it is.

The shipped weights know these two. A further look (rain, say) is a group of its own in a module beside this one, so that it can
be unknown and dropped by itself, and weights of before it still load: group.py says what it takes.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, ClassVar

import torch
from torch import Tensor

from drivesim.models.conditions.conditions import Conditions
from drivesim.models.conditions.group import Field, FieldValues, Group, GroupEncoder
from drivesim.models.conditions.numbers import NumberCode, feature_count, mlp, number_features
from drivesim.scene.clip import ClipLabels
from drivesim.video_format import MAX_VEHICLES

if TYPE_CHECKING:
    from drivesim.scenario.scenario import Scenario


class LookGroup(Group):
    """Given where both time of day and crowdedness are known."""

    name = "look"
    fields: ClassVar = {"night": Field("1 is night, 0 day"), "crowdedness": Field("vehicles that count, see scene.boxes.Boxes")}

    def of_scenario(self, scenario: Scenario, seconds: float) -> FieldValues:
        """The same for all frames."""
        return {"night": scenario.look.time_of_day == "night", "crowdedness": scenario.look.crowdedness}

    def of_labels(self, labels: ClipLabels, frame: int) -> FieldValues | None:
        """Of this frame."""
        crowdedness = float(labels.crowdedness[frame])
        if labels.time_of_day is None or math.isnan(crowdedness):
            return None
        return {"night": labels.time_of_day == "night", "crowdedness": crowdedness}

    def encoder(self, width: int, code: NumberCode) -> GroupEncoder:
        """Two tokens."""
        return LookEncoder(width, code)


class LookEncoder(GroupEncoder):
    """A token for day or night, one for crowdedness (0 to MAX_VEHICLES; more count as that many)."""

    token_count = 2

    def __init__(self, width: int, code: NumberCode) -> None:
        super().__init__(LookGroup.name, width)
        self.code = code
        self.night = mlp(1, width)
        self.crowdedness = mlp(feature_count(1, code), width)

    def tokens(self, conditions: Conditions) -> Tensor:
        """[b 2 d]."""
        look = conditions[self.group]
        crowd = look["crowdedness"].clamp(0, MAX_VEHICLES)[:, None] / MAX_VEHICLES
        night = self.night(2.0 * look["night"][:, None] - 1.0)
        return torch.stack([night, self.crowdedness(number_features(crowd, self.code))], dim=1)
