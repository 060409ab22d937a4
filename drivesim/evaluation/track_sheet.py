"""Vehicles through time: crops of one track a row, a second apart, from the films and labels of a rollout."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from drivesim.config import InputError
from drivesim.metrics.time_to_collision import times_to_collision
from drivesim.rollout.future_folder import DATA, VIDEO
from drivesim.rollout.labels.file import Rollout, read_rollout
from drivesim.rollout.manifest import future_folders
from drivesim.scenario.rules_of_placement import EGO_CUBOID
from drivesim.scene.vehicles import KINDS
from drivesim.video_format import FRAME_HEIGHT, FRAME_WIDTH, NETWORK_HEIGHT
from drivesim.video_io import contact_sheet, stream_video

LEAST = 16 * FRAME_HEIGHT // NETWORK_HEIGHT  # px of a frame of 1024x512: lower vehicles are not on the sheet
CELL, MARGIN = 96, 0.2  # px; share of a box that is shown around it
ROWS, FEWEST = 36, 3  # of a sheet, and at least of a future
FRONT = float(EGO_CUBOID[0] + EGO_CUBOID[3] / 2)  # m of the ego before its camera
IN_THE_WAY = 1.85  # m to either side within which the middle of a vehicle is in the ego's way
_CUBOID = ("x", "y", "z", "length", "width", "height", "yaw")


def finished_futures(folders: Sequence[Path]) -> list[tuple[Path, Rollout]]:
    """The folders of all finished futures of these rollouts, with what stands in them; InputError if there are none."""
    futures = [future for folder in folders for future in future_folders(folder) if (future / VIDEO).is_file()]
    if not futures:
        raise InputError(f"{', '.join(map(str, folders))}: no finished future; roll out a scenario first")
    return [(future, read_rollout(future / DATA)) for future in futures]


def track_sheet(futures: Sequence[tuple[Path, Rollout]]) -> np.ndarray:
    """The vehicles of futures, uint8 [H W 3], dark where one is not LEAST px high or hidden; shorter films are filled up.

    Of each future those that are there longest; over a row stand its track, kind and least time to collision, where it is in
    the ego's way.
    InputError if no vehicle is high enough.
    """
    strips: list[np.ndarray] = []
    labels: list[str] = []
    for future, rollout in futures:
        for track, strip in _strips(future / VIDEO, rollout, max(FEWEST, ROWS // len(futures))).items():
            strips.append(strip)
            labels.append(f"{future.parent.name}/{future.name}, {_words(rollout, track)}")
    if not strips:
        raise InputError(f"{futures[0][0].parent}: no vehicle of {LEAST} px; roll out a scenario with one")
    longest = max(map(len, strips))
    filled = [np.concatenate([strip, np.full((longest - len(strip), CELL, CELL, 3), 16, np.uint8)]) for strip in strips]
    return contact_sheet(filled, labels)


def _strips(video: Path, rollout: Rollout, most: int) -> dict[int, np.ndarray]:
    """Crops uint8 [s CELL CELL 3] of the `most` tracks that are there longest, one a second."""
    seconds = np.searchsorted(rollout.time_s, np.arange(int(rollout.time_s[-1]) + 1) - 1e-6)
    rows = rollout.boxes
    rows = rows[np.isin(rows["frame"], seconds) & (rows["y2"] - rows["y1"] >= LEAST) & (rows["visible"] >= 0.3)]
    tracks, counts = np.unique(rows["track"], return_counts=True)
    chosen = tracks[np.argsort(-counts, kind="stable")][:most].tolist()
    strips = {track: np.full((len(seconds), CELL, CELL, 3), 16, np.uint8) for track in chosen}
    places = {int(frame): place for place, frame in enumerate(seconds)}
    for frame, picture in enumerate(stream_video(video)):
        for row in rows[rows["frame"] == frame] if frame in places else ():
            if int(row["track"]) in strips:
                strips[int(row["track"])][places[frame]] = _crop(picture, row)
    return strips


def _crop(picture: np.ndarray, row: np.void) -> np.ndarray:
    """The square around a box of a picture of any size, uint8 [CELL CELL 3]."""
    scale = np.array([picture.shape[1] / FRAME_WIDTH, picture.shape[0] / FRAME_HEIGHT] * 2)
    x1, y1, x2, y2 = np.array([row[name] for name in ("x1", "y1", "x2", "y2")]) * scale
    side = max(x2 - x1, y2 - y1) * (1 + MARGIN)
    turn = np.array([[side / CELL, 0, (x1 + x2 - side) / 2], [0, side / CELL, (y1 + y2 - side) / 2]])
    flags = cv2.INTER_AREA | cv2.WARP_INVERSE_MAP
    return np.asarray(cv2.warpAffine(picture, turn, (CELL, CELL), flags=flags, borderMode=cv2.BORDER_REPLICATE))


def _words(rollout: Rollout, track: int) -> str:
    rows = rollout.boxes[rollout.boxes["track"] == track]
    words = f"{track} {KINDS[rows['kind'][0]]}"
    if len(rows) < 2 or np.isnan(rows["x"]).any():
        return words
    cuboid = np.stack([rows[name] for name in _CUBOID], axis=1)
    times = times_to_collision(cuboid, rollout.time_s[rows["frame"]], FRONT)
    times = np.where(np.abs(rows["y"]) < IN_THE_WAY, times, np.inf)
    least = int(times.argmin())
    when = rollout.time_s[rows["frame"][least]]
    return f"{words}, TTC {times[least]:.1f} s at {when:.1f} s" if np.isfinite(times[least]) else words
