"""The layout of a scenario as films and tables, without networks: what `drivesim layout` calls."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
from pydantic import ValidationError

from drivesim.checksums import make_folder
from drivesim.config import InputError
from drivesim.layout.preview.drive import scenario_moments
from drivesim.layout.preview.picture import layout_picture
from drivesim.layout.raster import layout_maps
from drivesim.layout.scene_at import SceneAt
from drivesim.scenario.file import load_scenario
from drivesim.scenario.scenario import Scenario
from drivesim.scene.boxes import project_cuboids
from drivesim.scene.vehicles import KINDS
from drivesim.video_format import FRAME_HEIGHT, FRAME_WIDTH
from drivesim.video_writer import VideoWriter

HEIGHT, WIDTH = FRAME_HEIGHT // 2, FRAME_WIDTH // 2  # of the film
COLUMNS = (
    "frame",
    "time_s",
    "track",
    "kind",
    "x1",
    "y1",
    "x2",
    "y2",
    "visible",
    "x",
    "y",
    "z",
    "length",
    "width",
    "height",
    "yaw",
)
"""Of labels.csv: box in pixels of the 1024x512 frame, share that no nearer vehicle hides, cuboid in the ego frame (m, rad)."""


def write_layouts(
    scenario: Path | Scenario, out: Path, seconds: float | None = None, futures: int | None = None, only: int | None = None,
    seed: int | None = None,
) -> list[Path]:  # fmt: skip
    """Writes layout.mp4 (class map with boxes) and labels.csv of each future into DIR/future-00, ...; the films' paths.

    What is None is the scenario's. InputError for what the user can mend.
    """
    asked = scenario if isinstance(scenario, Scenario) else load_scenario(scenario)
    wishes = {"seconds": seconds, "futures": futures, "seed": seed}
    values = asked.rollout.model_dump() | {name: value for name, value in wishes.items() if value is not None}
    try:
        rollout = type(asked.rollout).model_validate(values)
    except ValidationError as error:
        fault = error.errors()[0]
        raise InputError(f"--{fault['loc'][0]} {fault['input']}: {fault['msg']}") from error
    if only is not None and (only < 0 or futures is not None):
        raise InputError(f"--only {only}: futures are numbered from 0, and --futures is not given with it")
    asked = asked.model_copy(update={"rollout": rollout})
    frames = max(round(rollout.seconds * rollout.fps), 1)
    make_folder(out)
    films = []
    for future in range(rollout.futures) if only is None else [only]:
        folder = out / f"future-{future:02d}"
        folder.mkdir(parents=True, exist_ok=True)
        films.append(folder / "layout.mp4")
        moments = scenario_moments(asked, future, frames, rollout.fps, rollout.seed)
        _write(moments, films[-1], folder / "labels.csv", rollout.fps)
    return films


def _write(moments: Iterator[SceneAt], film: Path, table: Path, fps: float) -> None:
    with table.open("w", newline="", encoding="utf-8") as file, VideoWriter(film, fps, HEIGHT, WIDTH) as video:
        rows = csv.writer(file)
        rows.writerow(COLUMNS)
        for frame, scene in enumerate(moments):
            boxes, visible = project_cuboids(scene.camera, scene.vehicles.cuboid)
            inside = np.flatnonzero(visible > 0)
            for row in inside:
                vehicles = scene.vehicles
                pixels = boxes[row] * np.array([FRAME_WIDTH, FRAME_HEIGHT] * 2)
                numbers = [*pixels, visible[row], *vehicles.cuboid[row]]
                rows.writerow([frame, f"{frame / fps:.4f}", vehicles.track[row], KINDS[vehicles.kind[row]],
                               *(f"{number:.3f}" for number in numbers)])  # fmt: skip
            video.write(_labelled(scene, boxes[inside])[None])


def _labelled(scene: SceneAt, boxes: np.ndarray) -> np.ndarray:
    """The layout's picture with `boxes` (frame fractions) drawn on it."""
    picture = np.ascontiguousarray(layout_picture(layout_maps(scene, HEIGHT, WIDTH)))
    for box in boxes:
        x1, y1, x2, y2 = np.round(box * [WIDTH, HEIGHT, WIDTH, HEIGHT]).astype(int).tolist()
        cv2.rectangle(picture, (x1, y1), (x2, y2), (255, 60, 160), 1)
    return picture
