"""rollout.h5 grows window by window, goes on after a crash, and says itself what it holds."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import h5py
import numpy as np
import pytest

from drivesim.config import InputError
from drivesim.rollout.labels.file import RolloutWriter, read_rollout
from drivesim.rollout.labels.rows import FrameLabels, detected_rows
from drivesim.scene.boxes import Boxes
from drivesim.scene.camera import Camera
from drivesim.scene.geometry import Pose
from drivesim.tables import Tables, add_table, create_file


def boxes() -> Boxes:
    return Boxes(
        np.array([7]), np.array([4]), np.array([[0.25, 0.5, 0.5, 1.0]], np.float32), np.zeros(1, np.float32),
        np.full(1, 0.75, np.float32), np.array([[20, -1, 1.5, 9, 2.5, 3, 0.1]], np.float32), np.array([[1, 0, 0.5]], np.float32),
        np.array([3], np.uint8),
    )  # fmt: skip


def frames(count: int, first: int = 0) -> list[FrameLabels]:
    """Labels of frames at 30 per second, driven at 15 m/s on a straight road, with a vehicle in the first."""
    place = [Pose(np.asarray(0.5 * i), np.asarray(0.0), np.asarray(0.0)) for i in range(first, first + count)]
    return [
        FrameLabels(i / 30, boxes() if i == 0 else Boxes.none(), "asked", 1.0, pose, 15.0, 0.0, 0.0, Camera(1.4, 2.0, 90.0))
        for i, pose in enumerate(place, start=first)
    ]


def latents(first: int, count: int) -> np.ndarray:
    return np.random.default_rng(first).normal(size=(count, 8, 16, 32)).astype(np.float32)


def test_windows_are_read_back_after_reopening(tmp_path: Path) -> None:
    path = tmp_path / "rollout.h5"
    with RolloutWriter(path) as writer:
        writer.add_keyframes(latents(0, 3), np.arange(3) / 1.875)
        writer.add_frames(frames(33))
        writer.commit()
        writer.add_keyframes(latents(1, 4), np.zeros(4))
        writer.add_frames(frames(9, 33))
    with RolloutWriter(path) as writer:
        assert (writer.keyframes, writer.frames) == (3, 33)
        np.testing.assert_array_equal(writer.latents(1), latents(0, 3)[1:])
        writer.add_keyframes(latents(2, 2), np.array([3, 4]) / 1.875)
        writer.add_detected(detected_rows(16, boxes(), np.array([0.5])))
        writer.commit()
    rollout = read_rollout(path)
    np.testing.assert_array_equal(rollout.latents, np.concatenate([latents(0, 3), latents(2, 2)]))
    np.testing.assert_array_equal(rollout.keyframe_time_s, np.arange(5) / 1.875)
    np.testing.assert_array_equal(rollout.time_s, np.arange(33) / 30)
    assert rollout.boxes["frame"].tolist() == [0] and rollout.detected["frame"].tolist() == [16]
    for rows in (rollout.boxes, rollout.detected):
        assert rows[["x1", "y1", "x2", "y2"]].tolist() == [(256, 256, 512, 512)]
    assert rollout.boxes["score"].tolist() == [1] and rollout.detected["score"].tolist() == [0.5]
    assert rollout.boxes["trust"].tolist() == [0] and rollout.boxes["source"].tolist() == [0]


@pytest.fixture
def file(tmp_path: Path) -> Iterator[h5py.File]:
    """A rollout of 40 frames, opened by h5py alone."""
    with RolloutWriter(tmp_path / "rollout.h5") as writer:
        writer.add_frames(frames(40))
        writer.add_keyframes(latents(0, 4), np.arange(4) / 1.875)
        writer.commit()
    with h5py.File(tmp_path / "rollout.h5") as opened:
        yield opened


def test_every_value_has_a_name_a_unit_and_a_meaning(file: h5py.File) -> None:
    units = ("px", "m", "m/s", "rad", "rad/s", "1/m", "s", "0 to 1", "number", "sum", "body", "0 asked", "0 unknown")
    for name in ("boxes", "ego", "camera", "detected"):
        columns, told = file[name].attrs["columns"], file[name].attrs["units"]
        assert list(columns) == list(file[name].dtype.names) and len(told) == len(columns)
        assert all(text.startswith(units) for text in told), name
    for name in ("boxes", "ego", "camera", "time_s", "keyframes/time_s", "keyframes/latents", "committed"):
        assert file[name].attrs["description"].endswith("."), name
    assert file.attrs["kind"] == "drivesim rollout" and file.attrs["version"] == 3
    assert file.attrs["written_by"].startswith("drivesim ")
    assert all(words in file.attrs["about"] for words in ("Ego frame: x forward", "1024x512", "NaN"))


def test_numbers_that_stand_for_words_are_explained_twice(file: h5py.File) -> None:
    told = dict(zip(file["boxes"].attrs["columns"], file["boxes"].attrs["units"], strict=True))
    for column, word, number in (("source", "asked", 0), ("source", "detected", 1), ("source", "traffic", 2), ("kind", "truck", 4)):
        assert h5py.check_enum_dtype(file["boxes"].dtype[column])[word] == number
        assert f"{number} {word}" in told[column]


def test_a_stranger_finds_the_vehicle_where_the_labels_put_it(file: h5py.File) -> None:
    """By what the attributes say: the cuboid's centre, seen by the pinhole, is within its box; places, speeds and times agree."""
    (row,), ego, (camera, *_) = file["boxes"][:], file["ego"][:], file["camera"][:]
    assert (row["x1"], row["y1"], row["x2"], row["y2"]) == (256, 256, 512, 512) and row["visible"] == 0.75
    assert (row["x"], row["length"], row["blue"], row["lamps"]) == (20, 9, 0.5, 3)
    assert camera["fx"] == pytest.approx(512) and (camera["cx"], camera["cy"]) == (512, 256)  # 90 degrees across
    pitch, down = camera["pitch"], camera["z"] - row["z"]
    forward = np.cos(pitch) * row["x"] - np.sin(pitch) * down
    u = camera["cx"] + camera["fx"] * (camera["y"] - row["y"]) / forward
    v = camera["cy"] + camera["fy"] * (np.cos(pitch) * down + np.sin(pitch) * row["x"]) / forward
    np.testing.assert_allclose((u / 1024, v / 512), Camera(1.4, 2.0, 90.0).project(np.array([20, -1, 1.5]))[0], atol=1e-6)
    np.testing.assert_allclose(np.hypot(np.diff(ego["x"]), np.diff(ego["y"])) / np.diff(ego["time_s"]), ego["speed"][1:])
    np.testing.assert_array_equal(ego["frame"], np.arange(40))
    np.testing.assert_array_equal(ego["time_s"], file["time_s"][:])


@pytest.mark.parametrize("name", ["boxes", "ego", "camera"])
def test_tables_are_tables_to_pandas(file: h5py.File, name: str) -> None:
    pandas = pytest.importorskip("pandas")
    table = pandas.DataFrame(file[name][:])
    assert list(table.columns) == list(file[name].dtype.names) and len(table) == len(file[name])
    assert all(dtype.kind in "iuf" for dtype in table.dtypes)
    assert table["frame"].iloc[0] == 0


def test_files_of_version_1_are_read(tmp_path: Path) -> None:
    columns = [("frame", "i8"), ("track", "i8"), ("kind", "u1"), *((name, "f4") for name in ("x1", "y1", "x2", "y2", "score"))]

    def lay_out(file: h5py.File) -> None:
        add_table(file, "time_s", (), np.float64)
        add_table(file, "keyframes/latents", (8, 16, 32), np.float32, chunk=1)
        add_table(file, "keyframes/time_s", (), np.float64)
        add_table(file, "boxes", (), np.dtype([*columns, ("source", "u1")]))

    create_file(tmp_path / "rollout.h5", "drivesim rollout", 1, lay_out)
    with Tables(tmp_path / "rollout.h5", "drivesim rollout", 1) as tables:
        tables.append("time_s", np.arange(5) / 7.5)
        row = np.zeros(1, tables["boxes"].dtype)
        row["kind"], row["x2"], row["y2"], row["score"], row["source"] = 4, 10, 20, 0.5, 1
        tables.append("boxes", row)
        tables.commit()
    rollout = read_rollout(tmp_path / "rollout.h5")
    assert len(rollout.time_s) == 5 and len(rollout.ego) == len(rollout.camera) == 0
    (row,) = rollout.boxes
    assert (row["kind"], row["x2"], row["score"], row["source"], row["lamps"]) == (4, 10, 0.5, 1, 255)
    assert np.isnan([row["x"], row["yaw"], row["visible"], row["red"]]).all()


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
