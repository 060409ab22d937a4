"""The output folder of a rollout: what stands in it, what of it survives a crash, and what belongs to another job.

    DIR/manifest.json  scenario.yaml  initial.png  preview.png
    DIR/future-00/video.mp4  rollout.h5
    DIR/future-00/.state/    while the future is being made: a film and the key frames of each window, and the carry
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import Any, Literal, Self, TypeVar

import numpy as np
import safetensors.torch
from safetensors import SafetensorError
from torch import Tensor

from drivesim.config import Config, InputError, read_json, write_atomic
from drivesim.scene.boxes import Boxes
from drivesim.simulation.segments import frames_at, join_segments
from drivesim.simulation.settings import SamplingSettings
from drivesim.simulation.stream import Carry
from drivesim.simulation.timeline import KEY_FPS, Timeline
from drivesim.store.rollouts import RolloutWriter, box_rows
from drivesim.video_io import VideoWriter, contact_sheet, write_image

FORMAT = 1
MADE_BY = "drivesim rollout"
PREVIEW_TIMES = 6
T = TypeVar("T")


class Job(Config):
    """What decides the pixels. Two runs of the same job make the same futures; a folder holds one job."""

    scenario: str
    """sha256 of the scenario file."""
    photo: str | None = None
    """sha256 of the photo that is the first frame, if there is one."""
    seed: int
    seconds: float
    fps: float
    sampling: SamplingSettings
    weights: dict[str, str]
    device: str


class FutureRecord(Config):
    """How far one future is: `windows` and `frames` that are safe on disk, `seconds` of work by stage."""

    state: Literal["running", "complete"]
    windows: int
    frames: int
    seconds: dict[str, float]


class Manifest(Config):
    """manifest.json."""

    format: int
    made_by: str
    job: Job
    scenario: dict[str, Any]
    versions: dict[str, str]
    machine: dict[str, Any]
    seconds: dict[str, float]
    """Seconds of work by stage over all futures, the first frame included."""
    peak_memory_mib: dict[str, float]
    futures: dict[str, FutureRecord]


def future_name(future: int) -> str:
    """Name of a future's folder."""
    return f"future-{future:02d}"


class RolloutFolder:
    """The folder of one job. Use as a context manager: no second process can work in it meanwhile."""

    def __init__(self, path: Path, manifest: Manifest) -> None:
        self.path = path
        self.manifest = manifest

    @classmethod
    @contextmanager
    def open(cls, path: Path, manifest: Manifest, scenario_text: str, fresh: bool = False) -> Iterator[Self]:
        """Opens the folder for the job of `manifest`, where it is new; goes on with what is there where it is not.

        `fresh` removes what an earlier rollout made first. Raises InputError for a folder of another job, a folder that
        no rollout made, or one in which another process works.
        """
        if path.exists() and not path.is_dir():
            raise InputError(f"{path}: is a file; give a folder with --out")
        path.mkdir(parents=True, exist_ok=True)
        lock = os.open(path, os.O_RDONLY)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            os.close(lock)
            raise InputError(f"{path}: another rollout is working there; wait for it or give another --out") from error
        try:
            old = _read_manifest(path)
            if old is not None and fresh:
                _clear(path)
                old = None
            folder = cls(path, manifest if old is None else _continued(path, old, manifest))
            folder.tidy()
            if old is None:
                folder.save()
                write_atomic(path / "scenario.yaml", scenario_text)
            yield folder
        finally:
            os.close(lock)

    def save(self) -> None:
        """Writes manifest.json."""
        write_atomic(self.path / "manifest.json", json.dumps(self.manifest.model_dump(mode="json"), indent=2) + "\n")

    def record(self, **changes: Any) -> None:
        """Changes fields of the manifest and writes it."""
        self.manifest = self.manifest.model_copy(update=changes)
        self.save()

    def future(self, future: int) -> FutureFolder:
        """The folder of one future."""
        return FutureFolder(self, future)

    @property
    def complete(self) -> list[int]:
        """Numbers of the futures that are there in full."""
        futures = self.manifest.futures
        return sorted(int(name.split("-")[1]) for name, record in futures.items() if record.state == "complete")

    def done(self, futures: Sequence[int], windows: int) -> dict[str, dict[str, int]]:
        """What is safe on disk of these futures, by name: `windows` of so many (`of`), and `frames`."""
        records = {name: self.manifest.futures.get(name) for name in map(future_name, futures)}
        return {
            name: {"windows": record.windows if record else 0, "of": windows, "frames": record.frames if record else 0}
            for name, record in records.items()
        }

    def tidy(self) -> None:
        """Removes the state of finished futures, which a run that was killed at their very end has left."""
        for future in map(self.future, self.complete):
            if future.complete:
                shutil.rmtree(future.state, ignore_errors=True)

    def write_preview(self, timeline: Timeline) -> None:
        """preview.png: a row for every complete future, at the same times in each."""
        numbers = np.linspace(0, timeline.frames - 1, min(PREVIEW_TIMES, timeline.frames)).round().astype(int).tolist()
        names = [future_name(future) for future in self.complete]
        if not names:
            return
        rows = [frames_at(self.path / name / "video.mp4", numbers) for name in names]
        times = "  ".join(f"{number / float(timeline.fps):.1f}" for number in numbers)
        sheet = contact_sheet(rows, [f"{name}: {times} s" for name in names], width=320)
        write_image(self.path / "preview.png", sheet)


class FutureFolder:
    """The folder of one future. While it is made, .state holds film and key frames of each window, and the carry."""

    def __init__(self, rollout: RolloutFolder, future: int) -> None:
        self.rollout = rollout
        self.number = future
        self.name = future_name(future)
        self.path = rollout.path / self.name
        self.state = self.path / ".state"

    @property
    def record(self) -> FutureRecord | None:
        """What the manifest says of it."""
        return self.rollout.manifest.futures.get(self.name)

    @property
    def complete(self) -> bool:
        """Whether it is there in full."""
        return self.record is not None and self.record.state == "complete" and (self.path / "video.mp4").is_file()

    def carry(self) -> Carry | None:
        """Where to go on; None if no window is done. InputError if what was kept is damaged."""
        file = self.state / "carry.safetensors"
        return _load(file, Carry.of) if file.is_file() else None

    def begin(self) -> FutureRecord:
        """Notes it as running, before anything of it is kept: its record, with what an earlier run did of it."""
        if self.record is None or self.record.state == "complete":
            self._note(FutureRecord(state="running", windows=0, frames=0, seconds={}))
        assert self.record is not None
        return self.record

    def segment(self, window: int, fps: Fraction, height: int, width: int) -> VideoWriter:
        """A writer for the film of one window."""
        self.state.mkdir(parents=True, exist_ok=True)
        return VideoWriter(self._film(window), fps, height, width)

    def commit(self, window: int, keys: Tensor, carry: Carry, record: FutureRecord) -> None:
        """Makes a window, whose film is written, permanent: its key frames first, the carry last."""
        _save_atomic({"keys": keys.contiguous()}, self._keys(window))
        _save_atomic(carry.tensors(), self.state / "carry.safetensors")
        self._note(record)

    def finish(self, timeline: Timeline, boxes: Boxes) -> None:
        """Joins the windows into video.mp4 and rollout.h5, and removes the state.

        `boxes` are those asked of the first frame. Raises InputError if some of the state is lost or damaged.
        """
        windows = range(timeline.windows)
        self._write_data(timeline, boxes)
        films = [film for window in windows if (film := self._film(window)).is_file()]  # a short window may have none
        frames = join_segments(films, self.path / "video.mp4", timeline.fps)
        if frames != timeline.frames:
            raise InputError(f"{self.state}: damaged, {frames} of {timeline.frames} frames are left; start anew with --fresh")
        done = {"state": "complete", "windows": timeline.windows, "frames": frames}
        self._note(self.begin().model_copy(update=done))
        shutil.rmtree(self.state)

    def _write_data(self, timeline: Timeline, boxes: Boxes) -> None:
        scratch = self.state / "rollout.h5"
        scratch.unlink(missing_ok=True)
        done = 0
        channels, height, width = self._kept_keys(0).shape[1:]
        with RolloutWriter(scratch, (channels, height, width)) as data:
            data.add_frames(np.arange(timeline.frames) / float(timeline.fps))
            data.add_boxes(box_rows(0, boxes, "asked"))
            for window in range(timeline.windows):
                keys = self._kept_keys(window).numpy()
                data.add_keyframes(keys, (done + np.arange(len(keys))) / float(KEY_FPS))
                done += len(keys)
            data.commit()
        scratch.replace(self.path / "rollout.h5")

    def _film(self, window: int) -> Path:
        return self.state / f"{window:04d}.mp4"

    def _keys(self, window: int) -> Path:
        return self.state / f"{window:04d}.safetensors"

    def _kept_keys(self, window: int) -> Tensor:
        return _load(self._keys(window), lambda tensors: tensors["keys"])

    def _note(self, record: FutureRecord) -> None:
        futures = self.rollout.manifest.futures | {self.name: record}
        self.rollout.record(futures=dict(sorted(futures.items())))


def _load(path: Path, take: Callable[[dict[str, Tensor]], T]) -> T:
    """What `take` makes of the tensors of a file; InputError naming it if they are not there or damaged."""
    try:
        return take(safetensors.torch.load_file(path))
    except (SafetensorError, OSError, KeyError, TypeError, ValueError) as error:
        raise InputError(f"{path}: lost or damaged ({error}); start anew with --fresh") from error


def _save_atomic(tensors: dict[str, Tensor], path: Path) -> None:
    scratch = path.with_name(path.name + ".part")
    safetensors.torch.save_file(tensors, scratch)
    scratch.replace(path)


def _read_manifest(path: Path) -> Manifest | None:
    """The manifest of a folder, None if the folder is empty; InputError if it is not empty and no rollout made it."""
    file = path / "manifest.json"
    if not file.is_file():
        if any(entry.name != "manifest.json.part" for entry in path.iterdir()):
            raise InputError(f"{path}: not empty, and no rollout made it (no manifest.json); give another --out")
        return None
    values = read_json(file)
    if values.get("made_by") != MADE_BY:
        raise InputError(f"{file}: not the manifest of a rollout; give another --out")
    if values.get("format") != FORMAT:
        raise InputError(f"{file}: format {values.get('format')} is not {FORMAT}; give another --out")
    return Manifest.parse(values, file)


def _continued(path: Path, old: Manifest, new: Manifest) -> Manifest:
    """The old manifest, if it is of the same job."""
    before, now = old.job.model_dump(), new.job.model_dump()
    changed = sorted(name for name in before if before[name] != now[name])
    if changed:
        raise InputError(
            f"{path}: holds a rollout with other {', '.join(changed)}; start anew with --fresh or give another --out"
        )
    return old


def _clear(path: Path) -> None:
    """Removes what a rollout made, and nothing else; the manifest, which says that one did, last."""
    for future in path.glob("future-[0-9]*"):
        shutil.rmtree(future / ".state", ignore_errors=True)
        for name in ("video.mp4", "video.mp4.part", "rollout.h5"):
            (future / name).unlink(missing_ok=True)
        if future.is_dir() and not any(future.iterdir()):
            future.rmdir()
    for name in ("progress.json", "scenario.yaml", "initial.png", "preview.png", "manifest.json"):
        (path / name).unlink(missing_ok=True)
