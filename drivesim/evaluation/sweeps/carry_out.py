"""A sweep from file to folder: what `drivesim sweep` calls."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

from drivesim.checksums import make_folder
from drivesim.config import InputError, Say
from drivesim.engine.settings import SamplingSettings
from drivesim.engine.timeline import Timeline
from drivesim.evaluation.sweeps.sweep_file import Sweep, read_sweep
from drivesim.evaluation.sweeps.sweep_folder import RunState, SweepFolder
from drivesim.evaluation.sweeps.sweep_index import write_index
from drivesim.evaluation.sweeps.sweep_runs import PlannedRun, SweepOptions, plan_of, plan_runs
from drivesim.evaluation.sweeps.workers import (
    RunOutcome,
    RunTask,
    WorkerPlan,
    check_ray,
    cluster_plan,
    local_ray,
    one_after_the_other,
    plan_workers,
    ray_cluster,
    ray_outcomes,
)
from drivesim.rollout.disk import check_space, needed_bytes, readable
from drivesim.rollout.lock import FolderLock
from drivesim.rollout.request import Plan
from drivesim.tensors import pick_device

INDEX_SECONDS = 10.0  # between two writings of the index while runs end


@dataclass(frozen=True)
class SweepPlan:
    """A sweep whose runs are known; `example` is what the first of them that makes a scenario comes to."""

    sweep: Sweep
    options: SweepOptions
    runs: list[PlannedRun]
    example: Plan

    @classmethod
    def of(cls, file: Path, options: SweepOptions, elsewhere: bool = False) -> Self:
        """The plan of a file; InputError for what the user can mend. `elsewhere`: this machine need not have the device."""
        sweep = read_sweep(file)
        runs = plan_runs(sweep)
        here = replace(options, device="cpu") if elsewhere else options
        example = plan_of(next(run for run in runs if run.scenario is not None), here.request(file))
        return cls(sweep, options, runs, example)

    @property
    def settings(self) -> SamplingSettings:
        """How the networks are sampled."""
        return self.example.job.sampling

    def needed(self, out: Path | None) -> int:
        """Bytes of disk that the runs take beyond what is there of them."""
        sizes = []
        for name, timeline, numbers in self._films():
            folder = Path("/nowhere") if out is None else out / name
            sizes.append(needed_bytes(folder, timeline, self.settings, numbers))
        return sum(sizes)

    def _films(self) -> Iterator[tuple[str, Timeline, tuple[int, ...]]]:
        """Name, frames and numbers of the futures of every run that makes a scenario."""
        request = self.options.request(self.sweep.path)
        for run in self.runs:
            if run.scenario is not None:
                asked = run.scenario.rollout
                seconds, fps = request.seconds or asked.seconds, request.fps or asked.fps
                yield run.name, Timeline.of(seconds, fps), request.numbers(run.scenario)

    def describe(self, workers: int | None) -> list[str]:
        """What will be made, in words."""
        able = list(self._films())
        films = sum(len(numbers) for _, _, numbers in able)
        seconds = sum(len(numbers) * float(timeline.frames / timeline.fps) for _, timeline, numbers in able)
        lines = [f"{_count(len(self.runs), 'run')}, {_count(films, 'future')}, {seconds:.0f} s of video"]
        plan = plan_workers(self.settings, len(able), workers, _gpus(self.options))
        if workers == 0:
            lines.append(f"one after the other, in this process; about {readable(plan.memory)} of memory")
        else:
            lines.append(
                f"{_count(plan.workers, 'worker')} on this machine, {_count(plan.cores, 'core')} and about "
                f"{readable(plan.memory)} of memory each{', a GPU each' * plan.gpu}"
            )
        lines.append(f"up to {readable(self.needed(None))} of disk")
        if wrong := [run for run in self.runs if run.scenario is None]:
            lines.append(f"{_count(len(wrong), 'run')} of them make no scenario, {wrong[0].name} for one: {wrong[0].fault}")
        return lines


def run_sweep(
    plan: SweepPlan, out: Path, workers: int | None = None, address: str | None = None, ignore_free_space: bool = False,
    say: Say = lambda _: None,
) -> list[RunState]:  # fmt: skip
    """Makes all runs in folder `out`, or what is missing of them, and their index: what came of each.

    Runs that are complete stay, those that failed are tried again, and one that fails does not stop the others. `workers` runs
    are made at a time by Ray on this machine, 0: one after the other in this process; or by the Ray cluster at `address`.
    InputError for anything that the user can mend, before anything is written.
    """
    if workers is not None and address is not None:
        raise InputError("--workers and --ray: give one of them; a cluster has as many workers as it has room for")
    if workers != 0:
        check_ray()
        if plan.options.device not in ("auto", "cpu", "cuda"):
            raise InputError(f"--device {plan.options.device}: Ray gives each run its GPU; use auto, cpu or cuda")
    space = check_space(out, plan.needed(out), ignore_free_space)
    with _begun(address) as cluster:
        make_folder(out)
        with FolderLock.hold(out):
            folder = SweepFolder.prepare(out, plan.sweep, plan.runs, plan.options)
            states = {state.run.name: state for state in folder.states()}
            missing = [run for run in plan.runs if run.scenario is not None and states[run.name].state != "complete"]
            say(f"{_count(len(missing), 'run')} to make, {len(plan.runs) - len(missing)} are there or make no scenario; {space}")
            try:
                if missing:
                    _make(plan, folder, missing, states, workers, cluster, say)
            finally:
                write_index(out, list(states.values()))
    return list(states.values())


def rebuild_index(out: Path) -> list[RunState]:
    """Writes the index of a sweep anew from what is there: what came of each run. InputError if the folder is of no sweep."""
    states = SweepFolder.open(out).states()
    write_index(out, states)
    return states


def summary(states: Sequence[RunState]) -> str:
    """How many runs came to what."""
    counts = Counter(state.state for state in states)
    return ", ".join(f"{count} {state}" for state, count in counts.most_common())


def _make(
    plan: SweepPlan, folder: SweepFolder, runs: Sequence[PlannedRun], states: dict[str, RunState], workers: int | None,
    cluster: object | None, say: Say,
) -> None:  # fmt: skip
    """Makes these runs, and keeps what comes of each."""
    began = indexed = time.monotonic()
    with _outcomes(plan, folder, runs, workers, cluster, say) as outcomes:
        for done, outcome in enumerate(outcomes, 1):
            state = states[outcome.name] = folder.note(outcome)
            now = time.monotonic()
            left = (now - began) / done * (len(runs) - done)
            came = f"{state.state}: {state.fault}" if state.fault else state.state
            say(f"{outcome.name} {came} ({done} of {len(runs)}, about {left:.0f} s left)")
            if now - indexed >= INDEX_SECONDS:
                write_index(folder.path, list(states.values()))
                indexed = now


@contextmanager
def _outcomes(
    plan: SweepPlan, folder: SweepFolder, runs: Sequence[PlannedRun], workers: int | None, cluster: object | None, say: Say
) -> Iterator[Iterator[RunOutcome]]:
    """The outcomes of runs, as they end."""
    place = folder.path.absolute()

    def tasks(options: SweepOptions) -> list[RunTask]:
        request = _anywhere(options).request(plan.sweep.path.absolute())
        return [RunTask(run, place / run.name, request) for run in runs]

    if workers == 0:
        yield one_after_the_other(tasks(plan.options))
        return
    if cluster is not None:
        there = cluster_plan(cluster, plan.settings, plan.options.device)
        say(f"{_count(there.workers, 'run')} at a time on the cluster")
        yield ray_outcomes(cluster, there, tasks(_on(plan.options, there)))
        return
    here = plan_workers(plan.settings, len(runs), workers, _gpus(plan.options))
    say(f"{_count(here.workers, 'worker')}, {_count(here.cores, 'core')} each")
    with local_ray(here) as ray:
        yield ray_outcomes(ray, here, tasks(_on(plan.options, here)))


@contextmanager
def _begun(address: str | None) -> Iterator[object | None]:
    """The cluster at an address, if there is one."""
    if address is None:
        yield None
        return
    with ray_cluster(address) as ray:
        yield ray


def _on(options: SweepOptions, plan: WorkerPlan) -> SweepOptions:
    """The options with the device that workers have: Ray shows each its own GPU alone."""
    return replace(options, device="cuda" if plan.gpu else "cpu")


def _anywhere(options: SweepOptions) -> SweepOptions:
    """The options as they are read in another working folder."""
    return options if options.checkpoints is None else replace(options, checkpoints=options.checkpoints.absolute())


def _gpus(options: SweepOptions) -> int:
    """How many GPUs of this machine serve."""
    import torch

    device = pick_device(options.device)
    return 0 if device.type == "cpu" else torch.cuda.device_count() if device.index is None else 1


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'s' * (number != 1)}"
