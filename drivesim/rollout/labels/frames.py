"""Labels of every frame of a future, from the same moments that the networks are shown: of scenario, seed, future and time."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from drivesim.engine.future import FutureSpec
from drivesim.engine.moments import TICKS, ticks
from drivesim.rollout.labels.rows import FrameLabels, Source
from drivesim.scene.boxes import Boxes

BOXES_ALONE = 0.5
"""Score of a vehicle of which the networks were shown no more than its box."""


def future_labels(future: FutureSpec, shown: float) -> Iterator[FrameLabels]:
    """Labels of all output frames, one after the other; `shown` is the score of vehicles after the first frame."""
    timeline = future.timeline
    for frame, tick in enumerate(ticks(range(timeline.frames), timeline.level)):
        yield frame_labels(future, tick, frame / float(timeline.fps), shown)


def frame_labels(future: FutureSpec, tick: int, time: float, shown: float) -> FrameLabels:
    """The labels of the frame of a tick, at `time` (s).

    Vehicles that a scenario names with a photo are stated, and their score is not known: the photo need not show them.
    """
    moment, state, photo = future.moments[tick], future.moments.state(tick), future.prompt.photo is not None
    boxes = future.boxes(tick) or Boxes.none()
    own: Source = "stated" if photo else "asked"
    sources: list[Source] = [own if track < len(future.prompt.scenario.vehicles) else "traffic" for track in boxes.track]
    unsure = np.array([source == "stated" for source in sources], bool)
    before, after = max(tick - 1, 0), tick + 1
    turn = future.moments.pose(after).yaw - future.moments.pose(before).yaw
    return FrameLabels(
        time=time,
        boxes=boxes,
        source=sources,
        score=np.where(unsure, np.nan, shown if tick else 1.0),
        pose=future.moments.pose(0).inverse() @ moment.pose,
        speed=float(state.speed[0]),
        yaw_rate=float(turn) * float(TICKS / (after - before)),
        curvature=float(moment.course.at(np.zeros(()))[3]),
        camera=moment.camera,
    )
