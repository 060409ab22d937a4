"""Clips of the world as the engine makes them: shown the labels of a rendered clip, whose frames they are then compared with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Self

import numpy as np
import torch
from torch import Tensor

from drivesim.diffusion.ddim import sample
from drivesim.diffusion.guidance import guide
from drivesim.engine.engine import Engine
from drivesim.engine.future import FutureSpec, Prompt
from drivesim.engine.moments import TICKS, Moments, ticks
from drivesim.engine.timeline import LINKS_AT_ONCE, Timeline
from drivesim.layout.scene_at import SceneAt
from drivesim.models.conditions.all_groups import GROUPS, label_conditions, layout_conditions, no_conditions
from drivesim.models.conditions.conditions import Conditions
from drivesim.scenario.scenario import Scenario
from drivesim.scene.boxes import Boxes
from drivesim.scene.clip import ClipLabels
from drivesim.tensors import to_frames, torch_stream

_BATCH, _DECODED = 8, 16  # frames composed and decoded at once


class LabelledMoments(Moments):
    """The moments of a clip's labels, of which there is one every `step` ticks."""

    def __init__(self, labels: ClipLabels, step: int) -> None:
        self.labels, self.step = labels, step

    def __getitem__(self, tick: int) -> SceneAt:
        """The moment of a tick; beyond the clip's end its last one."""
        return SceneAt.labelled(self.labels, self.frame(tick))

    def frame(self, tick: int) -> int:
        """The frame of the labels at a tick."""
        return min(tick // self.step, len(self.labels) - 1)


@dataclass(frozen=True)
class LabelledFuture(FutureSpec):
    """A future that is asked to show what a clip's `labels` say, frame by frame; they know all that there is to know."""

    labels: ClipLabels

    @classmethod
    def of(cls, labels: ClipLabels, seed: int) -> Self:
        """As long, and at the rate, of the labels."""
        look = {"time_of_day": labels.time_of_day or "day", "crowdedness": 0}  # which nobody reads: the labels say it
        scenario = Scenario.model_validate({"name": "labelled", "look": look})
        timeline = Timeline.of(len(labels) / labels.fps, labels.fps)
        return cls(Prompt.of(scenario), timeline, seed, 0, labels)

    @cached_property
    def moments(self) -> LabelledMoments:
        """Who is where."""
        return LabelledMoments(self.labels, round(float(TICKS) / self.labels.fps))

    def _boxes(self, tick: int) -> Boxes | None:
        return self.labels.boxes[self.moments.frame(tick)]

    def metres(self, ticks: Sequence[int]) -> Tensor:
        """How far the ego has come at each of these frames, float32 [rows]."""
        return torch.tensor([float(self.labels.ego.along[self.moments.frame(tick)]) for tick in ticks], dtype=torch.float32)

    @cached_property
    def _rows(self) -> Conditions:
        return label_conditions([self.labels])

    def conditions(self, ticks: Sequence[int], layout_height: int | None = None) -> Conditions:
        """What the labels say of these frames, a row each; with layout planes of `layout_height` px, if networks are shown any."""
        conditions = self._rows.rows(torch.tensor([self.moments.frame(tick) for tick in ticks]))
        if layout_height is None:
            return conditions
        return Conditions({**conditions.groups, **layout_conditions(self._planes(ticks, layout_height)).groups})


def compose_labelled(engine: Engine, futures: Sequence[LabelledFuture], look_alone: bool = False) -> Tensor:
    """Latents [n c h w] of first frames of futures, a few at a time, each with its own noise; `look_alone` tells nothing but the
    look (the paper's own setting)."""
    made = [_composed(engine, futures[k : k + _BATCH], look_alone) for k in range(0, len(futures), _BATCH)]
    return torch.cat(made)


def _composed(engine: Engine, futures: Sequence[LabelledFuture], look_alone: bool) -> Tensor:
    settings, image, device = engine.settings.image, engine.cascade.image, engine.cascade.device
    rows = [future.conditions([0], engine.layout_height).tensors() for future in futures]
    conditions = Conditions.of_tensors({name: torch.cat([row[name] for row in rows]) for name in rows[0]}).to(device)
    if look_alone:
        conditions = conditions.drop(**{name: True for name in GROUPS if name != "look"})
    generators = [torch_stream(future.seed, "compose", look_alone) for future in futures]

    def noise(_: int = 0) -> Tensor:
        return torch.stack([torch.randn(engine.latent_shape, generator=each) for each in generators]).to(device)

    nothing = no_conditions(len(futures)).to(device)
    with engine.cascade.sampling(engine.settings.precision):
        denoise = guide(image.denoise(conditions), image.denoise(nothing), futures[0].prompt.guidance, settings.rescale)
        return sample(denoise, image.schedule, noise(), settings.steps, settings.eta, noise).cpu()


def roll(engine: Engine, future: FutureSpec, first: Tensor) -> np.ndarray:
    """All frames uint8 [f h w 3] of a future, decoded and not upsampled, from the latents [c h w] of its first one."""
    timeline, keys = future.timeline, first[None]
    for index in range(timeline.windows):
        window = timeline.window(index)
        known = keys[window.keys.start : window.keys.start + window.context]
        keys = torch.cat([keys[: window.keys.start + window.context], engine.predict(future, known, window)])
    frames = keys[: timeline.keys]
    for level in range(1, timeline.level + 1):
        links = range(len(frames) - 1)
        batches = [links[k : k + LINKS_AT_ONCE] for k in range(0, len(links), LINKS_AT_ONCE)]
        frames = engine.interpolate(future, frames, batches, level)
    frames = frames[: timeline.frames]
    moments = ticks(range(len(frames)), timeline.level)
    parts = [range(len(frames))[k : k + _DECODED] for k in range(0, len(frames), _DECODED)]
    return np.concatenate([to_frames(engine.decode(frames, future, moments, part.start, part.stop)) for part in parts])
