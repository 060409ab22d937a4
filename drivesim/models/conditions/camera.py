"""Camera: where it is above the road, where it looks, and how wide."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, ClassVar

import torch
from torch import Tensor

from drivesim.models.conditions.conditions import Conditions
from drivesim.models.conditions.group import Field, FieldValues, Group, GroupEncoder
from drivesim.models.conditions.numbers import NumberCode, feature_count, mlp, number_features
from drivesim.scene.camera import Camera
from drivesim.scene.clip import ClipLabels

if TYPE_CHECKING:
    from drivesim.scenario.scenario import Scenario


class CameraGroup(Group):
    """The pinhole camera, see scene.camera.Camera."""

    name = "camera"
    fields: ClassVar = {
        "height": Field("m above the road"),
        "pitch": Field("degrees, positive looks up"),
        "field_of_view": Field("degrees, horizontal"),
    }

    def of_scenario(self, scenario: Scenario, seconds: float) -> FieldValues:
        """The same for all frames."""
        return _values(scenario.camera_model())

    def of_labels(self, labels: ClipLabels, frame: int) -> FieldValues | None:
        """The same for all frames."""
        return None if labels.camera is None else _values(labels.camera)

    def encoder(self, width: int, code: NumberCode) -> GroupEncoder:
        """One token."""
        return CameraEncoder(width, code)


def _values(model: Camera) -> FieldValues:
    return {"height": model.height, "pitch": model.pitch, "field_of_view": model.field_of_view}


class CameraEncoder(GroupEncoder):
    """One token, of height, pitch and focal length."""

    token_count = 1

    def __init__(self, width: int, code: NumberCode) -> None:
        super().__init__(CameraGroup.name, width)
        self.code = code
        self.numbers = mlp(feature_count(3, code), width)

    def tokens(self, conditions: Conditions) -> Tensor:
        """[b 1 d]."""
        c = conditions[self.group]
        focal = 1.0 / torch.tan(c["field_of_view"].clamp(10, 170) * (math.pi / 360))  # in half widths of the frame
        numbers = torch.stack([c["height"] / 3.0, c["pitch"] / 15.0, focal / 3.0], dim=-1)
        token: Tensor = self.numbers(number_features(numbers, self.code))
        return token[:, None]
