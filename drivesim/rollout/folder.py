"""The output folder of a rollout: what stands in it, what of it survives a crash, and what belongs to another job.

    DIR/manifest.json  initial.png  preview.png
    DIR/scenario.yaml  photo.png   what it was made from: see `inputs`
    DIR/SHA256SUMS           of all files, once the futures asked for are there
    DIR/future-00/video.mp4  rollout.h5
    DIR/future-00/.state/    while the future is being made: see `future_folder`, `windows`
    DIR/progress.json        while a rollout works there, or after it failed: see `progress_file`

A file takes its name when it is whole, and its sum enters the manifest after that; while it has none there, it is not
finished and may be written again. A finished file is never overwritten.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Self

import numpy as np

from drivesim.checksums import SUMS, faults, file_hash, make_folder, read_sums, write_safely
from drivesim.config import InputError, read_json
from drivesim.engine.timeline import Timeline
from drivesim.rollout.future_folder import DATA, LABELS_FILM, VIDEO, FutureFolder
from drivesim.rollout.inputs import TEXT, Inputs
from drivesim.rollout.judgement.verdict import summary
from drivesim.rollout.lock import FolderLock
from drivesim.rollout.manifest import (
    MANIFEST,
    PHOTO,
    Manifest,
    ManifestFile,
    differences,
    future_folders,
    future_name,
    future_number,
    is_rollout,
    read_manifest,
)
from drivesim.rollout.progress_file import PROGRESS
from drivesim.rollout.segments import frames_at
from drivesim.rollout.windows import STATE
from drivesim.video_io import contact_sheet, write_image

PREVIEW_TIMES = 6
FIRST_FRAME, PREVIEW = "initial.png", "preview.png"
REPORT = "report.html"  # made on request, and of none of the sums


class RolloutFolder(ManifestFile):
    """The folder of one job. Use as a context manager: no second process can work in it meanwhile."""

    def __init__(self, path: Path, manifest: Manifest, lock: FolderLock, anew: bool = False) -> None:
        super().__init__(path, manifest, lock)
        self.anew = anew
        """Whether nothing of an earlier rollout is to stay."""

    @classmethod
    @contextmanager
    def open(cls, path: Path, manifest: Manifest, fresh: bool = False) -> Iterator[Self]:
        """Opens the folder for the job of `manifest`, new, or one to go on with; `fresh` looks at nothing of what is there.

        Changes nothing that is there: `prepare` does. Raises InputError for a folder of another job, a folder that no rollout
        made or that may not be written, one in which another process works, and one of which a finished file is not what was
        written.
        """
        make_folder(path)
        is_rollout(path)
        with FolderLock.hold(path) as lock:
            anew = fresh or not is_rollout(path)
            yield cls(path, manifest if anew else _continued(path, manifest), lock, anew)

    def prepare(self, seconds: float, inputs: Inputs, say: Callable[[str], None] = lambda _: None) -> None:
        """Makes ready for a job of `seconds`: what was there goes if the folder is `anew`, else is noted as too short if it is.

        Keeps the scenario's text and photo. To be called when all that could go wrong beforehand has been tried.
        """
        if self.anew:
            _clear(self.path)
            self.save()
        else:
            self._lengthen(seconds, say)
        self.tidy()
        if not self.has(TEXT):
            self.keep(TEXT, write_safely(self.path / TEXT, inputs.text))
            if self.manifest.job.scenario != inputs.text_hash:
                self.record(job=self.manifest.job.model_copy(update={"scenario": inputs.text_hash}))
        elif self.manifest.files[TEXT] != inputs.text_hash:
            say(f"{inputs.file}: differs from {self.path / TEXT} in words, not in meaning; the folder keeps its own")
        if inputs.photo is not None and not any(self.has(name) for name in self.photos):
            self.drop(*self.photos)
            self.keep(inputs.photo_name, write_safely(self.path / inputs.photo_name, inputs.photo))

    @property
    def photos(self) -> list[str]:
        """Names of the finished copy of the photo: one or none."""
        return [name for name in self.manifest.files if name.startswith(f"{PHOTO}.")]

    def _lengthen(self, seconds: float, say: Callable[[str], None]) -> None:
        """Has the job's futures last for `seconds`, if that is longer. Whole windows are of any length, the last one is not."""
        job = self.manifest.job
        longer = job.model_copy(update={"seconds": seconds})
        if longer.timeline.frames <= job.timeline.frames:
            return
        for name in self.manifest.futures:
            if (number := future_number(name)) is not None and (future := self.future(number)).is_running:
                future.windows.keep(job.timeline.windows - 1)
        say(f"{self.path}: is made {seconds:g} s long, it was asked for {job.seconds:g} s")
        self.drop(PREVIEW)
        self.record(job=longer)

    def future(self, future: int) -> FutureFolder:
        """The folder of one future."""
        return FutureFolder(self, future)

    def standing(self, futures: Sequence[int], windows: int) -> dict[str, dict[str, int]]:
        """What is safe on disk of these futures, by name: `windows` of so many (`of`), and `frames`.

        MachineError if the folder is gone.
        """
        self._lock.check()
        records = {name: self.manifest.futures.get(name) for name in map(future_name, futures)}
        return {
            name: {"windows": record.windows if record else 0, "of": windows, "frames": record.frames if record else 0}
            for name, record in records.items()
        }

    def tidy(self) -> None:
        """Removes what runs that were killed have left: scratch files, and the state of finished futures."""
        for scratch in self.path.glob("*.part"):
            scratch.unlink()
        for future in map(self.future, self.manifest.complete):
            if future.complete:
                shutil.rmtree(future.windows.folder, ignore_errors=True)

    def write_picture(self, name: str, picture: np.ndarray) -> None:
        """Writes a picture uint8 [h w 3] of the folder."""
        self.drop(name)
        write_image(self.path / name, picture)
        self.keep(name, file_hash(self.path / name))

    def write_preview(self, timeline: Timeline) -> None:
        """preview.png: a row for every complete future, at the same times in each."""
        numbers = np.linspace(0, timeline.frames - 1, min(PREVIEW_TIMES, timeline.frames)).round().astype(int).tolist()
        names = [future.name for future in map(self.future, self.manifest.complete) if future.complete]
        if not names:
            return
        rows = [frames_at(self.path / name / VIDEO, numbers) for name in names]
        times = "  ".join(f"{number / float(timeline.fps):.1f}" for number in numbers)
        told = [summary(self.manifest.futures[name].figures) for name in names]
        texts = [f"{name}: {times} s{f'   {words}' if words else ''}" for name, words in zip(names, told, strict=True)]
        self.write_picture(PREVIEW, contact_sheet(rows, texts, width=320))


def _continued(path: Path, new: Manifest) -> Manifest:
    """The manifest of what is there, if it is of the same job and its files are whole."""
    if (path / SUMS).is_file() and read_sums(path / SUMS).get(MANIFEST) != file_hash(path / MANIFEST):
        raise InputError(f"{path / MANIFEST}: does not match {SUMS}, it is damaged or edited; start anew with --fresh")
    old = read_manifest(path)
    if changed := differences(old, new):
        raise InputError(
            f"{path}: holds another rollout ({'; '.join(changed)}); start anew with --fresh or give another --out"
        )
    if new.job.timeline.frames < old.job.timeline.frames:
        raise InputError(
            f"{path}: holds a longer rollout ({old.job.seconds:g} s, {new.job.seconds:g} s are asked for), which begins with the "
            f"shorter one; go on with --seconds {old.job.seconds:g}, start anew with --fresh or give another --out"
        )
    for name, fault in faults(path, old.files, [name for name in old.files if (path / name).is_file()]).items():
        raise InputError(f"{path / name}: {fault}; make it again with: drivesim doctor {path} --repair")
    return old


def _clear(path: Path) -> None:
    """Removes what a rollout made, and nothing else; the manifest, which says that one did, stays until it is replaced."""
    for future in future_folders(path):
        shutil.rmtree(future / STATE, ignore_errors=True)
        for name in (VIDEO, f"{VIDEO}.part", DATA, LABELS_FILM, f"{LABELS_FILM}.part"):
            (future / name).unlink(missing_ok=True)
        if future.is_dir() and not any(future.iterdir()):
            future.rmdir()
    for name in (PROGRESS, TEXT, *_photos_of(path), FIRST_FRAME, PREVIEW, REPORT, SUMS):
        (path / name).unlink(missing_ok=True)


def _photos_of(path: Path) -> list[str]:
    """Names of the photo that the rollout in a folder kept, which may be of a version that this one does not read."""
    with suppress(InputError):
        files = read_json(path / MANIFEST).get("files")
        return [name for name in files or () if name.startswith(f"{PHOTO}.") and "/" not in name]
    return []
