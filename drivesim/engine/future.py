"""What a future needs to be made: what the networks are asked to show, how long, and which random streams it draws from."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache, partial
from pathlib import Path
from typing import Self

import numpy as np
import torch
from torch import Tensor

from drivesim.engine.layouts import FrameLayouts
from drivesim.engine.moments import TICKS, Moments
from drivesim.engine.timeline import Timeline
from drivesim.layout.planes import layout_planes
from drivesim.layout.vehicles.boxes import moment_boxes
from drivesim.models.conditions.all_groups import (
    GROUPS,
    box_conditions,
    group_rows,
    layout_conditions,
    scenario_conditions,
)
from drivesim.models.conditions.conditions import Conditions
from drivesim.scenario.scenario import Scenario
from drivesim.scenario.sections import BoxedVehicle
from drivesim.scene.boxes import Boxes
from drivesim.video_format import FRAME_HEIGHT, FRAME_WIDTH, NETWORK_HEIGHT, WINDOW


@dataclass(frozen=True)
class Prompt:
    """What a scenario asks of the networks.

    `boxes` of the vehicles that it asks for; the scales of box and of context guidance; `photo`, the
    picture that is the first frame where none is to be composed.
    """

    scenario: Scenario
    boxes: Boxes
    guidance: float
    context_guidance: float
    photo: Path | None = None

    @classmethod
    def of(cls, scenario: Scenario) -> Self:
        """The prompt of a scenario."""
        return cls(
            scenario,
            scenario.scene_boxes(),
            scenario.guidance.boxes,
            scenario.guidance.context,
            scenario.photo,
        )


@dataclass(frozen=True)
class FutureSpec:
    """Future `number` of a rollout with this `seed`: with first frame, weights and settings it decides every bit.

    Its frames are named by ticks (see moments).
    """

    prompt: Prompt
    timeline: Timeline
    seed: int
    number: int

    @cached_property
    def moments(self) -> Moments:
        """Who is where."""
        return Moments(self.prompt.scenario, self.seed, self.number)

    @property
    def is_free(self) -> bool:
        """Whether the networks make up what follows the first frame (the paper's own setting): nothing but the look is given."""
        return self.prompt.scenario.traffic == "free"

    @property
    def is_laid_out(self) -> bool:
        """Whether it is known what stands and moves where in every frame: neither of a photo nor of free traffic."""
        return not self.is_free and self.prompt.photo is None

    @cached_property
    def boxes(self) -> Callable[[int], Boxes | None]:
        """What `_boxes` finds for a tick: it is asked for by prediction, interpolation and labels."""
        return lru_cache(maxsize=2 * WINDOW * self.timeline.stride)(self._boxes)

    def _boxes(self, tick: int) -> Boxes | None:
        """The vehicles of a frame, those of the first one as they are asked for; None where they are not known.

        They are not in a photo of which the scenario names none, nor after the first frame where traffic is free.
        """
        vehicles = self.prompt.scenario.vehicles
        if (self.prompt.photo is not None and not vehicles) or (tick and self.is_free):
            return None
        if tick:
            return moment_boxes(self.moments[tick])
        boxes = moment_boxes(self.moments[0], always=len(vehicles))
        box = boxes.box.copy()
        for row, track in enumerate(boxes.track.tolist()):
            if track < len(vehicles) and isinstance(vehicle := vehicles[track], BoxedVehicle):
                box[row] = np.asarray(vehicle.box) / ([FRAME_WIDTH, FRAME_HEIGHT] * 2)
        return replace(boxes, box=box)

    def metres(self, ticks: Sequence[int]) -> Tensor:
        """How far the ego has come at each of these frames, float32 [rows]."""
        return torch.tensor([float(self.moments.state(tick).s[0]) for tick in ticks], dtype=torch.float32)

    @cached_property
    def layouts(self) -> Callable[[tuple[int, int]], FrameLayouts]:
        """The layouts of all frames at a size (height, width); those of two are kept, of frames and of latents."""
        return lru_cache(maxsize=2)(partial(FrameLayouts, self.moments))

    def conditions(self, ticks: Sequence[int], layout_height: int | None = None) -> Conditions:
        """What these frames are asked to show, a row each; with layout planes of `layout_height` px, if networks are shown any."""
        if self.is_free:
            nothing = {name: True for name in GROUPS if name != "look"}
            return scenario_conditions(self.prompt.scenario, [0.0] * len(ticks)).drop(**nothing)
        return self.known_conditions(ticks, layout_height)

    @classmethod
    def first(cls, prompt: Prompt, seed: int) -> Self:
        """The future whose first frame is that of all, with the vehicles that traffic draws."""
        return cls(prompt, Timeline(2, 0), seed, 0)

    def known_conditions(self, ticks: Sequence[int], layout_height: int | None) -> Conditions:
        """All that is known of these frames. Of a photo neither where dashes are is known, nor what stands beside the road."""
        scenario = self.prompt.scenario
        layouts = None if layout_height is None else self._planes(ticks, layout_height)
        boxes = [self.boxes(tick) for tick in ticks]
        along = [None if scenario.photo is not None else {"along": metres} for metres in self.metres(ticks).tolist()]
        conditions = scenario_conditions(scenario, [float(tick / TICKS) for tick in ticks], layouts)
        conditions = conditions.replace("place", group_rows(GROUPS["place"], along))
        return self._shown(conditions, boxes).replace("boxes", box_conditions(boxes))

    def layout_conditions(self, ticks: Sequence[int], height: int) -> Conditions | None:
        """The layout of these frames alone, in planes of `height` px; None where traffic is free."""
        if self.is_free:
            return None
        return self._shown(layout_conditions(self._planes(ticks, height)), [self.boxes(tick) for tick in ticks])

    def _planes(self, ticks: Sequence[int], height: int) -> list[np.ndarray]:
        size = height, 2 * height
        if height > NETWORK_HEIGHT:  # too large to be kept
            return [layout_planes(self.moments[tick], *size) for tick in ticks]
        return [self.layouts(size).planes(tick) for tick in ticks]

    def _shown(self, conditions: Conditions, boxes: Sequence[Boxes | None]) -> Conditions:
        """Without what is not known of the layout of frames with these boxes."""
        unknown, photo = torch.tensor([table is None for table in boxes]), self.prompt.photo is not None
        return conditions.drop(vehicles=unknown, bodies=unknown, ground_map=photo, roadside=photo)
