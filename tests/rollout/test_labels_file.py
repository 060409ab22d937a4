"""A rollout grows window by window and goes on after a crash."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest

from drivesim.config import InputError
from drivesim.rollout.labels_file import RolloutWriter, box_rows, read_rollout
from drivesim.scene.boxes import Boxes


def boxes() -> Boxes:
    return Boxes(
        np.array([7]), np.array([4]), np.array([[0.25, 0.5, 0.5, 1.0]], np.float32), np.zeros(1, np.float32),
        np.ones(1, np.float32), np.zeros((1, 7), np.float32),
    )  # fmt: skip


def latents(first: int, count: int) -> np.ndarray:
    return np.random.default_rng(first).normal(size=(count, 8, 16, 32)).astype(np.float32)


def test_windows_are_read_back_after_reopening(tmp_path: Path) -> None:
    path = tmp_path / "rollout.h5"
    with RolloutWriter(path) as writer:
        writer.add_keyframes(latents(0, 3), np.arange(3) / 1.875)
        writer.add_frames(np.arange(33) / 30)
        writer.add_boxes(box_rows(0, boxes(), "asked"))
        writer.commit()
        writer.add_keyframes(latents(1, 4), np.zeros(4))
        writer.add_frames(np.zeros(9))
    with RolloutWriter(path) as writer:
        assert (writer.keyframes, writer.frames) == (3, 33)
        np.testing.assert_array_equal(writer.latents(1), latents(0, 3)[1:])
        writer.add_keyframes(latents(2, 2), np.array([3, 4]) / 1.875)
        writer.add_boxes(box_rows(16, boxes(), "detected", 0.5))
        writer.commit()
    rollout = read_rollout(path)
    np.testing.assert_array_equal(rollout.latents, np.concatenate([latents(0, 3), latents(2, 2)]))
    np.testing.assert_array_equal(rollout.keyframe_time_s, np.arange(5) / 1.875)
    np.testing.assert_array_equal(rollout.time_s, np.arange(33) / 30)
    assert rollout.boxes["frame"].tolist() == [0, 16] and rollout.boxes["source"].tolist() == [0, 1]
    assert rollout.boxes[["x1", "y1", "x2", "y2"]].tolist() == [(256, 256, 512, 512)] * 2
    assert rollout.boxes["score"].tolist() == [1, 0.5]


def test_the_file_explains_itself_to_plain_h5py(tmp_path: Path) -> None:
    with RolloutWriter(tmp_path / "rollout.h5") as writer:
        writer.add_boxes(box_rows(0, boxes(), "asked"))
        writer.commit()
    with h5py.File(tmp_path / "rollout.h5") as file:
        assert file["boxes"].dtype.names == ("frame", "track", "kind", "x1", "y1", "x2", "y2", "score", "source")
        assert h5py.check_enum_dtype(file["boxes"].dtype["source"]) == {"asked": 0, "detected": 1}
        assert h5py.check_enum_dtype(file["boxes"].dtype["kind"])["truck"] == 4
        assert file["keyframes/latents"].shape == (0, 8, 16, 32) and file["time_s"].shape == (0,)


def test_wrong_files_are_named(tmp_path: Path) -> None:
    path = tmp_path / "rollout.h5"
    with pytest.raises(InputError, match=r"rollout\.h5: no such file"):
        read_rollout(path)
    with RolloutWriter(path) as writer:
        writer.add_keyframes(latents(0, 3), np.zeros(3))
        writer.commit()
    with pytest.raises(InputError, match=r"rollout\.h5: holds latents of shape \(8, 16, 32\)"):
        RolloutWriter(path, (4, 16, 32))
    path.write_bytes(path.read_bytes()[:5000])
    with pytest.raises(InputError, match=r"rollout\.h5: cannot be read"):
        read_rollout(path)
