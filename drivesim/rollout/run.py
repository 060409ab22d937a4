"""A rollout from scenario file to output folder: what `drivesim rollout` and `drivesim compose` call."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path

import numpy as np
from torch import Tensor

from drivesim.config import InputError, shipped
from drivesim.engine.cascade import Cascade
from drivesim.engine.engine import Engine
from drivesim.engine.future import FutureSpec, Prompt
from drivesim.engine.progress import Progress
from drivesim.engine.stream import Carry, finished_frames, finished_windows, units_left
from drivesim.models.detector.detector import Detector
from drivesim.rollout.disk import check_space, needed_bytes
from drivesim.rollout.extension import reopen
from drivesim.rollout.folder import FIRST_FRAME, PREVIEW, RolloutFolder
from drivesim.rollout.future_folder import FutureFolder
from drivesim.rollout.inputs import Inputs, kept_scenario
from drivesim.rollout.judgement.verdict import Verdict
from drivesim.rollout.judgement.watch import watch
from drivesim.rollout.labels.frames import BOXES_ALONE, future_labels
from drivesim.rollout.manifest import FutureRecord, Manifest, peak_memory, seconds_together
from drivesim.rollout.progress_file import LiveProgress
from drivesim.rollout.request import Plan, Request
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
    return carry_out(Plan.of(request), out, fresh, request.ignore_free_space, on_change, say)


def carry_out(
    plan: Plan,
    out: Path,
    fresh: bool = False,
    ignore_free_space: bool = False,
    on_change: Callable[[Progress], None] = lambda _: None,
    say: Callable[[str], None] = lambda _: None,
) -> tuple[Manifest, Progress]:
    """As `roll_out`, of a plan."""
    needed = needed_bytes(out, plan.timeline, plan.job.sampling, plan.numbers)
    space = f"{out}: {check_space(out, needed, ignore_free_space)}"
    with RolloutFolder.open(out, plan.manifest(), fresh) as folder:
        cascade = plan.cascade() if folder.anew else None  # before anything is written, or an old rollout goes
        folder.prepare(plan.job.seconds, plan.inputs, say)
        with LiveProgress(out, lambda: folder.standing(plan.numbers, plan.timeline.windows), on_change) as live:
            futures = [future for future in map(folder.future, plan.numbers) if not future.complete]
            if futures:
                say(space)
            progress = Progress(on_change=live.note)
            if futures or not folder.has(FIRST_FRAME):
                cascade = cascade or plan.cascade()
                progress = _make(plan, cascade, folder, futures, live, say)
            if futures or not folder.has(PREVIEW):
                folder.write_preview(plan.timeline)
                _record_work(folder, progress)
            folder.seal()
    return folder.manifest, progress


def compose_frames(request: Request, variants: int = 1, inputs: Inputs | None = None) -> list[np.ndarray]:
    """First frames uint8 [4h 4w 3] of a scenario, one a variant; variant 0 is the one that `roll_out` starts from.

    `inputs` stand in place of the request's scenario file.
    Raises InputError for anything that the user can mend, more than one variant of a photo included.
    """
    scenario = (inputs or Inputs.read(request.scenario)).scenario
    if not 1 <= variants <= MAX_VARIANTS:
        raise InputError(f"--variants {variants}: ask for 1 to {MAX_VARIANTS}")
    if scenario.photo is not None and variants > 1:
        raise InputError(f"--variants {variants}: {request.scenario} starts from a photo, which has no variants")
    seed = request.chosen_seed(scenario)
    cascade = Cascade.load(request.checkpoints or shipped("checkpoints"), pick_device(request.device), transfer=True)
    cascade.check_height(request.settings.height)
    engine, prompt = Engine(cascade, request.settings), Prompt.of(scenario)
    return [engine.first_frame(engine.first_latents(prompt, seed, variant), prompt, seed) for variant in range(variants)]


def _make(
    plan: Plan,
    cascade: Cascade,
    folder: RolloutFolder,
    futures: Sequence[FutureFolder],
    live: LiveProgress,
    say: Callable[[str], None],
) -> Progress:
    """Makes what is missing of the first frame and of these futures: the work that it was."""
    prompt = Prompt.of(kept_scenario(folder.path, folder.manifest))
    untimed = Engine(cascade, plan.job.sampling)  # for what is no step of the plan
    specs = {future.number: plan.future(prompt, future.number) for future in futures}
    carries = {
        future.number: reopen(untimed, specs[future.number], future) if future.too_short else future.windows.resume(say)
        for future in futures
    }
    composing = None in carries.values() or not folder.has(FIRST_FRAME)
    progress = Progress(_totals(plan, carries.values(), composing), live.note)
    engine = Engine(cascade, plan.job.sampling, progress)
    start = Carry.start(_make_first_frame(engine, untimed, prompt, plan.job.seed, folder)) if composing else None
    there = plan.checkpoints / "detector"
    detector = Detector.load(there).to(plan.device) if there.is_dir() else None
    for future in futures:
        carry = carries[future.number] or start
        assert carry is not None
        _make_future(engine, specs[future.number], future, carry, detector)
    return progress


def _totals(plan: Plan, carries: Iterable[Carry | None], composing: bool) -> dict[Phase, int]:
    """Units of work that the plan has still to take, by phase; `composing`: the first frame's latents too."""
    totals = dict.fromkeys(PHASES, 0)
    for carry in carries:
        for phase, units in units_left(plan.timeline, plan.job.sampling, carry).items():
            totals[phase] += units
    return totals | {"compose": plan.job.sampling.image.steps if composing and plan.inputs.photo is None else 0}


def _make_first_frame(engine: Engine, untimed: Engine, prompt: Prompt, seed: int, folder: RolloutFolder) -> Tensor:
    """Latents [c h w] of the first frame, whose picture is written if it is not there."""
    engine.progress.start()
    latents = engine.first_latents(prompt, seed)
    if not folder.has(FIRST_FRAME):
        folder.write_picture(FIRST_FRAME, untimed.first_frame(latents, prompt, seed))
        engine.progress.lap("compose", 0)
    return latents


def _make_future(
    engine: Engine, future: FutureSpec, folder: FutureFolder, carry: Carry, detector: Detector | None
) -> None:
    """Makes what is missing of one future from `carry` on; its film is judged by the `detector`, if there is one."""
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
    labels = future_labels(future, 1.0 if engine.cascade.is_shown_layout else BOXES_ALONE)
    folder.finish(timeline, labels, None if detector is None else partial(judged, future, detector))
    progress.lap("write", 0)


def judged(future: FutureSpec, detector: Detector, film: Path) -> Verdict:
    """The verdict on the finished film of a future."""
    night = future.prompt.scenario.look.time_of_day == "night"
    return Verdict(watch(film, future, detector), float(future.timeline.fps), float(detector.looks.energy[int(night)]))


def _record_work(folder: RolloutFolder, progress: Progress) -> None:
    """Adds this run's seconds and memory to the manifest."""
    manifest = folder.manifest
    folder.record(
        seconds=seconds_together(manifest.seconds, progress.seconds),
        peak_memory_mib=peak_memory(manifest.peak_memory_mib),
    )
