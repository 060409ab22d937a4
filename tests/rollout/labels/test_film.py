"""Films with boxes drawn: where a box is, its lines are, and nothing else is touched."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from films import write_video

from drivesim.rollout.labels.file import RolloutWriter
from drivesim.rollout.labels.film import labelled_picture, track_colour, write_labels_film
from drivesim.rollout.labels.rows import BOX_ROW, FrameLabels
from drivesim.scene.boxes import Boxes
from drivesim.scene.camera import Camera
from drivesim.scene.geometry import Pose
from drivesim.video_io import read_video


def row(**values: float) -> np.ndarray:
    rows = np.zeros(1, BOX_ROW)
    for name, value in ({"x1": 400, "y1": 200, "x2": 600, "y2": 400, "visible": 1, "score": 1} | values).items():
        rows[name] = value
    return rows


def test_lines_are_where_the_box_is() -> None:
    dark = np.zeros((256, 512, 3), np.uint8)
    drawn = labelled_picture(dark, row())
    assert not dark.any()
    touched = np.argwhere(drawn[101:].any(axis=-1))
    assert abs(touched[:, 1].min() - 199) <= 1 and abs(touched[:, 1].max() - 300) <= 1
    assert not drawn[110:190, 210:290].any() and drawn[150, 200].any()
    assert (labelled_picture(dark, row(score=0.5)) > 0).sum() < (drawn > 0).sum()


def test_tracks_differ_in_colour() -> None:
    colours = np.array([track_colour(track) for track in range(12)])
    apart = np.abs(colours[:, None] - colours[None]).sum(axis=-1) + 1000 * np.eye(12)
    assert apart.min() > 40


def test_every_frame_has_its_own_boxes(tmp_path: Path) -> None:
    write_video(tmp_path / "video.mp4", np.zeros((4, 128, 256, 3), np.uint8), 7.5)
    box = Boxes(np.array([0]), np.array([0]), np.array([[0.2, 0.3, 0.5, 0.8]], np.float32), np.zeros(1, np.float32),
                np.ones(1, np.float32), np.array([[20, 0, 1, 4, 2, 1.5, 0]], np.float32))  # fmt: skip
    here, origin = (0, 1, 0, 1), Pose(*np.zeros(3))
    with RolloutWriter(tmp_path / "rollout.h5") as writer:
        writer.add_frames(
            FrameLabels(i / 7.5, box if shown else Boxes.none(), "asked", 1.0, origin, 0.0, 0.0, 0.0, Camera())
            for i, shown in enumerate(here)
        )
        writer.commit()
    write_labels_film(tmp_path / "video.mp4", tmp_path / "rollout.h5", tmp_path / "labels.mp4")
    frames, fps = read_video(tmp_path / "labels.mp4")
    assert frames.shape == (4, 128, 256, 3) and fps == 7.5
    assert (frames.max(axis=(1, 2, 3)) > 100).tolist() == [bool(shown) for shown in here]
