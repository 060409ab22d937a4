"""Which frames of a rollout are exported, as a stream that says how far it is."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from drivesim.config import InputError
from drivesim.labels.finished_rollout import FinishedFuture, FinishedRollout
from drivesim.labels.labelled_frame import LabelledFrame

MIN_VISIBLE = 0.1
"""Share in sight below which a vehicle is left out, where nothing else is asked for: nobody would have drawn a box there."""


@dataclass(frozen=True)
class ExportProgress:
    """`done` of `total` frames are written, in `seconds`."""

    done: int
    total: int
    seconds: float

    @property
    def remaining(self) -> float | None:
        """Seconds that the rest will take, None before the first frame."""
        return self.seconds / self.done * (self.total - self.done) if self.done else None


@dataclass(eq=False)
class Selection:
    """Every `stride`-th frame of the futures of `rollout`, with vehicles of which at least `min_visible` is in sight, and,
    with `trusted_only`, which the film is known to show.

    `on_change` is called after every frame. InputError where no frame is left.
    """

    rollout: FinishedRollout
    stride: int = 1
    min_visible: float = MIN_VISIBLE
    trusted_only: bool = False
    on_change: Callable[[ExportProgress], None] = lambda _: None
    _done: int = field(default=0, init=False)
    _started: float = field(default_factory=time.monotonic, init=False)

    def __post_init__(self) -> None:
        if self.stride < 1:
            raise InputError(f"--stride {self.stride}: give 1 for every frame, 2 for every other one, and so on")
        if not 0 <= self.min_visible <= 1:
            raise InputError(f"--min-visible {self.min_visible:g}: is a share, from 0 to 1")
        if not self.total:
            raise InputError(f"{self.rollout.folder}: nothing is labelled, its photo begins it and the scenario names no vehicle")
        for future in self.futures if self.trusted_only else ():
            if not future.judged:
                raise InputError(
                    f"{future.folder}: no detector looked if its film shows what is labelled, --trusted-only would leave nothing; "
                    "leave it out, or make the rollout anew with weights that have a detector beside them"
                )

    @property
    def futures(self) -> tuple[FinishedFuture, ...]:
        """The futures to export."""
        return self.rollout.futures

    def count(self, future: FinishedFuture) -> int:
        """How many frames of a future are exported."""
        return -(-future.known_frames // self.stride)

    @property
    def total(self) -> int:
        """How many frames are exported."""
        return sum(map(self.count, self.futures))

    @property
    def warnings(self) -> list[str]:
        """What is not exported although one might expect it."""
        return [
            f"{future.name}: {future.frames - future.known_frames} of {future.frames} frames are left out, traffic was free: "
            "nobody knows who is there"
            for future in self.futures
            if future.known_frames < future.frames
        ]

    def labelled_frames(self, future: FinishedFuture, pictures: bool = True) -> Iterator[LabelledFrame]:
        """The frames of a future that are exported."""
        for frame in future.labelled_frames(self.stride, self.min_visible, pictures, self.trusted_only):
            yield frame
            self._done += 1
            self.on_change(ExportProgress(self._done, self.total, time.monotonic() - self._started))
