"""Composing a first frame in the editor: the cascade is loaded when it is first needed, and only once."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np

from drivesim.config import InputError, shipped
from drivesim.engine.cascade import Cascade
from drivesim.engine.engine import Engine
from drivesim.engine.future import Prompt
from drivesim.engine.progress import Progress
from drivesim.engine.settings import SamplingSettings, parse_quality
from drivesim.scenario.scenario import Scenario
from drivesim.tensors import pick_device
from drivesim.video_format import STAGE_NAMES

ProgressListener = Callable[[float, str], None]  # share done, and what is being done


def load_cascade(checkpoints: Path | None = None) -> Cascade:
    """The cascade of a folder (default: the shipped one) on the best device; InputError names missing weights."""
    folder = shipped("checkpoints") if checkpoints is None else checkpoints
    missing = [name for name in STAGE_NAMES if not (folder / name / "config.json").is_file()]
    if missing:
        raise InputError(
            f"{folder}: the weights of {', '.join(missing)} are missing; train them (drivesim train {missing[0]} ...), "
            "or start the editor with --checkpoints DIR"
        )
    return Cascade.load(folder, pick_device())


def identity(checkpoints: Path | None = None) -> str:
    """Tells the weights of a folder (default: the shipped one) from others, by what their files say of themselves."""
    folder = shipped("checkpoints") if checkpoints is None else checkpoints
    files = sorted(folder.glob("*/*.safetensors"))
    return " ".join(f"{file.parent.name}/{file.name}:{file.stat().st_size}:{file.stat().st_mtime_ns}" for file in files)


class Composer:
    """Makes first frames, one at a time. Tests inject `load`, and `settings` of a quality's name."""

    def __init__(
        self,
        load: Callable[[], Cascade] = load_cascade,
        settings: Callable[[str], SamplingSettings] = parse_quality,
    ) -> None:
        self._load, self._settings = load, settings
        self._cascade: Cascade | None = None
        self._lock = threading.Lock()

    def compose(self, scenario: Scenario, seed: int, quality: str, report: ProgressListener) -> np.ndarray:
        """The frame uint8 [4h 4w 3] that a rollout of `scenario` with this seed would start from.

        InputError for missing weights. What `report` raises ends the attempt, which leaves nothing behind.
        """
        report(0.0, "waiting for another composition")
        with self._lock:
            report(0.0, "loading the weights" if self._cascade is None else "sampling")
            if self._cascade is None:
                self._cascade = self._load()
            settings = self._settings(quality)
            progress = Progress(on_change=lambda p: report(0.8 * p.units["compose"] / settings.image.steps, "sampling"))
            prompt = Prompt.of(scenario)
            latents = Engine(self._cascade, settings, progress).first_latents(prompt, seed)
            report(0.8, "decoding and upscaling")
            return Engine(self._cascade, settings).first_frame(latents, prompt, seed)
