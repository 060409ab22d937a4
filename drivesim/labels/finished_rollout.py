"""A finished rollout, opened: its futures as streams of labelled frames."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from html import escape
from pathlib import Path
from typing import Self

import numpy as np

from drivesim.config import InputError
from drivesim.labels.labelled_frame import LabelledFrame, camera_matrix
from drivesim.labels.pictures import html_picture
from drivesim.labels.tables import LabelTables
from drivesim.metrics.label_trust import Trust
from drivesim.rollout.folder import PREVIEW
from drivesim.rollout.future_folder import DATA, VIDEO
from drivesim.rollout.inputs import kept_scenario
from drivesim.rollout.manifest import MANIFEST, Manifest, future_name, future_number, read_manifest
from drivesim.scenario.scenario import Scenario
from drivesim.scene.camera import Camera
from drivesim.video_io import VideoInfo, read_image, stream_video, video_info


@dataclass(frozen=True)
class FinishedFuture:
    """A future that is there in full, in `folder`. `known_frames`: of how many, from the first on, the vehicles are known."""

    number: int
    folder: Path
    frames: int
    fps: float
    known_frames: int

    @property
    def name(self) -> str:
        """Name of its folder: future-00."""
        return future_name(self.number)

    @property
    def video(self) -> Path:
        """Its film."""
        return self.folder / VIDEO

    @cached_property
    def film(self) -> VideoInfo:
        """Rate and size of its film."""
        return video_info(self.video)

    @cached_property
    def camera(self) -> Camera:
        """The camera of all its frames."""
        with LabelTables(self.folder / DATA) as tables:
            row = tables.camera()
        return Camera(float(row["z"]), math.degrees(row["pitch"]), math.degrees(2 * math.atan(row["cx"] / row["fx"])))

    @property
    def intrinsics(self) -> np.ndarray:
        """Camera matrix [3 3] for pixels of its film, in which the middle of the first pixel is at 0, as OpenCV has it."""
        return camera_matrix(self.camera, self.film.height, self.film.width)

    @property
    def judged(self) -> bool:
        """Whether a detector looked if its film shows what is labelled."""
        with LabelTables(self.folder / DATA) as tables:
            return tables.judged

    def labelled_frames(
        self, stride: int = 1, min_visible: float = 0.0, pictures: bool = True, trusted_only: bool = False
    ) -> Iterator[LabelledFrame]:
        """Every `stride`-th frame of which the vehicles are known, without those of which less than `min_visible` is in sight.

        `trusted_only`: without those, too, which the film is not known to show. Memory does not grow with the length.
        InputError if film or table is damaged.
        """
        shown = stream_video(self.video) if pictures else iter(())
        with LabelTables(self.folder / DATA) as tables:
            if tables.frames != self.frames:
                raise InputError(f"{tables.path}: {tables.frames} of {self.frames} frames are there; drivesim doctor says more")
            for number, (rows, ego) in enumerate(zip(tables.boxes(), tables.ego(), strict=True)):
                picture = next(shown, None)
                if picture is None and pictures:
                    raise InputError(f"{self.video}: {number} of {self.frames} frames are there; drivesim doctor says more")
                if number >= self.known_frames:
                    return
                if number % stride == 0:
                    kept = rows[~(rows["visible"] < min_visible) & ((rows["trust"] == Trust.SHOWN) | (not trusted_only))]
                    yield LabelledFrame.of(number, picture, kept, ego, self.camera, (self.film.height, self.film.width))


@dataclass(frozen=True, eq=False)
class FinishedRollout:
    """A folder that `drivesim rollout` made, of which `futures` are there in full."""

    folder: Path
    manifest: Manifest
    scenario: Scenario
    futures: tuple[FinishedFuture, ...]

    @classmethod
    def open(cls, folder: Path | str, futures: Sequence[int] | None = None) -> Self:
        """Opens a rollout, or these of its futures; InputError if it is none, or one of them is not finished."""
        folder = Path(folder)
        if not folder.is_dir():
            raise InputError(f"{folder}: no such folder; give the one that drivesim rollout wrote")
        if not (folder / MANIFEST).is_file():
            raise InputError(f"{folder}: holds no rollout (no {MANIFEST}); give the folder that drivesim rollout wrote")
        manifest = read_manifest(folder)
        begun = {number for name in manifest.futures if (number := future_number(name)) is not None}
        wanted = sorted(begun if futures is None else set(futures))
        if not begun or (futures is not None and not wanted):
            raise InputError(f"{folder}: no future is finished yet; give the same drivesim rollout again, it goes on")
        for number in wanted:
            _check_finished(folder, manifest, number)
        scenario = kept_scenario(folder, manifest)
        timeline = manifest.job.timeline
        known = _known_frames(scenario, timeline.frames)
        found = (FinishedFuture(n, folder / future_name(n), timeline.frames, float(timeline.fps), known) for n in wanted)
        return cls(folder, manifest, scenario, tuple(found))

    def _repr_html_(self) -> str:
        """As notebooks show it: a few words, above the preview."""
        future = self.futures[0]
        facts = f"{len(self.futures)} future{'s' * (len(self.futures) != 1)} of {future.frames} frames, {future.fps:g} a second"
        preview = self.folder / PREVIEW
        picture = f"<br>{html_picture(read_image(preview))}" if preview.is_file() else ""
        return f"<b>{escape(self.scenario.name)}</b>: {escape(facts)}, in {escape(str(self.folder))}{picture}"


def _check_finished(folder: Path, manifest: Manifest, number: int) -> None:
    """InputError if a future is not there in full."""
    name, whole = future_name(number), manifest.complete
    if name not in manifest.futures:
        there = ", ".join(map(str, sorted(n for key in manifest.futures if (n := future_number(key)) is not None)))
        raise InputError(f"{folder}: has no future {number}, but {there}")
    if number not in whole:
        record, asked = manifest.futures[name], manifest.job.timeline
        others = f", or export what is finished: --futures {','.join(map(str, whole))}" if whole else ""
        raise InputError(
            f"{folder / name}: is not finished ({record.frames} of {asked.frames} frames); give the same drivesim rollout again, "
            f"it goes on{others}"
        )
    for file in (VIDEO, DATA):
        if not (folder / name / file).is_file():
            raise InputError(f"{folder / name / file}: is missing; make it again with: drivesim doctor {folder} --repair")


def _known_frames(scenario: Scenario, frames: int) -> int:
    """Of how many frames it is known who is there: not after the first where traffic is free, of no photo without names."""
    if scenario.photo is not None and not scenario.vehicles:
        return 0
    return min(frames, 1) if scenario.traffic == "free" else frames
