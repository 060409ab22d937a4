"""Clips as HDF5: one file holds many, frame after frame in flat tables, so that any frame or window is read alone.

frames  uint8 [F h w 3], one compressed chunk a frame      depth    float16 [F h w] (m), where the clips have it
ego     float32 [F 4]    the fields of EgoMotion           box_end  int64 [F]  end of the frame's rows in `boxes`
boxes   one row a vehicle and frame                        clips    one row a clip (end of its frames, fps, ...)
sources utf-8 text of all clips' sources                   labels   one row a frame: are its boxes known, crowdedness
pose    float64 [F 5]    the fields of EgoPose              roadsides  one row a clip, RoadsideKey
captions utf-8 text of all clips' captions                  caption_end  int64, one a clip, end of its bytes in `captions`

A file describes itself in its attributes (see descriptions). Labels can be unknown (see label_tables).
Stores of format 2, without the tables `labels`, `pose` and `roadsides`, know all
labels but paint, lamps, pose and roadside. Stores without the table `captions` keep none of the clips that are added.
"""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import fields, replace
from pathlib import Path
from typing import Any, Self

import h5py
import numpy as np

from drivesim.checksums import check_writable
from drivesim.config import InputError
from drivesim.dataset.descriptions import describe
from drivesim.dataset.label_tables import (
    BOX_COLUMNS,
    CLIP_ROW,
    FRAME_ROW,
    NAMES,
    POSE_FIELDS,
    ROADSIDE_ROW,
    box_rows,
    clip_row,
    ego_rows,
    follows_from_boxes,
    frame_rows,
    labels_of,
    pose_of,
    pose_rows,
    roadside_of,
    roadside_row,
)
from drivesim.scene.clip import Clip, ClipLabels, EgoMotion
from drivesim.tables import Tables, add_table, committed, create_file, open_file

KIND, VERSION = "drivesim clips", 3
_OLDER = (2,)  # without the table `labels`, and boxes without paint and lamps


class ClipWriter:
    """Appends clips to a store; each is permanent once `append` returns. All have one frame size.

    `recipe` says how the clips are made (JSON values); a store that was made otherwise is refused.
    """

    def __init__(self, path: Path | str, recipe: dict[str, Any] | None = None) -> None:
        """Opens or (at the first clip) makes the store; InputError if it is truncated, foreign or of another recipe."""
        self.path = Path(path)
        self.recipe = recipe
        self._tables: Tables | None = None
        if self.path.exists():
            self._open()
        else:
            check_writable(self.path)

    def _open(self) -> Tables:
        self._tables = Tables(self.path, KIND, VERSION, _OLDER)
        try:
            _check_names(self._tables.file, self.path)
            if self.recipe is not None:
                check_recipe(self.path, json.loads(self._tables.file.attrs["recipe"]), self.recipe)
        except InputError:
            self.close()
            raise
        return self._tables

    def __len__(self) -> int:
        return self._tables.length("clips") if self._tables else 0

    def append(self, clip: Clip) -> None:
        """Adds one clip.

        Raises InputError if its size or depth is not the store's, or the store's format cannot hold its labels; ValueError if
        it is no clip.
        """
        count = len(clip.frames)
        rows = {len(clip.labels), len(clip.labels.ego.speed), len(clip.labels.crowdedness)}
        if not count or rows != {count} or clip.frames.dtype != np.uint8:
            raise ValueError(f"a clip needs as many boxes, counts and ego states as frames ({count}), and uint8 frames")
        if self._tables is None:
            create_file(self.path, KIND, VERSION, lambda file: _lay_out(file, clip, self.recipe or {}))
            self._open()
        tables = self._tables
        assert tables is not None
        held = tables["frames"].shape[1:3], "depth" in tables.file
        given = clip.frames.shape[1:3], clip.depth is not None
        if held != given:
            raise InputError(f"{self.path}: holds (size, depth) {held}, not {given}; give this clip a store of its own")
        if "labels" not in tables.file and not follows_from_boxes(clip.labels):
            raise InputError(f"{self.path}: of format 2, which knows all labels of all clips; give this clip a new store")
        try:
            self._append(tables, clip)
        except BaseException:
            tables.rewind()
            raise
        tables.commit()

    def _append(self, tables: Tables, clip: Clip) -> None:
        labels = clip.labels
        counts = [0 if table is None else len(table) for table in labels.boxes]
        ends = tables.length("boxes") + np.cumsum(counts)
        for frame in clip.frames:
            tables.append("frames", frame[None])
        for depth in () if clip.depth is None else clip.depth:
            tables.append("depth", depth[None].astype(np.float16))
        tables.append("ego", ego_rows(labels.ego))
        tables.append("boxes", box_rows(labels.boxes, tables["boxes"].dtype))
        tables.append("box_end", ends)
        if "labels" in tables.file:
            tables.append("labels", frame_rows(labels))
            tables.append("pose", pose_rows(labels))
            tables.append("roadsides", roadside_row(labels))
        if "captions" in tables.file:
            tables.append("captions", np.frombuffer((labels.caption or "").encode(), np.uint8))
            tables.append("caption_end", np.array([tables.length("captions")]))
        tables.append("sources", np.frombuffer(labels.source.encode(), np.uint8))
        tables.append("clips", clip_row(labels, tables.length("frames"), tables.length("sources")))

    def close(self) -> None:
        """Closes the file; harmless when done twice."""
        if self._tables is not None:
            self._tables.close()
            self._tables = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def check_recipe(path: Path, made: dict[str, Any], wanted: dict[str, Any]) -> None:
    """InputError naming what differs if a store was `made` with another recipe than is `wanted`."""
    keys = sorted(key for key in made.keys() | wanted.keys() if made.get(key) != wanted.get(key))
    if keys:
        faults = ", ".join(f"{key} {made.get(key)!r} instead of {wanted.get(key)!r}" for key in keys)
        raise InputError(f"{path}: was made with {faults}; give the same settings or another file")


def _lay_out(file: h5py.File, clip: Clip, recipe: dict[str, Any]) -> None:
    """The empty tables for clips like `clip`."""
    add_table(file, "frames", clip.frames.shape[1:], np.uint8, chunk=1, compression="lzf")
    if clip.depth is not None:
        add_table(file, "depth", clip.depth.shape[1:], np.float16, chunk=1, compression="lzf", shuffle=True)
    add_table(file, "ego", (len(fields(EgoMotion)),), np.float32)
    add_table(file, "boxes", (), BOX_COLUMNS)
    add_table(file, "box_end", (), np.int64)
    add_table(file, "labels", (), FRAME_ROW)
    add_table(file, "pose", (len(POSE_FIELDS),), np.float64)
    add_table(file, "roadsides", (), ROADSIDE_ROW, chunk=64)
    add_table(file, "clips", (), CLIP_ROW, chunk=64)
    add_table(file, "sources", (), np.uint8, chunk=4096)
    add_table(file, "captions", (), np.uint8, chunk=4096)
    add_table(file, "caption_end", (), np.int64, chunk=64)
    file.attrs["recipe"] = json.dumps(recipe, sort_keys=True)
    for name, values in NAMES.items():
        file.attrs[name] = json.dumps(values)
    describe(file)


def _check_names(file: h5py.File, path: Path) -> None:
    """InputError if the store numbers kinds, settings or times of day otherwise than this program."""
    for name, values in NAMES.items():
        if json.loads(file.attrs[name]) != list(values):
            raise InputError(f"{path}: was written with other {name} ({file.attrs[name]}); make it anew")


class ClipStore:
    """Reads a store. Picklable, and safe after fork: every process opens the file for itself."""

    def __init__(self, path: Path | str) -> None:
        """Raises InputError naming the file if it is missing, truncated, foreign or of another format version."""
        self.path = Path(path)
        self._process = 0
        self._opened: h5py.File | None = None
        self._labels: dict[str, np.ndarray] = {}
        self._pictures: np.ndarray | None = None
        file = self._file()
        try:
            _check_names(file, self.path)
            self.recipe: dict[str, Any] = json.loads(file.attrs["recipe"])
            self._clips = file["clips"][: committed(file)["clips"]]
            self.height, self.width = (int(n) for n in file["frames"].shape[1:3])
            self.has_depth = "depth" in file
        except (KeyError, OSError, ValueError) as error:
            raise InputError(f"{self.path}: damaged ({error}); make it anew") from error
        self.ends = self._clips["end"].copy()  # int64 [clips]: frames of the store up to the end of each clip

    def __reduce__(self) -> tuple[Any, ...]:
        return ClipStore, (self.path,)

    def __len__(self) -> int:
        return len(self._clips)

    @property
    def total_frames(self) -> int:
        """Frames of all clips together."""
        return int(self.ends[-1]) if len(self.ends) else 0

    def first(self, i: int) -> int:
        """Number of clip i's first frame, counted through the whole store."""
        return int(self.ends[i - 1]) if i else 0

    def frames(self, i: int) -> int:
        """Number of frames of clip i."""
        return int(self.ends[i]) - self.first(i)

    def fps(self, i: int) -> float:
        """Frames per second of clip i."""
        return float(self._clips["fps"][i])

    def pictures(self, i: int, start: int = 0, stop: int | None = None, step: int = 1) -> np.ndarray:
        """Every `step`-th frame of start <= frame < stop of clip i, uint8 [f h w 3]; IndexError outside the clip."""
        first, last = self.span(i, start, stop)
        if self._pictures is not None:
            return self._pictures[first:last:step]
        return self._rows("frames", first, last, step)

    def all_pictures(self, start: int, stop: int) -> np.ndarray:
        """Frames uint8 [f h w 3] counted through the whole store, over the borders of clips."""
        return self._rows("frames", start, stop)

    def labels(self, i: int, start: int = 0, stop: int | None = None, step: int = 1) -> ClipLabels:
        """Labels of the frames that `read` gives for the window; fps and road.curvature are the window's own.

        The label tables are kept in memory after the first call (about 0.4 kB a frame).
        """
        first, last = self.span(i, start, stop)
        row = self._clips[i]
        window = slice(first, last, step)
        starts, ends, ego = (self._table(name)[window] for name in ("box_start", "box_end", "ego"))
        labels = labels_of(
            row,
            step,
            [self._table("boxes")[a:b] for a, b in zip(starts, ends, strict=True)],
            self._table("labels")[window] if "labels" in self._file() else None,
            ego,
            self._text("sources", self._clips["source_end"], i),
        )
        if "captions" in self._file():
            labels = replace(labels, caption=self._text("captions", self._table("caption_end"), i) or None)
        if "labels" in self._file():
            pose, roadside = pose_of(self._table("pose")[window]), roadside_of(self._table("roadsides")[i])
            labels = replace(labels, pose=pose, roadside=roadside)
        if start and labels.road is not None:
            labels = replace(labels, road=replace(labels.road, curvature=float(labels.ego.curvature[0])))
        return labels

    def read(self, i: int, start: int = 0, stop: int | None = None, step: int = 1) -> Clip:
        """Clip i from frame `start` to before `stop`, every `step`-th frame; only the window is read.

        IndexError outside the clip, InputError if the file is damaged.
        """
        depth = self._rows("depth", *self.span(i, start, stop), step) if self.has_depth else None
        return Clip(self.pictures(i, start, stop, step), self.labels(i, start, stop, step), depth)

    def preload(self) -> Self:
        """Reads all pictures into memory, once: random frames then cost microseconds (98 kB a frame of 128x256)."""
        if self._pictures is None:
            self._pictures = np.empty((self.total_frames, self.height, self.width, 3), np.uint8)
            for start in range(0, self.total_frames, 256):
                stop = min(start + 256, self.total_frames)
                self._pictures[start:stop] = self._rows("frames", start, stop)
        return self

    def fingerprint(self) -> str:
        """A hash that tells stores apart and stays when clips are appended: of recipe, first row and first frame."""
        digest = hashlib.sha256(json.dumps(self.recipe, sort_keys=True).encode())
        digest.update(self._clips[:1].tobytes())
        digest.update(self._rows("frames", 0, 1).tobytes())
        return digest.hexdigest()

    def span(self, i: int, start: int, stop: int | None) -> tuple[int, int]:
        """First and last (exclusive) frame of the window, counted through the store; IndexError outside the clip."""
        if not 0 <= i < len(self):
            raise IndexError(f"{self.path}: clip {i} of {len(self)}")
        stop = self.frames(i) if stop is None else stop
        if not 0 <= start < stop <= self.frames(i):
            raise IndexError(f"{self.path}: frames {start} to {stop} of clip {i}, which has {self.frames(i)}")
        return self.first(i) + start, self.first(i) + stop

    def _rows(self, name: str, start: int, stop: int, step: int = 1) -> np.ndarray:
        try:
            rows: np.ndarray = self._file()[name][start:stop:step]
        except OSError as error:
            raise InputError(f"{self.path}: {name} {start} to {stop} cannot be read ({error}); make it anew") from error
        return rows

    def _text(self, name: str, ends: np.ndarray, i: int) -> str:
        """The text of clip i, whose bytes end at `ends[i]` of the table `name`."""
        return self._table(name)[ends[i - 1] if i else 0 : ends[i]].tobytes().decode()

    def _table(self, name: str) -> np.ndarray:
        """A label table in memory; "box_start" is derived from "box_end"."""
        if name not in self._labels:
            if name == "box_start":
                self._labels[name] = np.concatenate([[0], self._table("box_end")[:-1]])
            else:
                self._labels[name] = self._rows(name, 0, committed(self._file())[name])
        return self._labels[name]

    def _file(self) -> h5py.File:
        if self._opened is None or self._process != os.getpid():
            self._opened, self._process = open_file(self.path, KIND, VERSION, older=_OLDER), os.getpid()
        return self._opened

    def close(self) -> None:
        """Closes the file in this process; reading opens it again."""
        if self._opened is not None and self._process == os.getpid():
            self._opened.close()
        self._opened = None
