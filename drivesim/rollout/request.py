"""What a user asks of a rollout, and the plan that this comes to."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

import torch

from drivesim.config import InputError, shipped
from drivesim.engine.cascade import Cascade, settle_precision, weights_of
from drivesim.engine.future import FutureSpec, Prompt
from drivesim.engine.settings import SamplingSettings
from drivesim.engine.timeline import Timeline
from drivesim.rollout.inputs import Inputs
from drivesim.rollout.manifest import FORMAT, MADE_BY, Job, Manifest, machine_facts, versions
from drivesim.scenario.scenario import Scenario
from drivesim.tensors import pick_device

STANDARD = SamplingSettings.preset("standard")
MAX_FUTURES = 1000
MAX_SEED = 2**32 - 1


@dataclass(frozen=True)
class Request:
    """What is asked for. None stands for what the scenario says, and for the shipped checkpoints.

    `only` asks for that one future, otherwise futures 0 to `futures` - 1 are made. Without `ignore_free_space` there is
    none where the disk seems too small for it. `free`: networks make up what follows the first frame, as with free traffic.
    `transfer`: as of Cascade.load.
    """

    scenario: Path
    seconds: float | None = None
    fps: float | None = None
    futures: int | None = None
    only: int | None = None
    seed: int | None = None
    device: str = "auto"
    settings: SamplingSettings = STANDARD
    checkpoints: Path | None = None
    ignore_free_space: bool = False
    free: bool = False
    transfer: bool = False

    def numbers(self, scenario: Scenario) -> tuple[int, ...]:
        """Numbers of the futures asked for; InputError where that makes no sense."""
        if self.only is not None and self.futures is not None:
            raise InputError("--only and --futures: give one of them; --only K makes future K alone")
        if self.only is not None:
            if not 0 <= self.only < MAX_FUTURES:
                raise InputError(f"--only {self.only}: futures are numbered from 0 to {MAX_FUTURES - 1}")
            return (self.only,)
        count = scenario.rollout.futures if self.futures is None else self.futures
        if not 1 <= count <= MAX_FUTURES:
            raise InputError(f"--futures {count}: ask for 1 to {MAX_FUTURES}")
        return tuple(range(count))

    def chosen_seed(self, scenario: Scenario) -> int:
        """The seed asked for; InputError where that makes no sense."""
        seed = scenario.rollout.seed if self.seed is None else self.seed
        if not 0 <= seed <= MAX_SEED:
            raise InputError(f"--seed: give a whole number from 0 to {MAX_SEED}")
        return seed


@dataclass(frozen=True)
class Plan:
    """A request with nothing left open: futures `numbers` of `timeline`, on `device`; `job` decides their pixels.

    `transfer` as of Cascade.load.
    """

    inputs: Inputs
    numbers: tuple[int, ...]
    timeline: Timeline
    checkpoints: Path
    device: torch.device
    job: Job
    transfer: bool

    @classmethod
    def of(cls, request: Request, inputs: Inputs | None = None) -> Self:
        """The plan of a request, `inputs` in place of its scenario file; InputError for what the user can mend. Writes nothing."""
        inputs = inputs or Inputs.read(request.scenario)
        if request.free:
            inputs = replace(inputs, scenario=inputs.scenario.freed())
        scenario = inputs.scenario
        rollout, numbers = scenario.rollout, request.numbers(scenario)
        seconds = rollout.seconds if request.seconds is None else request.seconds
        fps = rollout.fps if request.fps is None else request.fps
        timeline = Timeline.of(seconds, fps, request.settings.prediction.context)
        device = pick_device(request.device)
        checkpoints = request.checkpoints or shipped("checkpoints")
        job = Job(
            scenario=inputs.text_hash,
            photo=inputs.photo_hash,
            seed=request.chosen_seed(scenario),
            seconds=seconds,
            fps=float(timeline.fps),
            sampling=settle_precision(request.settings, device),
            weights=weights_of(checkpoints),
            device=device.type,
        )
        return cls(inputs, numbers, timeline, checkpoints, device, job, request.transfer)

    def manifest(self) -> Manifest:
        """The manifest of the job, of which nothing is made yet."""
        return Manifest(
            format=FORMAT,
            made_by=MADE_BY,
            job=self.job,
            scenario=self.inputs.values(),
            versions=versions(),
            machine=machine_facts(self.device),
            seconds={},
            peak_memory_mib={},
            futures={},
            files={},
        )

    def cascade(self) -> Cascade:
        """The networks; InputError if they are missing or damaged, do not belong together, or cannot make frames of this size."""
        cascade = Cascade.load(self.checkpoints, self.device, self.transfer)
        cascade.check_height(self.job.sampling.height)
        return cascade

    def future(self, prompt: Prompt, number: int) -> FutureSpec:
        """Future `number` of the prompt, which is that of the scenario."""
        return FutureSpec(prompt, self.timeline, self.job.seed, number)
