"""Clips as HDF5: one file holds many, frame after frame in flat tables, so that any frame or window is read alone.

frames  uint8 [F h w 3], one compressed chunk a frame      depth    float16 [F h w] (m), where the clips have it
ego     float32 [F 4]    the fields of EgoMotion           box_end  int64 [F]  end of the frame's rows in `boxes`
boxes   one row a vehicle and frame                        clips    one row a clip (end of its frames, fps, ...)
sources utf-8 text of all clips' sources
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

from drivesim.config import InputError
from drivesim.scene.boxes import Boxes
from drivesim.scene.camera import Camera
from drivesim.scene.clip import TIMES_OF_DAY, Clip, EgoMotion
from drivesim.scene.road import SETTINGS, Road
from drivesim.scene.vehicles import KINDS
from drivesim.tables import Tables, add_table, committed, create_file, open_file

KIND, VERSION = "drivesim clips", 2
_NAMES = {"kinds": KINDS, "settings": SETTINGS, "times_of_day": TIMES_OF_DAY}  # what the numbers in the tables mean
_BOX = np.dtype(
    [("track", "i8"), ("kind", "u1"), ("box", "f4", 4), ("heading", "f4"), ("visible", "f4"), ("cuboid", "f4", 7)]
)
_CLIP = np.dtype(
    [("end", "i8"), ("source_end", "i8"), ("fps", "f8"), ("time_of_day", "u1"), ("setting", "u1"), ("lanes", "u1"),
     ("ego_lane", "u1"), ("curvature", "f8"), ("height", "f8"), ("pitch", "f8"), ("field_of_view", "f8")]
)  # fmt: skip


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
        elif not self.path.parent.is_dir():
            raise InputError(f"{self.path}: cannot be written, its folder does not exist; create it first")

    def _open(self) -> Tables:
        self._tables = Tables(self.path, KIND, VERSION)
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
        """Adds one clip. Raises InputError if its size or depth is not the store's, ValueError if it is no clip."""
        count = len(clip.frames)
        if not count or len(clip.boxes) != count or len(clip.ego.speed) != count or clip.frames.dtype != np.uint8:
            raise ValueError(f"a clip needs as many boxes and ego states as frames ({count}), and uint8 frames")
        if self._tables is None:
            create_file(self.path, KIND, VERSION, lambda file: _lay_out(file, clip, self.recipe or {}))
            self._open()
        tables = self._tables
        assert tables is not None
        held = tables["frames"].shape[1:3], "depth" in tables.file
        given = clip.frames.shape[1:3], clip.depth is not None
        if held != given:
            raise InputError(f"{self.path}: holds (size, depth) {held}, not {given}; give this clip a store of its own")
        try:
            self._append(tables, clip)
        except BaseException:
            tables.rewind()
            raise
        tables.commit()

    def _append(self, tables: Tables, clip: Clip) -> None:
        rows = _box_rows(clip.boxes)
        ends = tables.length("boxes") + np.cumsum([len(boxes) for boxes in clip.boxes])
        source = np.frombuffer(clip.source.encode(), np.uint8)
        for frame in clip.frames:
            tables.append("frames", frame[None])
        for depth in () if clip.depth is None else clip.depth:
            tables.append("depth", depth[None].astype(np.float16))
        tables.append("ego", np.stack([getattr(clip.ego, f.name) for f in fields(EgoMotion)], 1).astype(np.float32))
        tables.append("boxes", rows)
        tables.append("box_end", ends)
        tables.append("sources", source)
        road, camera = clip.road, clip.camera
        row = (tables.length("frames"), tables.length("sources"), clip.fps, TIMES_OF_DAY.index(clip.time_of_day),
               SETTINGS.index(road.setting), road.lanes, road.ego_lane, road.curvature,
               camera.height, camera.pitch, camera.field_of_view)  # fmt: skip
        tables.append("clips", np.array([row], _CLIP))

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
    add_table(file, "boxes", (), _BOX)
    add_table(file, "box_end", (), np.int64)
    add_table(file, "clips", (), _CLIP, chunk=64)
    add_table(file, "sources", (), np.uint8, chunk=4096)
    file.attrs["recipe"] = json.dumps(recipe, sort_keys=True)
    for name, values in _NAMES.items():
        file.attrs[name] = json.dumps(values)


def _check_names(file: h5py.File, path: Path) -> None:
    """InputError if the store numbers kinds, settings or times of day otherwise than this program."""
    for name, values in _NAMES.items():
        if json.loads(file.attrs[name]) != list(values):
            raise InputError(f"{path}: was written with other {name} ({file.attrs[name]}); make it anew")


def _box_rows(boxes: tuple[Boxes, ...]) -> np.ndarray:
    rows = np.zeros(sum(len(b) for b in boxes), _BOX)
    for name in _BOX.names or ():
        if boxes:
            rows[name] = np.concatenate([getattr(b, name) for b in boxes])
    return rows


def _boxes(rows: np.ndarray) -> Boxes:
    return Boxes(rows["track"].copy(), rows["kind"].astype(np.int64),
                 *(np.ascontiguousarray(rows[name]) for name in ("box", "heading", "visible", "cuboid")))  # fmt: skip


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

    def labels(self, i: int, start: int = 0, stop: int | None = None, step: int = 1) -> Clip:
        """The window as `read` gives it, but `frames` [0 h w 3] and no depth: all that is known, without pictures.

        The label tables are kept in memory after the first call (about 0.4 kB a frame).
        """
        first, last = self.span(i, start, stop)
        row = self._clips[i]
        ends, ego = self._table("box_end")[first:last:step], self._table("ego")[first:last:step]
        starts = self._table("box_start")[first:last:step]
        text = self._table("sources")[self._clips["source_end"][i - 1] if i else 0 : row["source_end"]]
        curvature = float(ego[0, 2]) if start else float(row["curvature"])
        return Clip(
            frames=np.zeros((0, self.height, self.width, 3), np.uint8),
            fps=float(row["fps"]) / step,
            time_of_day=TIMES_OF_DAY[row["time_of_day"]],
            road=Road(SETTINGS[row["setting"]], int(row["lanes"]), int(row["ego_lane"]), curvature),
            camera=Camera(float(row["height"]), float(row["pitch"]), float(row["field_of_view"])),
            boxes=tuple(_boxes(self._table("boxes")[a:b]) for a, b in zip(starts, ends, strict=True)),
            ego=EgoMotion(*(column.copy() for column in ego.T)),
            source=text.tobytes().decode(),
        )

    def read(self, i: int, start: int = 0, stop: int | None = None, step: int = 1) -> Clip:
        """Clip i from frame `start` to before `stop`, every `step`-th frame; only the window is read.

        fps and road.curvature are the window's own. IndexError outside the clip, InputError if the file is damaged.
        """
        depth = self._rows("depth", *self.span(i, start, stop), step) if self.has_depth else None
        return replace(self.labels(i, start, stop, step), frames=self.pictures(i, start, stop, step), depth=depth)

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
            self._opened, self._process = open_file(self.path, KIND, VERSION), os.getpid()
        return self._opened

    def close(self) -> None:
        """Closes the file in this process; reading opens it again."""
        if self._opened is not None and self._process == os.getpid():
            self._opened.close()
        self._opened = None
