"""rollout.h5, the data beside a future's video.

time_s               float64 [frames]        seconds since the first frame
keyframes/latents    float32 [k, c, 16, 32]  what the video model made, normalised as LatentSpace gives it
keyframes/time_s     float64 [k]
boxes                a table: frame, track, kind, x1, y1, x2, y2 (pixels of 1024x512), score,
                     source (asked | detected)
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Self, get_args

import h5py
import numpy as np

from drivesim.config import InputError
from drivesim.scene.boxes import Boxes
from drivesim.scene.vehicles import KINDS
from drivesim.tables import Tables, add_table, committed, create_file, open_file
from drivesim.video_format import FRAME_HEIGHT, FRAME_WIDTH

KIND, VERSION = "drivesim rollout", 1
Source = Literal["asked", "detected"]
SOURCES: tuple[Source, ...] = get_args(Source)

BOX_ROW = np.dtype(
    [
        ("frame", "i8"),
        ("track", "i8"),
        ("kind", h5py.enum_dtype({kind: i for i, kind in enumerate(KINDS)}, basetype="u1")),
        *((name, "f4") for name in ("x1", "y1", "x2", "y2", "score")),
        ("source", h5py.enum_dtype({source: i for i, source in enumerate(SOURCES)}, basetype="u1")),
    ]
)


def box_rows(frame: int, boxes: Boxes, source: Source, score: np.ndarray | float = 1.0) -> np.ndarray:
    """The boxes of one frame as rows of the table [n]: pixels of 1024x512; `score` 0 to 1, one or [n]."""
    rows = np.zeros(len(boxes), BOX_ROW)
    rows["frame"], rows["track"], rows["kind"] = frame, boxes.track, boxes.kind
    for name, fractions, size in zip(("x1", "y1", "x2", "y2"), boxes.box.T, (FRAME_WIDTH, FRAME_HEIGHT) * 2, strict=True):
        rows[name] = fractions * size
    rows["score"], rows["source"] = score, SOURCES.index(source)
    return rows


@dataclass(frozen=True)
class Rollout:
    """A rollout.h5: `time_s` [frames], `latents` [k c h w], `keyframe_time_s` [k], `boxes` rows of BOX_ROW [n]."""

    time_s: np.ndarray
    latents: np.ndarray
    keyframe_time_s: np.ndarray
    boxes: np.ndarray


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

    def add_frames(self, time_s: np.ndarray) -> None:
        """Appends the times (s) [f] of further frames."""
        self._tables.append("time_s", np.asarray(time_s, np.float64))

    def add_keyframes(self, latents: np.ndarray, time_s: np.ndarray) -> None:
        """Appends key frames: latents [k c h w] and times (s) [k]."""
        if len(latents) != len(time_s):
            raise ValueError(f"{len(latents)} latents for {len(time_s)} times")
        self._tables.append("keyframes/latents", np.asarray(latents, np.float32))
        self._tables.append("keyframes/time_s", np.asarray(time_s, np.float64))

    def add_boxes(self, rows: np.ndarray) -> None:
        """Appends rows of BOX_ROW, as `box_rows` makes them."""
        self._tables.append("boxes", rows)

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
    add_table(file, "boxes", (), BOX_ROW)


def read_rollout(path: Path | str) -> Rollout:
    """All that was committed to a rollout; InputError naming the file if it is missing, truncated or foreign."""
    path = Path(path)
    with open_file(path, KIND, VERSION) as file:
        try:
            rows = {name: file[name][:count] for name, count in committed(file).items()}
        except (KeyError, OSError) as error:
            raise InputError(f"{path}: damaged ({error}); make it anew") from error
    return Rollout(rows["time_s"], rows["keyframes/latents"], rows["keyframes/time_s"], rows["boxes"])
