"""Seconds and operations that every phase of a rollout takes for a frame of 512x1024, beside a public video network."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from drivesim.config import Say, shipped
from drivesim.dataset.progress_line import ProgressLine
from drivesim.diffusion.ddim import sample
from drivesim.diffusion.denoiser import denoiser
from drivesim.engine.cascade import Cascade
from drivesim.engine.engine import Engine
from drivesim.engine.future import FutureSpec, Prompt
from drivesim.engine.moments import ticks
from drivesim.engine.settings import Quality, SamplingSettings
from drivesim.engine.timeline import LINKS_AT_ONCE, Timeline
from drivesim.evaluation.public_network import PublicNetwork, count_parameters, has_public_network
from drivesim.metrics.intervals import Figures, Interval
from drivesim.models.conditions.all_groups import no_conditions
from drivesim.models.video_ldm import Context
from drivesim.scenario.file import load_scenario
from drivesim.tensors import to_frames
from drivesim.video_format import (
    CONTEXT,
    FRAME_RATES,
    INTERPOLATION_FACTOR,
    KEY_FPS,
    PHASES,
    UPSAMPLING_FACTOR,
    WINDOW,
    Phase,
)
from drivesim.video_writer import VideoWriter

MOST_SECONDS: dict[str, float] = {"standard": 0.3, "draft": 0.2}  # a frame, of two CPU cores, without the first frame
NO_PUBLIC_NETWORK = "diffusers is not installed (pip install '.[text]'), so no public network was measured beside"
STRIDE = INTERPOLATION_FACTOR**2  # frames of 30 fps from key frame to key frame
_DECODED = 32  # frames at once
PARTS = {"layout": "layout and boxes, 128x256", "layout_full_size": "layout, 512x1024"}
"""What phases do besides networks, at all qualities alike: the planes that predict, interpolate and decode are shown, of each frame
once, and those that upsample is shown."""


@dataclass
class Speed:
    """`seconds` of every call by name, a round each, without that which warms up; `gflop` and output `frames` of one call.

    Names are "QUALITY PHASE"; "QUALITY ours" and "QUALITY public": one clip of key frames, unguided; and "part PART", of PARTS.
    `parameters` of both networks.
    """

    seconds: dict[str, list[float]] = field(default_factory=dict)
    gflop: dict[str, float] = field(default_factory=dict)
    frames: dict[str, float] = field(default_factory=dict)
    parameters: dict[str, int] = field(default_factory=dict)
    facts: dict[str, str | int | float] = field(default_factory=dict)

    def figures(self) -> Figures:
        """Medians over the rounds, and the lowest and highest: seconds a frame, GFLOP a frame, and what both networks need."""
        parts = {part: f"part {part}" for part in PARTS if f"part {part}" in self.seconds}
        made: Figures = {
            f"seconds_{part}": _spread(np.array(self.seconds[name]) / self.frames[name]) for part, name in parts.items()
        }
        for quality in {name.split()[0]: None for name in self.seconds if not name.startswith("part ")}:
            totals = np.zeros(len(next(iter(self.seconds.values()))))
            work = 0.0
            for phase in PHASES:
                each = np.array(self.seconds[f"{quality} {phase}"]) / self.frames[f"{quality} {phase}"]
                operations = self.gflop[f"{quality} {phase}"] / self.frames[f"{quality} {phase}"]
                made[f"seconds_{quality}_{phase}"] = _spread(each)
                made[f"gflop_{quality}_{phase}"] = _exact(operations)
                if phase != "compose":
                    totals, work = totals + each, work + operations
            made |= {f"seconds_{quality}": _spread(totals), f"gflop_{quality}": _exact(work)}
            made |= self._networks(quality)
        return made | {f"parameters_{name}": _exact(count) for name, count in self.parameters.items()}

    def _networks(self, quality: str) -> Figures:
        names = [name for name in ("ours", "public") if f"{quality} {name}" in self.seconds]
        each = {name: np.array(self.seconds[f"{quality} {name}"]) for name in names}
        made = {f"seconds_clip_{quality}_{name}": _spread(each[name]) for name in names}
        made |= {f"gflop_clip_{quality}_{name}": _exact(self.gflop[f"{quality} {name}"]) for name in names}
        if "public" in each:
            made[f"seconds_clip_{quality}_ratio"] = _spread(each["ours"] / each["public"])
        return made


def _spread(values: np.ndarray) -> Interval:
    return Interval(float(np.median(values)), float(values.min()), float(values.max()))


def _exact(value: float) -> Interval:
    return Interval(float(value), float("nan"), float("nan"))


def measure_speed(
    checkpoints: Path,
    device: torch.device,
    qualities: Sequence[Quality],
    rounds: int = 5,
    say: Say | None = None,
    settings: Callable[[Quality], SamplingSettings] = SamplingSettings.preset,
) -> Speed:
    """Times every phase `rounds` times, after one round that warms up and in which operations are counted.

    Within a round each phase is timed at all qualities before the next one, and the two networks right after each other, so that
    other work on the machine hits what is compared alike.
    """
    cascade, speed = Cascade.load(checkpoints, device), Speed()
    engines = {quality: Engine(cascade, settings(quality)) for quality in qualities}
    parameters = count_parameters(cascade.image) + count_parameters(cascade.video)
    speed.parameters["ours"] = parameters
    public = None
    if has_public_network():
        public = PublicNetwork(cascade.image.shape.latent_channels, parameters, cascade.image.token_width).to(device)
        speed.parameters["public"] = count_parameters(public)
    speed.facts = {"device": str(device), "threads": torch.get_num_threads(), "torch": torch.__version__, "rounds": rounds,
                   "precision": engines[qualities[0]].settings.precision,
                   "load_before": round(os.getloadavg()[0], 2)}  # fmt: skip
    line = ProgressLine("round", 0, rounds + 1, say)
    for number in range(rounds + 1):
        chains = {quality: _chain(engine, number) for quality, engine in engines.items()}
        for phase in PHASES:
            for quality, (chain, frames) in chains.items():
                speed.frames[f"{quality} {phase}"] = frames[phase]
                _timed(speed, f"{quality} {phase}", chain[phase], device, number)
        for part, (call, count) in _parts(engines[qualities[0]], number).items():
            speed.frames[f"part {part}"] = count
            _timed(speed, f"part {part}", call, device, number)
        for quality, engine in engines.items():
            for name, call in _networks(engine, public).items():
                _timed(speed, f"{quality} {name}", call, device, number)
        line(number + 1)
    speed.facts["load_after"] = round(os.getloadavg()[0], 2)
    return speed


def _timed(speed: Speed, name: str, call: Callable[[], object], device: torch.device, number: int) -> None:
    """Calls once: round 0 counts operations, every later one counts seconds."""
    if number == 0:
        with FlopCounterMode(display=False) as counter:
            call()
        speed.gflop[name] = counter.get_total_flops() / 1e9
        return
    begun = time.perf_counter()
    call()
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    speed.seconds.setdefault(name, []).append(time.perf_counter() - begun)


Chain = dict[Phase, Callable[[], None]]
"""A call for each phase, on what those before it have left."""


def _chain(engine: Engine, number: int) -> tuple[Chain, dict[Phase, float]]:
    """The phases of the second window of a future of the shipped cut-in, which has whole context; the frames of 30 fps that a call
    of each gives. Every round has a future of its own, or layouts would be there already."""
    scenario = load_scenario(shipped("scenarios") / "cut_in.yaml")
    prompt, timeline = Prompt.of(scenario), Timeline.of(20.0, FRAME_RATES[-1])
    future, window = FutureSpec(prompt, timeline, number, 0), timeline.window(1)
    sr = engine.settings.super_resolution
    first = window.added.start - 1
    future.moments.state(first * STRIDE)  # the traffic before the window is no work of its own
    moments = list(ticks(range(first * STRIDE, (first + LINKS_AT_ONCE) * STRIDE + 1), timeline.level))
    left: dict[str, Tensor | np.ndarray] = {}

    def compose() -> None:
        left["keys"] = engine.compose(prompt, number)[None].expand(CONTEXT, -1, -1, -1)

    def predict() -> None:
        left["keys"] = torch.cat([torch.as_tensor(left["keys"]), engine.predict(future, torch.as_tensor(left["keys"]), window)])

    def interpolate() -> None:
        dense, links = torch.as_tensor(left["keys"])[CONTEXT - 1 :][: LINKS_AT_ONCE + 1], range(first, first + LINKS_AT_ONCE)
        for level in range(1, timeline.level + 1):
            batches = [links[k : k + LINKS_AT_ONCE] for k in range(0, len(links), LINKS_AT_ONCE)]
            dense = engine.interpolate(future, dense, batches, level)
            links = range(INTERPOLATION_FACTOR * links.start, INTERPOLATION_FACTOR * links.stop)
        left["latents"] = dense

    def decode() -> None:
        left["low"] = engine.decode(torch.as_tensor(left["latents"]), future, moments, 0, _DECODED)

    def upsample() -> None:
        left["high"] = engine.upsample(torch.as_tensor(left["low"])[: sr.length], future, moments[: sr.length])

    def write() -> None:
        frames = to_frames(torch.as_tensor(left["high"]))
        with TemporaryDirectory() as folder, VideoWriter(Path(folder) / "film.mp4", timeline.fps, *frames.shape[1:3]) as film:
            film.write(frames)

    chain: Chain = {"compose": compose, "predict": predict, "interpolate": interpolate, "decode": decode, "upsample": upsample,
                    "write": write}  # fmt: skip
    frames = dict(zip(PHASES, (1, (WINDOW - CONTEXT) * STRIDE, LINKS_AT_ONCE * STRIDE, _DECODED, sr.length - sr.overlap, sr.length),
                      strict=True))  # fmt: skip
    return chain, {phase: float(count) for phase, count in frames.items()}


def _parts(engine: Engine, number: int) -> dict[str, tuple[Callable[[], object], float]]:
    """A call for each of PARTS, on frames of a future of its own, and their number."""
    prompt = Prompt.of(load_scenario(shipped("scenarios") / "cut_in.yaml"))
    future = FutureSpec(prompt, Timeline.of(20.0, FRAME_RATES[-1]), number, 1)
    future.moments.state(0)

    def draw(count: int, height: int) -> tuple[Callable[[], object], float]:
        return partial(future.layout_conditions, range(1, count + 1), height), float(count)

    few, height = engine.settings.super_resolution.length, engine.settings.height
    return dict(zip(PARTS, (draw(max(STRIDE, few), height), draw(few, UPSAMPLING_FACTOR * height)), strict=True))


def _networks(engine: Engine, public: PublicNetwork | None) -> dict[str, Callable[[], None]]:
    """One clip of key frames from noise by the steps of prediction, unguided: by the video LDM, and by the public network."""
    video, device, steps = engine.cascade.video, engine.cascade.device, engine.settings.prediction.steps
    noise = torch.zeros(1, WINDOW, *engine.latent_shape, device=device)
    fps = torch.full((1,), float(KEY_FPS), device=device)
    denoise = video.denoise(no_conditions(WINDOW).to(device), Context.none(noise), fps)

    def run(denoise: Callable[[Tensor, Tensor], Tensor]) -> None:
        with engine.cascade.sampling(engine.settings.precision):
            sample(denoise, video.schedule, noise, steps)

    calls: dict[str, Callable[[], None]] = {"ours": partial(run, denoise)}
    if public is not None:
        calls["public"] = partial(run, denoiser(public, video.schedule, "v"))
    return calls
