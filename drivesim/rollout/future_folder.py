"""The folder of one future: begun, its windows made permanent one by one, finished as video.mp4 and rollout.h5."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable
from fractions import Fraction
from pathlib import Path

import numpy as np

from drivesim.checksums import file_hash, settle
from drivesim.config import MachineError
from drivesim.engine.stream import FinishedWindow
from drivesim.engine.timeline import Timeline
from drivesim.rollout.judgement.verdict import Verdict
from drivesim.rollout.labels.file import RolloutWriter
from drivesim.rollout.labels.rows import FrameLabels
from drivesim.rollout.manifest import FutureRecord, ManifestFile, future_name
from drivesim.rollout.segments import join_segments
from drivesim.rollout.windows import STATE, Windows
from drivesim.video_format import KEY_FPS
from drivesim.video_writer import VideoWriter

VIDEO, DATA = "video.mp4", "rollout.h5"
LABELS_FILM = "labels.mp4"  # made on request of the other two, and of none of the sums


class FutureFolder:
    """The folder of one future. While it is made, `windows` holds what is finished of it."""

    def __init__(self, rollout: ManifestFile, future: int) -> None:
        self.rollout = rollout
        self.number = future
        self.name = future_name(future)
        self.path = rollout.path / self.name
        self.windows = Windows(self.path / STATE)

    @property
    def record(self) -> FutureRecord | None:
        """What the manifest says of it."""
        return self.rollout.manifest.futures.get(self.name)

    @property
    def is_running(self) -> bool:
        """Whether it was begun and not finished."""
        return self.record is not None and self.record.state == "running"

    @property
    def complete(self) -> bool:
        """Whether it is there in full."""
        return self.number in self.rollout.manifest.complete and self._has_files

    @property
    def too_short(self) -> bool:
        """Whether it was finished, and the job was made longer since."""
        recorded = self.record is not None and self.record.state == "complete"
        return recorded and self._has_files and not self.complete

    @property
    def _has_files(self) -> bool:
        return all(self.rollout.has(f"{self.name}/{file}") for file in (VIDEO, DATA))

    def begin(self, windows: int, frames: int) -> FutureRecord:
        """Notes it as running, with so many windows and frames: its record, with the seconds of earlier runs."""
        self.rollout.drop(f"{self.name}/{VIDEO}", f"{self.name}/{DATA}")
        (self.path / LABELS_FILM).unlink(missing_ok=True)
        earlier = self.record.seconds if self.record is not None and windows else {}
        self._note(FutureRecord(state="running", windows=windows, frames=frames, seconds=earlier))
        self.rollout.check_place()
        self.path.mkdir(exist_ok=True)
        self.windows.folder.mkdir(exist_ok=True)
        assert self.record is not None
        return self.record

    def film(self, window: int, fps: Fraction, height: int, width: int) -> VideoWriter:
        """A writer for the film of one window."""
        self.rollout.check_place()
        return VideoWriter(self.windows.film_path(window), fps, height, width)

    def commit(self, window: FinishedWindow, record: FutureRecord) -> None:
        """Makes a window, whose film is written, permanent."""
        self.rollout.check_place()
        self.windows.commit(window)
        self._note(record)

    def finish(
        self, timeline: Timeline, labels: Iterable[FrameLabels], judge: Callable[[Path], Verdict] | None = None
    ) -> None:
        """Joins the windows into video.mp4 and rollout.h5, and removes the state.

        `labels` of every frame, in order; `judge` says of the film how far it shows them. Raises MachineError if some of the
        state is lost or damaged.
        """
        self.rollout.check_place()
        self.windows.check(timeline.windows)
        frames = join_segments(self.windows.films(timeline.windows), self.path / VIDEO, timeline.fps)
        if frames != timeline.frames:
            raise MachineError(f"{self.windows.folder}: {frames} of {timeline.frames} frames are left; start anew with --fresh")
        verdict = None if judge is None else judge(self.path / VIDEO)
        self._write_data(timeline, labels, verdict)
        for file in (VIDEO, DATA):
            self.rollout.keep(f"{self.name}/{file}", file_hash(self.path / file))
        assert self.record is not None
        figures = {} if verdict is None else verdict.figures()
        complete = {"state": "complete", "windows": timeline.windows, "frames": frames, "figures": figures}
        self._note(self.record.model_copy(update=complete))
        shutil.rmtree(self.windows.folder)

    def _write_data(self, timeline: Timeline, labels: Iterable[FrameLabels], verdict: Verdict | None) -> None:
        scratch = self.windows.folder / DATA
        scratch.unlink(missing_ok=True)
        count = 0
        channels, height, width = self.windows.keys(0).shape[1:]
        with RolloutWriter(scratch, (channels, height, width)) as data:
            data.add_frames(labels if verdict is None else verdict.trusted(labels))
            if verdict is not None:
                data.add_detected(verdict.found_rows())
            for window in range(timeline.windows):
                keys = self.windows.keys(window).numpy()
                data.add_keyframes(keys, (count + np.arange(len(keys))) / float(KEY_FPS))
                count += len(keys)
            data.commit()
        settle(scratch, self.path / DATA)

    def _note(self, record: FutureRecord) -> None:
        futures = self.rollout.manifest.futures | {self.name: record}
        self.rollout.record(futures=dict(sorted(futures.items())))
