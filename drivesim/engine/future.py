"""What a future needs to be made: what the networks are asked to show, how long, and which random streams it draws from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from torch import Tensor

from drivesim.engine.timeline import Timeline
from drivesim.models.conditions.container import Conditions
from drivesim.models.conditions.groups import box_conditions, scenario_conditions
from drivesim.scenario.scenario import Scenario
from drivesim.scene.boxes import Boxes


@dataclass(frozen=True)
class Prompt:
    """What a scenario asks of the networks.

    `conditions` of the first frame, one row; `boxes` of its vehicles; `speed` of the ego in m/s; the scales of box and of
    context guidance; `photo`, the picture that is the first frame where none is to be composed.
    """

    scenario: Scenario
    conditions: Conditions
    boxes: Boxes
    speed: float
    guidance: float
    context_guidance: float
    photo: Path | None = None

    @classmethod
    def of(cls, scenario: Scenario) -> Self:
        """The prompt of a scenario."""
        return cls(
            scenario,
            scenario_conditions(scenario),
            scenario.scene_boxes(),
            scenario.ego.speed,
            scenario.guidance.boxes,
            scenario.guidance.context,
            scenario.photo,
        )

    def rows(self, boxes: Sequence[Boxes | None], seconds: Tensor) -> Conditions:
        """Conditions of later frames, a row for each element of `boxes` (None: they are not known).

        The others are what the scenario says of the frames at `seconds` float [rows] after the first.
        """
        return scenario_conditions(self.scenario, seconds.tolist()).replace("boxes", box_conditions(boxes))


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
