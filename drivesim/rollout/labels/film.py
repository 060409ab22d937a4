"""labels.mp4: the film of a future with its boxes drawn on it, for people to judge labels by."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from drivesim.rollout.labels.file import read_rollout
from drivesim.scene.vehicles import KINDS
from drivesim.video_format import FRAME_HEIGHT, FRAME_WIDTH
from drivesim.video_io import stream_video, video_info
from drivesim.video_writer import VideoWriter

_SURE, _SEEN = 1.0, 0.3  # score and visible share from which on a line is thick
_GOLDEN = 0.618034  # of the colour circle, from one track's hue to the next


def write_labels_film(video: Path, data: Path, path: Path) -> None:
    """Draws the boxes of a rollout.h5 (`data`) on its `video`, frame after frame; InputError if one is missing or damaged.

    A track keeps its colour; its number, kind and visible share stand over its box, which is thin where it is hardly seen, or where
    the networks were not shown the layout.
    """
    rollout, info = read_rollout(data), video_info(video)
    rows = rollout.boxes
    ends = np.searchsorted(rows["frame"], np.arange(len(rollout.time_s) + 1))
    with VideoWriter(path, info.fps, info.height, info.width) as film:
        for number, picture in enumerate(stream_video(video)):
            film.write(labelled_picture(picture, rows[ends[number] : ends[number + 1]])[None])


def labelled_picture(picture: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """The picture uint8 [h w 3] with the boxes of its rows of BOX_ROW [n] on it, the nearest on top."""
    drawn = np.array(picture, order="C")
    scale = np.array([picture.shape[1] / FRAME_WIDTH, picture.shape[0] / FRAME_HEIGHT])
    for row in rows[np.argsort(-np.hypot(rows["x"], rows["y"]), kind="stable")]:
        corners = np.array([[row["x1"], row["y1"]], [row["x2"], row["y2"]]])
        first, last = np.round(corners * scale - 0.5).astype(int).tolist()
        colour = track_colour(int(row["track"]))
        thick = row["score"] >= _SURE and row["visible"] >= _SEEN
        cv2.rectangle(drawn, first, last, colour, 2 if thick else 1)
        text = f"{row['track']} {KINDS[row['kind']]} {row['visible']:.0%}"
        cv2.putText(drawn, text, (first[0], max(10, first[1] - 4)), cv2.FONT_HERSHEY_SIMPLEX, 0.38, colour, 1, cv2.LINE_AA)
    return drawn


def track_colour(track: int) -> tuple[int, int, int]:
    """A bright colour (RGB) of a track, unlike those of tracks with numbers near it."""
    hue = np.uint8(180 * (track * _GOLDEN % 1.0))
    red, green, blue = cv2.cvtColor(np.array([[[hue, 190, 255]]], np.uint8), cv2.COLOR_HSV2RGB)[0, 0].tolist()
    return red, green, blue
