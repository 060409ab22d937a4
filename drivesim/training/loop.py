"""The one training loop. The clock is samples seen; resuming is running the same command again."""

from __future__ import annotations

import itertools
import math
import signal
import threading
import time
from collections import deque
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor

from drivesim.config import InputError, MachineError, Say
from drivesim.models.layers.blocks import channels_last
from drivesim.tensors import computes_bfloat16
from drivesim.training.optim import (
    Ema,
    average_gradients,
    barrier,
    learning_rate,
    make_optimizers,
    prepare,
    rank,
    trainable,
    world_size,
)
from drivesim.training.run import Run, TrainState
from drivesim.training.stage import Batch, Stage
from drivesim.video_io import write_image

REPORT_SECONDS = 20.0
SKIPS_IN_A_ROW = 20
"""So many steps without finite gradients, one after the other, end the training."""


def start_state(stage: Stage, run: Run) -> TrainState:
    """A fresh state, or the saved one of the run folder."""
    modules = stage.modules
    optimizers = {key: make_optimizers(module, stage.recipe) for key, module in modules.items()}
    for optimizer in itertools.chain(*optimizers.values()):
        prepare(optimizer)
    state = TrainState(modules, optimizers, {k: Ema(m, stage.recipe.ema) for k, m in modules.items()})
    run.resume(state)
    return state


def train(
    stage: Stage,
    run: Run,
    device: torch.device,
    say: Say,
    seconds: float = math.inf,
    compiler: str | Callable[..., Any] = "inductor",
    goes_on: bool = False,
) -> TrainState:
    """Trains until `recipe.samples` are seen, or for `seconds`; saves on the way and at the end.

    With `goes_on`, held-out figures and a preview of the weights that it begins with are reported first: what was before.

    Ctrl-C and SIGTERM end it after the current step: KeyboardInterrupt, once the state is saved. An exception within a step
    leaves the state that was saved last. Every process draws its own share of each batch, and gradients are averaged, so that
    several processes train as one. Raises InputError for a batch that they cannot share, or if the folder is in use;
    MachineError when SKIPS_IN_A_ROW steps had no finite gradients, once the state is saved. `compiler` is the backend of
    torch.compile.
    """
    recipe = stage.recipe
    if recipe.batch % world_size():
        raise InputError(f"batch: {recipe.batch} cannot be shared by {world_size()} processes; give a multiple of these")
    for module in stage.modules.values():
        channels_last(module.to(device))
    if recipe.compile:
        for network in stage.networks:
            network.compile(backend=compiler)
    with run.locked(), signals_noted() as asked:
        state = start_state(stage, run)
        if goes_on and state.samples == 0:
            report_held_out(stage, run, state, say)
        begun, progress = time.monotonic(), ProgressReport(state.samples, recipe.samples, say)
        with closing(batches(stage, state.samples, device)) as stage_batches:
            for batch in stage_batches:
                progress.note(step(stage, state, batch, device))
                if due(recipe.evaluate_every, recipe.batch, state.samples) or state.samples >= recipe.samples:
                    report_held_out(stage, run, state, say)
                if progress.ready() and rank() == 0:
                    run.log(samples=state.samples, **progress.report(state.samples))
                state.seconds += time.monotonic() - begun
                begun = time.monotonic()
                seconds -= progress.lap()
                if told_to_stop(asked, seconds <= 0, device) or progress.skips_in_a_row >= SKIPS_IN_A_ROW:
                    break
                if due(recipe.save_every, recipe.batch, state.samples) and rank() == 0:
                    run.save(state)
        if rank() == 0:
            run.save(state)
        barrier()  # torchrun ends everybody when one process leaves early
    if asked.is_set():
        say(f"interrupted at {state.samples} samples; the same command goes on from there")
        raise KeyboardInterrupt
    if progress.skips_in_a_row >= SKIPS_IN_A_ROW:
        raise MachineError(
            f"{run.folder}: {SKIPS_IN_A_ROW} steps in a row had gradients that are not finite, so that nothing was learned from "
            f"them; the state after {state.samples} samples is saved; start another run with a smaller learning_rate, and look "
            "for the data that this began with"
        )
    return state


@contextmanager
def signals_noted() -> Iterator[threading.Event]:
    """Within it Ctrl-C and SIGTERM set the event; a second one raises KeyboardInterrupt at once.

    Only where signals arrive, in the main thread. Among several processes a second one is a repetition by torchrun, which
    itself ends those that do not leave.
    """
    asked = threading.Event()

    def note(number: int, frame: object) -> None:
        if asked.is_set() and world_size() == 1:
            raise KeyboardInterrupt
        asked.set()

    if threading.current_thread() is not threading.main_thread():
        yield asked
        return
    earlier = {number: signal.signal(number, note) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield asked
    finally:
        for number, handler in earlier.items():
            signal.signal(number, handler)


def told_to_stop(asked: threading.Event, over: bool, device: torch.device) -> bool:
    """Whether to stop after this step, the same in every process: the first one's time is `over`, or anybody was `asked`."""
    if world_size() == 1:
        return over or asked.is_set()
    told = torch.tensor([asked.is_set(), over and rank() == 0], dtype=torch.float32, device=device)
    dist.all_reduce(told, dist.ReduceOp.MAX)
    if told[0]:
        asked.set()
    return bool(told.any())


def due(every: int, batch: int, samples: int) -> bool:
    """Whether the step that ended at `samples` crossed a multiple of `every`."""
    return samples // every > (samples - batch) // every


@dataclass(frozen=True)
class StepFigures:
    """What one step says: `means`, to be averaged over steps, and whether a module was `skipped`.

    Means are those of modules whose gradients were finite alone.
    """

    means: dict[str, Tensor]
    skipped: bool


def step(stage: Stage, state: TrainState, batch: Batch, device: torch.device) -> StepFigures:
    """One optimizer step of every module that the stage yields a loss for and whose gradients are finite."""
    recipe = stage.recipe
    means: dict[str, Tensor] = {}
    skipped = False
    rate = learning_rate(recipe, state.samples)
    losses = stage.losses(batch, state.samples)
    while True:
        with torch.autocast(device.type, torch.bfloat16, enabled=recipe.bf16 and computes_bfloat16(device)):
            yielded = next(losses, None)
        if yielded is None:
            break
        name, loss, noted = yielded
        module, optimizers = stage.modules[name], state.optimizers[name]
        module.zero_grad(set_to_none=True)
        loss.backward()
        parameters = list(trainable(module).values())
        average_gradients(parameters)
        norm = torch.nn.utils.clip_grad_norm_(parameters, recipe.clip)
        if torch.isfinite(norm):
            for optimizer in optimizers:
                for group in optimizer.param_groups:
                    group["lr"] = rate
                optimizer.step()
            means |= {f"{name}/loss": loss.detach(), f"{name}/gradient": norm, **noted}
        else:
            skipped = True
        state.emas[name].update(module, recipe.batch, state.samples)
    state.samples += recipe.batch
    return StepFigures(means, skipped)


def batches(stage: Stage, samples: int, device: torch.device, ahead: int = 4) -> Generator[Batch, None, None]:
    """This process's share of every batch from `samples` on, drawn ahead of time in threads, in order."""
    recipe = stage.recipe
    share = recipe.batch // world_size()

    def draw(step: int) -> Batch:
        first = step + rank() * share
        batch = stage.draw(step, range(first, first + share))
        if device.type == "cuda":
            return {k: v.pin_memory().to(device, non_blocking=True) for k, v in batch.items()}
        return batch

    with ThreadPoolExecutor(ahead if device.type == "cuda" else 1) as pool:
        waiting: deque[Future[Batch]] = deque()
        try:
            for step_start in range(samples, recipe.samples, recipe.batch):
                waiting.append(pool.submit(draw, step_start))
                if len(waiting) > ahead:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def report_held_out(stage: Stage, run: Run, state: TrainState, say: Say) -> None:
    """Evaluates the averaged weights on held-out data and saves a preview picture."""
    if rank() == 0:
        with state.emas["model"].applied(stage.modules["model"]), torch.no_grad():
            figures = stage.evaluate()
            write_image(run.folder / f"preview-{state.samples:09d}.png", stage.preview())
        run.log(samples=state.samples, seconds=round(state.seconds, 1), held_out=figures)
        say(f"{state.samples:>9} samples, held out: " + ", ".join(f"{k} {v:.4g}" for k, v in figures.items()))
    barrier()


class ProgressReport:
    """Running means of the logged figures, skipped steps, speed and time left."""

    def __init__(self, samples: int, total: int, say: Say) -> None:
        self.total, self.say = total, say
        self.began, self.first = time.monotonic(), samples
        self.reported, self.lapped = self.began, self.began
        self.sums: dict[str, Tensor] = {}
        self.counts: dict[str, int] = {}
        self.skips, self.skips_in_a_row = 0, 0

    def note(self, figures: StepFigures) -> None:
        """Adds one step's figures."""
        self.skips += figures.skipped
        self.skips_in_a_row = self.skips_in_a_row + 1 if figures.skipped else 0
        for key, value in figures.means.items():
            self.sums[key] = self.sums.get(key, torch.zeros_like(value.float())) + value.float()
            self.counts[key] = self.counts.get(key, 0) + 1

    def lap(self) -> float:
        """Seconds since the last lap."""
        now = time.monotonic()
        spent, self.lapped = now - self.lapped, now
        return spent

    def ready(self) -> bool:
        """Whether it is time for the next report."""
        return time.monotonic() - self.reported > REPORT_SECONDS

    def report(self, samples: int) -> dict[str, Any]:
        """Says and returns the means since the last report."""
        now = time.monotonic()
        speed = (samples - self.first) / max(now - self.began, 1e-9)
        figures = {key: float(self.sums[key]) / self.counts[key] for key in self.sums}
        left = (self.total - samples) / max(speed, 1e-9)
        shown = ", ".join(f"{key} {value:.4g}" for key, value in figures.items() if "gradient" not in key)
        skips, self.skips = self.skips, 0
        skipped = f"; {skips} steps SKIPPED, their gradients were not finite" if skips else ""
        self.say(f"{samples:>9}/{self.total} samples, {speed:.1f}/s, {left / 60:.1f} min left: {shown}{skipped}")
        self.reported, self.sums, self.counts = now, {}, {}
        return {"speed": round(speed, 2), "skipped_steps": skips, **{key: round(value, 6) for key, value in figures.items()}}

