"""All scenarios at a glance: the first frame of each on one sheet."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from drivesim.config import InputError, Say
from drivesim.dataset.progress_line import ProgressLine
from drivesim.dataset.sheets import COLUMNS, draw_boxes
from drivesim.engine.cascade import Cascade
from drivesim.engine.engine import Engine
from drivesim.engine.future import FutureSpec, Prompt
from drivesim.engine.settings import SamplingSettings
from drivesim.scenario.file import load_scenario, scenario_files
from drivesim.tensors import to_frames
from drivesim.video_format import NETWORK_WIDTH
from drivesim.video_io import contact_sheet


def scenario_sheet(
    cascade: Cascade,
    settings: SamplingSettings,
    paths: Sequence[Path],
    width: int = NETWORK_WIDTH,
    boxes: bool = False,
    seed: int | None = None,
    say: Say | None = None,
) -> np.ndarray:
    """The decoded first frame of every scenario of `paths` (files or folders), not upsampled, under its name: [H W 3].

    Each is `width` px wide, with the asked boxes on it if `boxes`; `seed` replaces that of the scenarios. Raises
    InputError for scenarios that are not valid.
    """
    if width < 32:
        raise InputError(f"--width {width}: a picture needs at least 32 px")
    scenarios = [load_scenario(path) for path in scenario_files(paths)]
    engine = Engine(cascade, settings)
    line, cells = ProgressLine("scenario", 0, len(scenarios), say), []
    for scenario in scenarios:
        prompt = Prompt.of(scenario)
        first = FutureSpec.first(prompt, scenario.rollout.seed if seed is None else seed)
        picture = to_frames(engine.decode(engine.first_latents(prompt, first.seed)[None], first, [0]))[0]
        way = cv2.INTER_AREA if width < picture.shape[1] else cv2.INTER_CUBIC
        picture = cv2.resize(picture, (width, width // 2), interpolation=way)
        if boxes:
            picture = draw_boxes(picture, prompt.boxes)
        cells.append(contact_sheet([picture[None]], [scenario.name], gap=0))
        line(len(cells))
    return contact_sheet([np.stack(cells[k : k + COLUMNS]) for k in range(0, len(cells), COLUMNS)])
