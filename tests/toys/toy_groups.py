"""Two groups of conditions as a newcomer would add them: a number as a token, and a map of the frame's size."""

from __future__ import annotations

import math
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from drivesim.models.conditions.conditions import Conditions
from drivesim.models.conditions.group import Dropout, Field, FieldValues, Group, GroupEncoder
from drivesim.models.conditions.numbers import NumberCode, feature_count, mlp, number_features
from drivesim.models.layers.blocks import zero_initialised
from drivesim.scenario.scenario import Scenario
from drivesim.scene.clip import ClipLabels
from drivesim.video_format import LATENT_FACTOR

HEIGHT, WIDTH = 16, 32


class SpeedGroup(Group):
    """How fast the ego drives: known in the labels already, so that nothing else is to be done."""

    name = "speed"
    fields: ClassVar = {"speed": Field("m/s")}
    dropout = Dropout(picture=0.0)

    def of_scenario(self, scenario: Scenario, seconds: float) -> FieldValues:
        return {"speed": scenario.ego.speed}

    def of_labels(self, labels: ClipLabels, frame: int) -> FieldValues | None:
        speed = float(labels.ego.speed[frame])
        return None if math.isnan(speed) else {"speed": speed}

    def encoder(self, width: int, code: NumberCode) -> GroupEncoder:
        return SpeedEncoder(width, code)


class SpeedEncoder(GroupEncoder):
    token_count = 1

    def __init__(self, width: int, code: NumberCode) -> None:
        super().__init__(SpeedGroup.name, width)
        self.code = code
        self.number = mlp(feature_count(1, code), width)

    def tokens(self, conditions: Conditions) -> Tensor:
        speed = conditions[self.group]["speed"][:, None] / 40
        token: Tensor = self.number(number_features(speed, self.code))
        return token[:, None]


class MaskGroup(Group):
    """Where vehicles are, as a mask of the frame's size: not given, it is one pixel."""

    name = "mask"
    fields: ClassVar = {"vehicle": Field("1 inside the box of a vehicle", (1, 1, 1))}
    dropout = Dropout(picture=0.5)

    def of_scenario(self, scenario: Scenario, seconds: float) -> FieldValues | None:
        return None

    def of_labels(self, labels: ClipLabels, frame: int) -> FieldValues | None:
        table = labels.boxes[frame]
        if table is None:
            return None
        mask = np.zeros((1, HEIGHT, WIDTH), np.float32)
        for x1, y1, x2, y2 in table.box:
            mask[0, int(y1 * HEIGHT) : math.ceil(y2 * HEIGHT), int(x1 * WIDTH) : math.ceil(x2 * WIDTH)] = 1
        return {"vehicle": mask}

    def encoder(self, width: int, code: NumberCode) -> GroupEncoder:
        return MaskEncoder(self.name, width)


class MaskEncoder(GroupEncoder):
    """Strided convolutions to the latents' size, whose output is zero at first, and a constant where it is given."""

    map_channels = 5

    def __init__(self, group: str, width: int) -> None:
        super().__init__(group, width)
        self.shrink = nn.Sequential(
            nn.Conv2d(1, 8, 4, stride=4), nn.SiLU(), zero_initialised(nn.Conv2d(8, 4, 2, stride=2))
        )

    def maps(self, conditions: Conditions, height: int, width: int) -> Tensor:
        rows = conditions[self.group]
        frames = rows["vehicle"].expand(-1, -1, LATENT_FACTOR * height, LATENT_FACTOR * width)
        given = rows.given[:, None, None, None]
        constant = given.float().expand(-1, 1, height, width)
        return torch.cat([torch.where(given, self.shrink(frames), 0.0), constant], dim=1)
