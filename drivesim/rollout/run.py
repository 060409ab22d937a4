"""A rollout from scenario file to output folder: what `drivesim rollout` and `drivesim compose` call."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
from torch import Tensor

from drivesim.config import InputError, shipped
from drivesim.engine.cascade import Cascade
from drivesim.engine.engine import Engine
from drivesim.engine.future import FutureSpec, Prompt
from drivesim.engine.progress import Progress
from drivesim.engine.stream import Carry, finished_frames, finished_windows, units_left
from drivesim.rollout.disk import check_space, needed_bytes
from drivesim.rollout.folder import FutureFolder, RolloutFolder
from drivesim.rollout.live import LiveProgress
from drivesim.rollout.manifest import FutureRecord, Manifest, peak_memory, seconds_together
from drivesim.rollout.request import Plan, Request
from drivesim.scenario.file import load_scenario
from drivesim.tensors import pick_device
from drivesim.video_format import PHASES, Phase

MAX_VARIANTS = 100


def roll_out(
    request: Request,
    out: Path,
    fresh: bool = False,
    on_change: Callable[[Progress], None] = lambda _: None,
    say: Callable[[str], None] = lambda _: None,
) -> tuple[Manifest, Progress]:
    """Makes the futures asked for in folder `out`, or what is missing of them: its manifest, and this run's work.

    Interrupted at any moment, the same call goes on after the last finished window, and the result is the same bits.
    `on_change` is called after every unit of work; `say` is told what a user should know. Raises InputError for anything
    that the user can mend, before anything is written, and MachineError or OSError where the machine fails.
    """
    plan = Plan.of(request)
    needed = needed_bytes(out, plan.timeline, plan.job.sampling, plan.numbers)
    space = f"{out}: {check_space(out, needed, request.ignore_free_space)}"
    with (
        RolloutFolder.open(out, plan.manifest(), plan.file.read_text(encoding="utf-8"), fresh) as folder,
        LiveProgress(out, lambda: folder.standing(plan.numbers, plan.timeline.windows), on_change) as live,
    ):
        carries = _carries(folder, plan.numbers, say)
        incomplete = bool(carries) or not folder.has_pictures
        progress = Progress(_totals(plan, carries.values(), composing=incomplete), live.note)
        if carries:
            say(space)
        if incomplete:
            engine = Engine(Cascade.load(plan.checkpoints, plan.device), plan.job.sampling, progress)
            prompt = Prompt.of(plan.scenario)
            first = _make_first_frame(engine, prompt, plan.job.seed, folder)
            for number, carry in carries.items():
                _make_future(engine, plan.future(prompt, number), folder.future(number), carry or Carry.start(first))
            folder.write_preview(plan.timeline)
            _record_work(folder, progress)
        folder.seal()
    return folder.manifest, progress


def compose_frames(request: Request, variants: int = 1) -> list[np.ndarray]:
    """First frames uint8 [4h 4w 3] of a scenario, one a variant; variant 0 is the one that `roll_out` starts from.

    Raises InputError for anything that the user can mend, more than one variant of a photo included.
    """
    scenario = load_scenario(request.scenario)
    if not 1 <= variants <= MAX_VARIANTS:
        raise InputError(f"--variants {variants}: ask for 1 to {MAX_VARIANTS}")
    if scenario.photo is not None and variants > 1:
        raise InputError(f"--variants {variants}: {request.scenario} starts from a photo, which has no variants")
    seed = request.chosen_seed(scenario)
    cascade = Cascade.load(request.checkpoints or shipped("checkpoints"), pick_device(request.device))
    engine, prompt = Engine(cascade, request.settings), Prompt.of(scenario)
    return [engine.first_frame(engine.first_latents(prompt, seed, variant), seed) for variant in range(variants)]


def _carries(folder: RolloutFolder, numbers: Iterable[int], say: Callable[[str], None]) -> dict[int, Carry | None]:
    """Where to go on, for each of these futures that is not complete; None: from its beginning."""
    futures = [future for future in map(folder.future, numbers) if not future.complete]
    return {future.number: future.windows.resume(say) for future in futures}


def _totals(plan: Plan, carries: Iterable[Carry | None], composing: bool) -> dict[Phase, int]:
    """Units of work that the plan has still to take, by phase; `composing`: the first frame's latents too."""
    totals = dict.fromkeys(PHASES, 0)
    for carry in carries:
        for phase, units in units_left(plan.timeline, plan.job.sampling, carry).items():
            totals[phase] += units
    return totals | {"compose": plan.job.sampling.image.steps if composing and plan.scenario.photo is None else 0}


def _make_first_frame(engine: Engine, prompt: Prompt, seed: int, folder: RolloutFolder) -> Tensor:
    """Latents [c h w] of the first frame, whose picture is written if it is not there."""
    engine.progress.start()
    latents = engine.first_latents(prompt, seed)
    if not folder.has("initial.png"):
        untimed = Engine(engine.cascade, engine.settings)  # its steps belong to no portion
        folder.write_picture("initial.png", untimed.first_frame(latents, seed))
        engine.progress.lap("compose", 0)
    return latents


def _make_future(engine: Engine, future: FutureSpec, folder: FutureFolder, carry: Carry) -> None:
    """Makes what is missing of one future from `carry` on."""
    timeline, progress = future.timeline, engine.progress
    height, width, _ = engine.settings.frame_shape
    earlier = folder.begin(carry.window, finished_frames(timeline, engine.settings, carry)).seconds
    before = dict(progress.seconds)
    progress.start()
    for window in finished_windows(engine, future, carry, lambda index: folder.film(index, timeline.fps, height, width)):
        spent = {phase: seconds - before[phase] for phase, seconds in progress.seconds.items()}
        record = FutureRecord(
            state="running",
            windows=window.index + 1,
            frames=finished_frames(timeline, engine.settings, window.carry),
            seconds=seconds_together(earlier, spent),
        )
        folder.commit(window, record)
    folder.finish(timeline, future.prompt.boxes)
    progress.lap("write", 0)


def _record_work(folder: RolloutFolder, progress: Progress) -> None:
    """Adds this run's seconds and memory to the manifest."""
    manifest = folder.manifest
    folder.record(
        seconds=seconds_together(manifest.seconds, progress.seconds),
        peak_memory_mib=peak_memory(manifest.peak_memory_mib),
    )
