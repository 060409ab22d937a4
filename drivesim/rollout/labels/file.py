"""rollout.h5, the data beside a future's video. Its attributes say what stands in it: h5py alone is enough to understand it.

time_s               float64 [frames]        seconds since the first frame
ego, camera          tables, a row a frame   see `rows`
boxes                a table, a row a vehicle and frame, in the order of frames
keyframes/latents    float32 [k, c, 16, 32]  what the video model made, normalised as LatentSpace gives it
keyframes/time_s     float64 [k]
detected             a table, a row a vehicle that a detector found, in every fourth frame or so

Version 1 had neither ego nor camera, and of boxes no more than pixels, score and source; version 2 no trust in boxes, and nothing
detected.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Self

import h5py
import numpy as np

import drivesim
from drivesim.config import InputError
from drivesim.rollout.labels.rows import (
    BOX_COLUMNS,
    BOX_ROW,
    CAMERA_COLUMNS,
    CAMERA_ROW,
    DETECTED_COLUMNS,
    DETECTED_ROW,
    EGO_COLUMNS,
    EGO_ROW,
    FrameLabels,
    box_rows,
    camera_row,
    ego_row,
    rows_of_earlier_versions,
)
from drivesim.tables import Tables, add_table, committed, create_file, open_file

KIND, VERSION = "drivesim rollout", 3
OLDER = (1, 2)
_BLOCK = 512  # frames whose labels are written together
_ABOUT = """One future of a drivesim rollout, made by neural networks; video.mp4 beside it shows its frames.
Ego frame: x forward, y to the left, z up, in metres, origin on the road below the camera, moving with the ego.
Pixels: of a frame of 1024x512, x to the right and y down from the upper left corner, in which the first pixel ends at 1; a film
of another size is scaled. NaN is a value that is not known.
boxes, ego and camera are what the networks were asked to show, or what was found, by the column `source`. They are tables, whose
attributes `columns` and `units` say what each column is: pandas.DataFrame(file["boxes"][:]), or xarray.open_dataset(path,
engine="h5netcdf", phony_dims="access"). `committed` says how many rows of each table count."""
_COLUMNS = {"boxes": BOX_COLUMNS, "ego": EGO_COLUMNS, "camera": CAMERA_COLUMNS, "detected": DETECTED_COLUMNS}
_TEXTS = {
    "time_s": "Time of every frame of the film since the first, in s.",
    "keyframes/time_s": "Time of every key frame since the first frame, in s.",
    "keyframes/latents": "What the video model made, standardised: [key frame, channel, row, column], for the decoder of the "
    "autoencoder with whose weights the rollout was made. The film between key frames is interpolated.",
    "boxes": "A row a vehicle and frame, frame after frame; frames of which nothing is known have none.",
    "detected": "A row a vehicle that a detector found in a frame that it looked at. It was trained on rendered frames and errs; "
    "this is no label.",
    "ego": "A row a frame: the drive that was asked for, not measured in the film.",
    "camera": "A row a frame: the camera that was asked for, a pinhole, not measured in the film.",
}


@dataclass(frozen=True)
class Rollout:
    """A rollout.h5: `time_s` [frames], `latents` [k c h w], `keyframe_time_s` [k], `boxes` rows of BOX_ROW [n].

    `ego` and `camera`: rows of EGO_ROW and CAMERA_ROW [frames]; none in a file of version 1. `detected`: rows of
    DETECTED_ROW.
    """

    time_s: np.ndarray
    latents: np.ndarray
    keyframe_time_s: np.ndarray
    boxes: np.ndarray
    ego: np.ndarray = field(default_factory=lambda: np.zeros(0, EGO_ROW))
    camera: np.ndarray = field(default_factory=lambda: np.zeros(0, CAMERA_ROW))
    detected: np.ndarray = field(default_factory=lambda: np.zeros(0, DETECTED_ROW))


class RolloutWriter:
    """Appends to a rollout window by window. Opening the file again continues after the last `commit`."""

    def __init__(self, path: Path | str, latent_shape: tuple[int, int, int] = (8, 16, 32)) -> None:
        """Opens or makes the file; InputError if it is truncated, foreign or of another latent shape (c, h, w)."""
        self.path = Path(path)
        if not self.path.exists():
            create_file(self.path, KIND, VERSION, lambda file: _lay_out(file, latent_shape))
        self._tables = Tables(self.path, KIND, VERSION)
        held = self._tables["keyframes/latents"].shape[1:]
        if held != latent_shape:
            self._tables.close()
            raise InputError(f"{self.path}: holds latents of shape {held}, not {latent_shape}; start anew (--fresh)")

    @property
    def frames(self) -> int:
        """Frames so far."""
        return self._tables.length("time_s")

    @property
    def keyframes(self) -> int:
        """Key frames so far."""
        return self._tables.length("keyframes/time_s")

    def add_frames(self, labels: Iterable[FrameLabels]) -> None:
        """Appends what is known of further frames, frame after frame."""
        frames, number = iter(labels), self.frames
        while block := list(islice(frames, _BLOCK)):
            numbered = list(enumerate(block, start=number))
            self._tables.append("time_s", np.array([frame.time for frame in block], np.float64))
            self._tables.append("ego", np.concatenate([ego_row(i, frame) for i, frame in numbered]))
            self._tables.append("camera", np.concatenate([camera_row(i, frame) for i, frame in numbered]))
            boxes = [box_rows(i, frame.boxes, frame.source, frame.score, frame.trust) for i, frame in numbered if len(frame.boxes)]
            if boxes:
                self._tables.append("boxes", np.concatenate(boxes))
            number += len(block)

    def add_keyframes(self, latents: np.ndarray, time_s: np.ndarray) -> None:
        """Appends key frames: latents [k c h w] and times (s) [k]."""
        if len(latents) != len(time_s):
            raise ValueError(f"{len(latents)} latents for {len(time_s)} times")
        self._tables.append("keyframes/latents", np.asarray(latents, np.float32))
        self._tables.append("keyframes/time_s", np.asarray(time_s, np.float64))

    def add_detected(self, rows: np.ndarray) -> None:
        """Appends rows of DETECTED_ROW, as `detected_rows` makes them."""
        self._tables.append("detected", rows)

    def latents(self, start: int = 0, stop: int | None = None) -> np.ndarray:
        """Latents float32 [k c h w] of the key frames from `start` to before `stop`, to go on from."""
        rows: np.ndarray = self._tables["keyframes/latents"][start:stop]
        return rows

    def commit(self) -> None:
        """Makes everything added so far permanent."""
        self._tables.commit()

    def close(self) -> None:
        """Closes the file; what was not committed is dropped."""
        self._tables.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _lay_out(file: h5py.File, latent_shape: tuple[int, int, int]) -> None:
    add_table(file, "time_s", (), np.float64)
    add_table(file, "keyframes/latents", latent_shape, np.float32, chunk=1)
    add_table(file, "keyframes/time_s", (), np.float64, chunk=128)
    for name, row in (("ego", EGO_ROW), ("camera", CAMERA_ROW), ("boxes", BOX_ROW), ("detected", DETECTED_ROW)):
        add_table(file, name, (), row)
    file.attrs["about"], file.attrs["written_by"] = _ABOUT, f"drivesim {drivesim.__version__}"
    for name, text in _TEXTS.items():
        file[name].attrs["description"] = text
    for name, columns in _COLUMNS.items():
        file[name].attrs["columns"], file[name].attrs["units"] = list(columns), list(columns.values())


def read_rollout(path: Path | str) -> Rollout:
    """All that was committed to a rollout; InputError naming the file if it is missing, truncated or foreign."""
    path = Path(path)
    with open_file(path, KIND, VERSION, older=OLDER) as file:
        try:
            rows = {name: file[name][:count] for name, count in committed(file).items()}
            if file.attrs["version"] != VERSION:
                rows["boxes"] = rows_of_earlier_versions(rows["boxes"])
        except (KeyError, OSError) as error:
            raise InputError(f"{path}: damaged ({error}); make it anew") from error
    found = {name: rows[name] for name in ("time_s", "boxes", "ego", "camera", "detected") if name in rows}
    return Rollout(latents=rows["keyframes/latents"], keyframe_time_s=rows["keyframes/time_s"], **found)
