"""First frames and rollouts, into folders and frame by frame."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np

from drivesim.api.scenarios import AnyScenario
from drivesim.config import Say
from drivesim.engine.progress import Progress
from drivesim.engine.settings import parse_quality
from drivesim.labels.finished_rollout import FinishedRollout
from drivesim.labels.generated_frames import generated_frames
from drivesim.labels.labelled_frame import LabelledFrame
from drivesim.rollout.inputs import Inputs
from drivesim.rollout.request import Plan, Request
from drivesim.rollout.run import carry_out, compose_frames
from drivesim.scenario.names import find_scenario
from drivesim.scenario.scenario import Scenario


def compose(
    scenario: AnyScenario,
    *,
    variants: int = 1,
    seed: int | None = None,
    device: str = "auto",
    quality: str = "standard",
    height: int | None = None,
    checkpoints: Path | None = None,
) -> list[np.ndarray]:
    """First frames uint8 RGB [h w 3] of a scenario, one a variant; the first is the one that its rollouts start from.

    `quality` is draft, standard or best; `height` in px of the frames before they are upsampled by 4, 128 where it is None.
    InputError for anything that the caller can mend.
    """
    settings, inputs = parse_quality(quality, height), inputs_of(scenario)
    request = Request(Path(inputs.file), seed=seed, device=device, settings=settings, checkpoints=checkpoints)
    return compose_frames(request, variants, inputs)


def roll_out(
    scenario: AnyScenario,
    out: Path | str,
    *,
    seconds: float | None = None,
    fps: float | None = None,
    futures: int | None = None,
    only: int | None = None,
    seed: int | None = None,
    device: str = "auto",
    quality: str = "standard",
    height: int | None = None,
    checkpoints: Path | None = None,
    fresh: bool = False,
    free: bool = False,
    context: int | None = None,
    transfer: bool = False,
    ignore_free_space: bool = False,
    on_change: Callable[[Progress], None] = lambda _: None,
    say: Say = lambda _: None,
) -> FinishedRollout:
    """Rolls a scenario out into folder `out`, or goes on where an earlier call was interrupted: the finished rollout.

    What is None is the scenario's; `only` makes that one future. `fresh` removes an earlier rollout there; `free`: networks make
    up what follows the first frame; `transfer`: the video LDM may have been trained on top of another image LDM than that there.
    `quality` and `height` as of `compose`; `context` key frames are given to the next window, 2 where it is None, or 1.
    `on_change` is called after every unit of work, `say` with what a user should know.
    InputError for anything that the caller can mend, before anything is written; MachineError or OSError where the machine fails.
    """
    settings, inputs = parse_quality(quality, height, context), inputs_of(scenario)
    request = Request(
        Path(inputs.file), seconds, fps, futures, only, seed, device, settings, checkpoints, ignore_free_space, free,
        transfer,
    )  # fmt: skip
    plan = Plan.of(request, inputs)
    carry_out(plan, Path(out), fresh, ignore_free_space, on_change, say)
    return FinishedRollout.open(out, plan.numbers)


def generate_frames(
    scenario: AnyScenario,
    *,
    future: int = 0,
    seconds: float | None = None,
    fps: float | None = None,
    seed: int | None = None,
    device: str = "auto",
    quality: str = "standard",
    height: int | None = None,
    checkpoints: Path | None = None,
    free: bool = False,
    context: int | None = None,
) -> Iterator[LabelledFrame]:
    """The labelled frames of a future, as networks make them, without a folder; they are those of `roll_out` before encoding.

    A window of frames is held at a time. InputError for anything that the caller can mend, from the call itself.
    """
    settings, inputs = parse_quality(quality, height, context), inputs_of(scenario)
    place = Path(inputs.file)
    request = Request(place, seconds, fps, None, future, seed, device, settings, checkpoints, free=free)
    return generated_frames(Plan.of(request, inputs))


def open_rollout(folder: Path | str, futures: Sequence[int] | None = None) -> FinishedRollout:
    """A rollout in a folder, or these of its futures; InputError if it is none, or one of them is not finished."""
    return FinishedRollout.open(folder, futures)


def inputs_of(scenario: AnyScenario) -> Inputs:
    """What a rollout of a scenario is made from."""
    if isinstance(scenario, Scenario):
        return Inputs.of(scenario)
    path = Path(scenario)
    return Inputs.read(find_scenario(path) or path)
