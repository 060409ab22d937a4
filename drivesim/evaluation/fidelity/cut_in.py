"""Whether a vehicle that cuts in is seen to do so when and where its label says: the shipped cut-in, from several seeds."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from drivesim.config import Say, shipped
from drivesim.dataset.progress_line import ProgressLine
from drivesim.engine.engine import Engine
from drivesim.engine.future import FutureSpec, Prompt
from drivesim.engine.moments import ticks
from drivesim.engine.timeline import Timeline
from drivesim.evaluation.fidelity.labelled_future import roll
from drivesim.metrics.following import Following, following
from drivesim.metrics.intervals import Figures, mean_interval
from drivesim.metrics.label_trust import UNSURE, agreement
from drivesim.models.detector.detector import Detections, Detector
from drivesim.scenario.file import load_scenario
from drivesim.scene.boxes import Boxes
from drivesim.scene.camera import Camera
from drivesim.scene.road import Road
from drivesim.seeds import stream_seed
from drivesim.video_format import FRAME_RATES

_CUTTER = 0  # the scenario's first vehicle
_NEAR = 1.2  # lanes from its label within which a vehicle may be the cutter
_ALIKE = 0.6, 1.6  # heights, as shares of the label's, that it may have
_EDGE = 0.005  # of the frame: a box that ends there may go on outside


def cut_ins(
    engine: Engine, detector: Detector, count: int, frames: int, seed: int, say: Say | None = None
) -> list[Following]:
    """How the cutter follows its label in `count` films of `frames` frames, each of a seed of its own."""
    scenario = load_scenario(shipped("scenarios") / "cut_in.yaml")
    prompt, timeline = Prompt.of(scenario), Timeline.of(frames / FRAME_RATES[-1], FRAME_RATES[-1])
    line, seen = ProgressLine("cut-in", 0, count, say), []
    for number in range(count):
        future = FutureSpec(prompt, timeline, stream_seed(seed, "cut-in", number), 0)
        film = roll(engine, future, engine.compose(prompt, future.seed))
        tables = [future.boxes(tick) or Boxes.none() for tick in ticks(range(len(film)), timeline.level)]
        asked, found = cutter_places(detector.detect(film), tables, scenario.camera_model(), scenario.road_model())
        seen.append(following(asked, found, FRAME_RATES[-1]))
        line(number + 1)
    return seen


def cutter_places(
    seen: Sequence[Detections], tables: Sequence[Boxes], camera: Camera, road: Road
) -> tuple[np.ndarray, np.ndarray]:
    """How far left of the ego the cutter is, in lanes, by its label and in the picture [f] each; NaN where no label is whole
    within the frame, and where no vehicle is found that may be it: near enough, about as high, and no other label's.
    """
    asked, found = np.full((2, len(tables)), np.nan)
    for frame, (detections, labels) in enumerate(zip(seen, tables, strict=True)):
        rows = np.flatnonzero(labels.track == _CUTTER)
        if not len(rows) or labels.box[rows[0], 0] < _EDGE or labels.box[rows[0], 2] > 1 - _EDGE:
            continue
        row = int(rows[0])
        box, cuboid = labels.box[row], labels.cuboid[row]
        lanes = cuboid[0] / camera.focal / road.lane_width  # for a frame width, at its distance
        asked[frame] = cuboid[1] / road.lane_width
        agreed = agreement(detections.box, detections.score, labels)
        others = agreed.found[(np.arange(len(labels)) != row) & (agreed.found >= 0)]
        middle = detections.box[:, [0, 2]].mean(axis=1)
        apart = -(middle - box[[0, 2]].mean()) * lanes
        height = (detections.box[:, 3] - detections.box[:, 1]) / (box[3] - box[1])
        fits = (detections.score >= UNSURE) & (np.abs(apart) <= _NEAR) & (height >= _ALIKE[0]) & (height <= _ALIKE[1])
        fits[others] = False
        if fits.any():
            found[frame] = asked[frame] + apart[fits][detections.score[fits].argmax()]  # the nearest one would flatter
    return asked, found


def cut_in_figures(seen: Sequence[Following]) -> Figures:
    """`cut_in_found`: share of the frames in which the cutter is found; `cut_in_lag` s, without its sign, and `cut_in_offset` in
    lanes, as means over films."""
    values = np.array(seen).reshape(-1, len(Following._fields))
    return {f"cut_in_{name}": mean_interval(np.abs(values[:, k])) for k, name in enumerate(Following._fields)}
