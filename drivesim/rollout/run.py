"""A rollout from scenario file to output folder: what `drivesim rollout` and `drivesim compose` call."""

from __future__ import annotations

import os
import platform
import resource
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
import numpy as np
import torch
from torch import Tensor

import drivesim
from drivesim.checksums import file_hash
from drivesim.config import InputError, shipped
from drivesim.engine.cascade import Cascade, Scene, settle_precision, weights_of
from drivesim.engine.engine import compose, decode, encode_photo, upsample
from drivesim.engine.progress import Progress
from drivesim.engine.settings import SamplingSettings
from drivesim.engine.stream import Carry, finished_frames, frame_shape, simulate, work
from drivesim.engine.timeline import Timeline
from drivesim.rollout.disk import check_space, needed_bytes
from drivesim.rollout.folder import FutureFolder, RolloutFolder
from drivesim.rollout.live import LiveProgress
from drivesim.rollout.manifest import FORMAT, MADE_BY, FutureRecord, Job, Manifest
from drivesim.scenario.file import load_scenario
from drivesim.scenario.scenario import Scenario
from drivesim.tensors import pick_device, to_frames
from drivesim.video_format import PHASES
from drivesim.video_io import VideoWriter, read_image

STANDARD = SamplingSettings.preset("standard")
MAX_FUTURES, MAX_VARIANTS = 1000, 100
MAX_SEED = 2**32 - 1


@dataclass(frozen=True)
class Request:
    """What is asked for. None stands for what the scenario says, and for the shipped checkpoints.

    `only` asks for that one future, otherwise futures 0 to `futures` - 1 are made. Without `ignore_free_space` there is
    none where the disk seems too small for it.
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

    def numbers(self, scenario: Scenario) -> list[int]:
        """Numbers of the futures asked for; InputError where that makes no sense."""
        if self.only is not None and self.futures is not None:
            raise InputError("--only and --futures: give one of them; --only K makes future K alone")
        if self.only is not None:
            if not 0 <= self.only < MAX_FUTURES:
                raise InputError(f"--only {self.only}: futures are numbered from 0 to {MAX_FUTURES - 1}")
            return [self.only]
        count = scenario.rollout.futures if self.futures is None else self.futures
        if not 1 <= count <= MAX_FUTURES:
            raise InputError(f"--futures {count}: ask for 1 to {MAX_FUTURES}")
        return list(range(count))

    def chosen_seed(self, scenario: Scenario) -> int:
        """The seed asked for; InputError where that makes no sense."""
        seed = scenario.rollout.seed if self.seed is None else self.seed
        if not 0 <= seed <= MAX_SEED:
            raise InputError(f"--seed: give a whole number from 0 to {MAX_SEED}")
        return seed


def roll_out(
    request: Request,
    out: Path,
    fresh: bool = False,
    on_change: Callable[[Progress], None] | None = None,
    say: Callable[[str], None] = lambda _: None,
) -> tuple[Manifest, Progress]:
    """Makes the futures asked for in folder `out`, or what is missing of them: its manifest, and this run's work.

    Interrupted at any moment, the same call goes on after the last finished window, and the result is the same bits.
    `on_change` is called after every unit of work; `say` is told what a user should know. Raises InputError for anything
    that the user can mend, before anything is written, and MachineError or OSError where the machine fails.
    """
    scenario = load_scenario(request.scenario)
    rollout, numbers = scenario.rollout, request.numbers(scenario)
    seconds = rollout.seconds if request.seconds is None else request.seconds
    timeline = Timeline.of(seconds, rollout.fps if request.fps is None else request.fps)
    settings = settle_precision(request.settings, device := pick_device(request.device))
    checkpoints = request.checkpoints or shipped("checkpoints")
    job = Job(
        scenario=file_hash(request.scenario),
        photo=_photo_hash(scenario),
        seed=request.chosen_seed(scenario),
        seconds=seconds,
        fps=float(timeline.fps),
        sampling=settings,
        weights=weights_of(checkpoints),
        device=device.type,
    )
    manifest = _new_manifest(job, scenario, request.scenario, device)
    space = f"{out}: {check_space(out, needed_bytes(out, timeline, settings, numbers), request.ignore_free_space)}"
    text = request.scenario.read_text(encoding="utf-8")
    with ExitStack() as opened:
        folder = opened.enter_context(RolloutFolder.open(out, manifest, text, fresh))
        live = opened.enter_context(LiveProgress(out, lambda: folder.done(numbers, timeline.windows)))

        def note(progress: Progress) -> None:
            live.note(progress)
            if on_change is not None:
                on_change(progress)

        missing = {future: future.windows.resume(say) for future in map(folder.future, numbers) if not future.complete}
        if missing:
            say(space)
        totals = dict.fromkeys(PHASES, 0)
        for carry in missing.values():
            for stage, units in work(timeline, settings, carry).items():
                totals[stage] += units
        if not missing and folder.has("initial.png") and folder.has("preview.png"):
            folder.seal()
            return folder.manifest, Progress(totals, note)
        totals["compose"] = settings.image.steps if scenario.photo is None else 0
        progress = Progress(totals, note)
        cascade, scene = Cascade.load(checkpoints, device), Scene.of(scenario)
        progress.start()
        first = first_latents(cascade, settings, scenario, scene, job.seed, progress=progress)
        if not folder.has("initial.png"):
            folder.write_picture("initial.png", first_frame(cascade, settings, first, job.seed))
            progress.lap("compose", 0)
        engine = Engine(cascade, settings, scene, timeline, job.seed)
        for future, carry in missing.items():
            engine.make(future, carry or Carry.start(first), progress)
        folder.write_preview(timeline)
        folder.record(
            seconds=_added(folder.manifest.seconds, progress.seconds),
            peak_memory_mib=_peak_memory(folder.manifest.peak_memory_mib),
        )
        folder.seal()
    return folder.manifest, progress


@dataclass(frozen=True)
class Engine:
    """Makes futures of one job, window by window."""

    cascade: Cascade
    settings: SamplingSettings
    scene: Scene
    timeline: Timeline
    seed: int

    def make(self, folder: FutureFolder, carry: Carry, progress: Progress) -> None:
        """Makes what is missing of one future from `carry` on."""
        settings, timeline = self.settings, self.timeline
        height, width, _ = frame_shape(settings)
        earlier = folder.begin(carry.window, finished_frames(timeline, settings, carry))
        before = dict(progress.seconds)
        progress.start()
        chunks = simulate(
            self.cascade, settings, self.scene, timeline, self.seed, folder.number, carry, progress=progress
        )
        for window in range(carry.window, timeline.windows):
            with ExitStack() as films:
                film: VideoWriter | None = None
                for chunk in chunks:
                    if chunk.carry is not None:
                        break
                    film = film or films.enter_context(folder.film(window, timeline.fps, height, width))
                    film.write(chunk.frames)
                    progress.lap("write")
            assert chunk.carry is not None and chunk.keys is not None
            spent = {stage: seconds - before[stage] for stage, seconds in progress.seconds.items()}
            done = FutureRecord(
                state="running",
                windows=window + 1,
                frames=finished_frames(timeline, settings, chunk.carry),
                seconds=_added(earlier.seconds, spent),
            )
            folder.commit(window, chunk.keys, chunk.carry, done)
        folder.finish(timeline, self.scene.boxes)
        progress.lap("write", 0)


def first_latents(
    cascade: Cascade,
    settings: SamplingSettings,
    scenario: Scenario,
    scene: Scene,
    seed: int,
    variant: int = 0,
    progress: Progress | None = None,
) -> Tensor:
    """Latents [c h w] of the first frame: the scenario's photo, or else one composed by the image model."""
    if scenario.photo is not None:
        return encode_photo(cascade, settings, read_image(scenario.photo))
    return compose(cascade, settings, scene, seed, variant, progress)


def first_frame(cascade: Cascade, settings: SamplingSettings, latents: Tensor, seed: int) -> np.ndarray:
    """The picture uint8 [4h 4w 3] of a first frame's latents [c h w], upsampled by itself."""
    return to_frames(upsample(cascade, settings, decode(cascade, settings, latents[None]), seed))[0]


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
    scene, settings = Scene.of(scenario), settle_precision(request.settings, cascade.device)
    latents = (first_latents(cascade, settings, scenario, scene, seed, variant) for variant in range(variants))
    return [first_frame(cascade, settings, latent, seed) for latent in latents]


def _photo_hash(scenario: Scenario) -> str | None:
    """sha256 of the scenario's photo, if there is one; InputError if it is missing or damaged."""
    if scenario.photo is None:
        return None
    read_image(scenario.photo)
    return file_hash(scenario.photo)


def _added(earlier: dict[str, float], more: dict[Any, float]) -> dict[str, float]:
    """Seconds by stage, both together."""
    return {stage: round(earlier.get(stage, 0.0) + more[stage], 3) for stage in PHASES}


def _peak_memory(earlier: dict[str, float]) -> dict[str, float]:
    """Peak resident memory of this process, and of the GPU, in MiB, or what an earlier run reached."""
    peak = {"process": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}
    if torch.cuda.is_available():
        peak["gpu"] = torch.cuda.max_memory_allocated() / 2**20
    return {name: round(max(value, earlier.get(name, 0.0)), 1) for name, value in peak.items()}


def _new_manifest(job: Job, scenario: Scenario, path: Path, device: torch.device) -> Manifest:
    """The manifest of a job of which nothing is done."""
    machine: dict[str, Any] = {
        "system": platform.platform(),
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "device": torch.cuda.get_device_name(device) if device.type == "cuda" else "cpu",
    }
    versions = {
        "drivesim": drivesim.__version__,
        "python": platform.python_version(),
        "torch": torch.__version__,
        "numpy": np.__version__,
        "av": av.__version__,
    }
    return Manifest(
        format=FORMAT,
        made_by=MADE_BY,
        job=job,
        scenario={"file": str(path), **scenario.model_dump(mode="json")},
        versions=versions,
        machine=machine,
        seconds={},
        peak_memory_mib={},
        futures={},
        files={},
    )
