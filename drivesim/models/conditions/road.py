"""Road: its setting, its lanes and how it bends."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, ClassVar

import torch
from torch import Tensor, nn

from drivesim.models.conditions.conditions import Conditions
from drivesim.models.conditions.group import Field, FieldValues, Group, GroupEncoder
from drivesim.models.conditions.numbers import NumberCode, feature_count, mlp, number_features
from drivesim.scene.clip import ClipLabels
from drivesim.scene.road import MAX_CURVATURE, MAX_LANES, SETTINGS, Road

if TYPE_CHECKING:
    from drivesim.scenario.scenario import Scenario


class RoadGroup(Group):
    """The road where the camera is, see scene.road.Road."""

    name = "road"
    fields: ClassVar = {
        "setting": Field("index in scene.road.SETTINGS", dtype=torch.int64),
        "lanes": Field("lanes in the direction of travel"),
        "ego_lane": Field("counted from the left, from 1"),
        "curvature": Field("1/m, positive bends to the left"),
    }

    def of_scenario(self, scenario: Scenario, seconds: float) -> FieldValues:
        """The same for all frames."""
        model = scenario.road_model()
        return _values(model, model.curvature)

    def of_labels(self, labels: ClipLabels, frame: int) -> FieldValues | None:
        """With the curvature where the ego is in this frame."""
        curvature = float(labels.ego.curvature[frame])
        return None if labels.road is None or math.isnan(curvature) else _values(labels.road, curvature)

    def encoder(self, width: int, code: NumberCode) -> GroupEncoder:
        """One token."""
        return RoadEncoder(width, code)


def _values(model: Road, curvature: float) -> FieldValues:
    setting = SETTINGS.index(model.setting)
    return {"setting": setting, "lanes": model.lanes, "ego_lane": model.ego_lane, "curvature": curvature}


class RoadEncoder(GroupEncoder):
    """One token."""

    token_count = 1

    def __init__(self, width: int, code: NumberCode) -> None:
        super().__init__(RoadGroup.name, width)
        self.code = code
        self.setting = nn.Embedding(len(SETTINGS), width)
        self.numbers = mlp(feature_count(3, code), width)

    def tokens(self, conditions: Conditions) -> Tensor:
        """[b 1 d]."""
        c = conditions[self.group]
        numbers = torch.stack([c["lanes"] / MAX_LANES, c["ego_lane"] / MAX_LANES, c["curvature"] / MAX_CURVATURE], dim=-1)
        token: Tensor = self.numbers(number_features(numbers, self.code)) + self.setting(c["setting"])
        return token[:, None]
