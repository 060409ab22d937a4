"""What a future needs to be made: what the networks are asked to show, how long, and which random streams it draws from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Self

import torch
from torch import Tensor

from drivesim.engine.timeline import Timeline
from drivesim.models.conditioning import Conditions, build_conditions
from drivesim.scenario.scenario import Scenario
from drivesim.scene.boxes import Boxes


@dataclass(frozen=True)
class Prompt:
    """What a scenario asks of the networks.

    `conditions` of the first frame, one row; `boxes` of its vehicles; `speed` of the ego in m/s; the scales of box and of
    context guidance; `photo`, the picture that is the first frame where none is to be composed.
    """

    conditions: Conditions
    boxes: Boxes
    speed: float
    guidance: float
    context_guidance: float
    photo: Path | None = None

    @classmethod
    def of(cls, scenario: Scenario) -> Self:
        """The prompt of a scenario. It has all groups of conditions, but the place where a photo has its own markings.

        The first frame is where a period of the dashes begins.
        """
        boxes = scenario.scene_boxes()
        look = scenario.look
        conditions = build_conditions(
            [boxes],
            look.time_of_day,
            look.crowdedness,
            scenario.road_model(),
            scenario.camera_model(),
            along=None if scenario.photo else 0.0,
        )
        guidance = scenario.guidance
        return cls(conditions, boxes, scenario.rollout.speed, guidance.boxes, guidance.context, scenario.photo)

    def rows(self, boxes: Sequence[Boxes | None], seconds: Tensor) -> Conditions:
        """Conditions of later frames, a row for each element of `boxes` (None: they are not known).

        Look, road and camera are those of the first frame; `seconds` float [rows] after it and the speed give the place.
        """
        vehicles = build_conditions(boxes)
        rows = self.conditions.drop(boxes=True).repeat(len(boxes))
        names = ("boxes", "kinds", "headings", "box_mask", "boxes_given")
        along = torch.where(rows.place_given, rows.along + self.speed * seconds, 0.0)
        return replace(rows, **{name: getattr(vehicles, name) for name in names}, along=along)


@dataclass(frozen=True)
class FutureSpec:
    """Future `number` of a rollout with this `seed`: with first frame, weights and settings it decides every bit.

    `boxes`: the vehicles of key frames, by the key frame's number, where they are known.
    """

    prompt: Prompt
    timeline: Timeline
    seed: int
    number: int
    boxes: Mapping[int, Boxes] = field(default_factory=dict)
