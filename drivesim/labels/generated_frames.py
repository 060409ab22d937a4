"""Frames with labels as the networks make them, or as the layout alone has them, without a folder."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np

from drivesim.engine.engine import Engine
from drivesim.engine.future import FutureSpec, Prompt
from drivesim.engine.moments import ticks
from drivesim.engine.stream import Carry, finished_windows
from drivesim.labels.labelled_frame import LabelledFrame
from drivesim.layout.maps import LayoutMaps
from drivesim.layout.preview.picture import layout_picture
from drivesim.layout.raster import layout_maps
from drivesim.layout.scene_at import SceneAt
from drivesim.rollout.labels.frames import BOXES_ALONE, future_labels
from drivesim.rollout.labels.rows import FrameLabels, box_rows, ego_row
from drivesim.rollout.request import Plan


@dataclass(frozen=True, eq=False)
class MappedFrame:
    """A frame with the moment that it shows, and the maps of its layout at the picture's size."""

    frame: LabelledFrame
    scene: SceneAt
    maps: LayoutMaps


def generated_frames(plan: Plan) -> Iterator[LabelledFrame]:
    """The frames of the plan's first future, as they are made: the pictures that its rollout encodes as film.

    Frames come in windows, as many as are finished together, of which one is held: memory does not grow with the length.
    """
    cascade = plan.cascade()
    engine, prompt = Engine(cascade, plan.job.sampling), Prompt.of(plan.inputs.scenario)
    number = plan.numbers[0]
    labels = future_labels(plan.future(prompt, number), 1.0 if cascade.is_shown_layout else BOXES_ALONE)
    carry, film = Carry.start(engine.first_latents(prompt, plan.job.seed)), _Film()
    for _ in finished_windows(engine, plan.future(prompt, number), carry, lambda _: film.opened()):
        for place, picture in enumerate(film.taken(), start=film.given):
            film.given = place + 1
            yield _frame(place, picture, next(labels))


class _Film:
    """Holds the finished frames of a window."""

    def __init__(self) -> None:
        self.given = 0
        self._frames: list[np.ndarray] = []

    @contextmanager
    def opened(self) -> Iterator[_Film]:
        """Itself, for any window."""
        yield self

    def write(self, frames: np.ndarray) -> None:
        """Takes pictures uint8 [f h w 3]."""
        self._frames.extend(frames)

    def taken(self) -> Iterator[np.ndarray]:
        """The pictures so far, which it holds no more."""
        frames, self._frames = self._frames, []
        frames.reverse()
        while frames:
            yield frames.pop()


def mapped_frames(future: FutureSpec, height: int, width: int) -> Iterator[MappedFrame]:
    """Frames of a future as its layout has them; the picture is that of the layout."""
    timeline = future.timeline
    places = enumerate(ticks(range(timeline.frames), timeline.level))
    for (number, tick), labels in zip(places, future_labels(future, 1.0), strict=True):
        scene = future.moments[tick]
        maps = layout_maps(scene, height, width)
        yield MappedFrame(_frame(number, layout_picture(maps), labels), scene, maps)


def _frame(number: int, picture: np.ndarray, labels: FrameLabels) -> LabelledFrame:
    height, width = picture.shape[:2]
    boxes = box_rows(number, labels.boxes, labels.source, labels.score, labels.trust)
    return LabelledFrame.of(number, picture, boxes, ego_row(number, labels)[0], labels.camera, (height, width))
