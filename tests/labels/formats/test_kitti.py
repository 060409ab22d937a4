"""KITTI exports, read back as the development kits of the object and tracking benchmarks describe the files."""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from toy_rollout import SCENARIO, write_toy

from drivesim.labels.export import write_export
from drivesim.scene.camera import Camera

TYPES = {"Car", "Van", "Truck", "Pedestrian", "Person_sitting", "Cyclist", "Tram", "Misc", "DontCare"}
NUMBER = r"-?\d+(?:\.\d+)?"
NAMES = ("type", "truncated", "occluded", "alpha", "left", "top", "right", "bottom", "h", "w", "l", "x", "y", "z", "ry")


def labels(path: Path, tracking: bool = False) -> list[dict[str, float | str]]:
    """Rows of a label file, each checked by the ranges that the development kit gives."""
    rows = []
    for line in path.read_text().splitlines():
        words = line.split(" ")
        names = (("frame", "track") if tracking else ()) + NAMES
        assert len(words) == len(names)
        row: dict[str, float | str] = {}
        for name, word in zip(names, words, strict=True):
            assert name == "type" or re.fullmatch(NUMBER, word)
            row[name] = word if name == "type" else float(word)
        assert row["type"] in TYPES and row["occluded"] in (0, 1, 2, 3)
        assert row["truncated"] in (0, 1, 2) if tracking else 0 <= float(row["truncated"]) <= 1
        assert -math.pi - 1e-3 <= float(row["alpha"]) <= math.pi + 1e-3 and -math.pi - 1e-3 <= float(row["ry"]) <= math.pi + 1e-3
        assert 0 <= float(row["left"]) < float(row["right"]) <= 255 and 0 <= float(row["top"]) < float(row["bottom"]) <= 127
        rows.append(row)
    return rows


def matrices(path: Path) -> dict[str, np.ndarray]:
    found = {}
    for line in path.read_text().splitlines():
        name, *numbers = line.split()
        found[name.rstrip(":")] = np.array(numbers, np.float64).reshape(3, -1)
    return found


def corners(row: dict[str, float | str]) -> np.ndarray:
    """Corners [3 8] in the camera frame, as the development kit's computeBox3D makes them."""
    h, w, l, x, y, z, ry = (float(row[name]) for name in ("h", "w", "l", "x", "y", "z", "ry"))  # noqa: E741
    turn = np.array([[math.cos(ry), 0, math.sin(ry)], [0, 1, 0], [-math.sin(ry), 0, math.cos(ry)]])
    body = [[a * l / 2, b * h, c * w / 2] for a in (-1, 1) for b in (-1, 0) for c in (-1, 1)]
    return turn @ np.array(body).T + np.array([[x], [y], [z]])


@pytest.fixture(scope="module")
def folder(toy: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_export("kitti", toy, tmp_path_factory.mktemp("kitti") / "out", min_visible=0.0)


def test_values_are_those_computed_by_hand(folder: Path) -> None:
    sedan, truck, hidden = labels(folder / "object" / "training" / "label_2" / "000000.txt")
    assert (sedan["type"], truck["type"], hidden["type"]) == ("Car", "Truck", "Car")
    # 20 m ahead on the road, 1.5 m below the camera, driving away: rotation and observation angle are -90 degrees.
    assert [sedan[name] for name in ("h", "w", "l", "x", "y", "z")] == [1.5, 2.0, 4.0, 0.0, 1.5, 20.0]
    assert sedan["ry"] == pytest.approx(-math.pi / 2, abs=1e-4) and sedan["alpha"] == pytest.approx(-math.pi / 2, abs=1e-4)
    # From the middle of the first pixel: half a pixel less than from its edge. 128 px of focal length, rear at 18 m.
    left, down = 128 / 18, 128 * 1.5 / 18
    box = [float(sedan[name]) for name in ("left", "top", "right", "bottom")]
    assert box == pytest.approx([127.5 - left, 63.5, 127.5 + left, 63.5 + down], abs=1e-3)
    assert (sedan["truncated"], sedan["occluded"]) == (0, 0)
    # 4 m ahead and 4 m to the left: seen 45 degrees to the left of the axis.
    assert [truck[name] for name in ("h", "w", "l", "x", "y", "z")] == [3.0, 2.0, 4.0, -4.0, 1.5, 4.0]
    assert truck["ry"] == pytest.approx(-math.pi / 2, abs=1e-4) and truck["alpha"] == pytest.approx(-math.pi / 4, abs=1e-4)
    assert truck["occluded"] == 1 and 0.5 < float(truck["truncated"]) < 1 and truck["left"] == 0
    # Towards the camera.
    assert hidden["ry"] == pytest.approx(math.pi / 2, abs=1e-4) and hidden["occluded"] == 2
    assert [hidden[name] for name in ("x", "y", "z")] == [0.0, 1.5, 40.0]


def test_calibration_projects_cuboids_into_boxes(folder: Path) -> None:
    found = matrices(folder / "object" / "training" / "calib" / "000000.txt")
    assert set(found) == {"P0", "P1", "P2", "P3", "R0_rect", "Tr_velo_to_cam", "Tr_imu_to_velo"}
    assert found["P2"].tolist() == [[128, 0, 127.5, 0], [0, 128, 63.5, 0], [0, 0, 1, 0]]
    np.testing.assert_allclose(found["Tr_velo_to_cam"] @ [20, 1, 0, 1], [-1, 1.5, 20], atol=1e-9)
    (sedan, *_) = labels(folder / "object" / "training" / "label_2" / "000000.txt")
    seen = found["P2"] @ np.vstack([corners(sedan), np.ones(8)])
    x, y = seen[0] / seen[2], seen[1] / seen[2]
    box = [float(sedan[name]) for name in ("left", "top", "right", "bottom")]
    np.testing.assert_allclose([x.min(), y.min(), x.max(), y.max()], box, atol=1e-3)


def test_pitched_cameras_see_what_their_matrix_says(tmp_path: Path) -> None:
    folder = write_export("kitti", write_toy(tmp_path / "toy", camera=Camera(1.5, -4.0, 60.0)), tmp_path / "out")
    found = matrices(folder / "tracking" / "training" / "calib" / "0000.txt")
    (sedan, *_) = labels(folder / "object" / "training" / "label_2" / "000000.txt")
    bottom = found["Tr_velo_cam"] @ [20, 0, 0, 1]
    np.testing.assert_allclose([float(sedan[name]) for name in "xyz"], bottom, atol=1e-3)
    row = (found["P2"] @ [*bottom, 1])[1] / bottom[2]
    assert row == pytest.approx((Camera(1.5, -4.0, 60.0).project(np.array([20.0, 0, 0]))[0][1]) * 128 - 0.5)


def test_tracks_of_a_future_are_a_sequence(folder: Path) -> None:
    training = folder / "tracking" / "training"
    for sequence in ("0000", "0001"):
        rows = labels(training / "label_02" / f"{sequence}.txt", tracking=True)
        assert [row["track"] for row in rows if row["frame"] == 0] == [7, 2, 11]
        assert [row["track"] for row in rows if row["frame"] == 3] == [7, 11]
        assert [row["z"] for row in rows if row["track"] == 7] == [20, 19.5, 19, 18.5]
        assert {row["truncated"] for row in rows if row["track"] == 2} == {2}
        names = sorted(path.name for path in (training / "image_02" / sequence).iterdir())
        assert names == [f"{number:06d}.png" for number in range(4)]
        text = (training / "calib" / f"{sequence}.txt").read_text()
        assert "R_rect " in text and "Tr_velo_cam " in text and "Tr_imu_velo " in text


def test_the_drive_is_that_of_the_inertial_unit(folder: Path) -> None:
    rows = [line.split() for line in (folder / "tracking" / "training" / "oxts" / "0000.txt").read_text().splitlines()]
    assert len(rows) == 4 and {len(row) for row in rows} == {30}
    degrees = np.array([[float(row[0]), float(row[1])] for row in rows])
    east = 6378137 * np.radians(degrees[:, 1])
    north = 6378137 * np.log(np.tan(np.radians(90 + degrees[:, 0]) / 2))
    np.testing.assert_allclose(east, [0, 2, 4, 6], atol=1e-5)  # 15 m/s, 7.5 frames a second
    np.testing.assert_allclose(north, 0, atol=1e-5)
    assert {float(row[8]) for row in rows} == {15.0}


def test_each_picture_says_which_frame_it_is(folder: Path) -> None:
    training = folder / "object" / "training"
    with (training / "frames.csv").open() as file:
        rows: Iterator[dict[str, str]] = csv.DictReader(file)
        found = [(row["index"], row["future"], row["frame"], float(row["time_s"])) for row in rows]
    assert [row[:3] for row in found] == [(f"{i:06d}", str(i // 4), str(i % 4)) for i in range(8)]
    np.testing.assert_allclose([row[3] for row in found[:4]], np.arange(4) / 7.5, atol=1e-6)
    for index, future in (("000001", 0), ("000005", 1)):
        picture = cv2.imread(str(training / "image_2" / f"{index}.png"))
        assert picture is not None and abs(int(picture.mean()) - (60 + 50 * future)) <= 1


def test_what_is_not_known_is_written_as_in_kitti(tmp_path: Path) -> None:
    toy = write_toy(tmp_path / "toy", scenario=SCENARIO, frames=2)
    import h5py

    with h5py.File(toy / "future-00" / "rollout.h5", "r+") as file:
        rows = file["boxes"][:]
        rows["x"][0], rows["visible"][0] = np.nan, np.nan
        file["boxes"][:] = rows
    folder = write_export("kitti", toy, tmp_path / "out")
    words = (folder / "object" / "training" / "label_2" / "000000.txt").read_text().splitlines()[0].split()
    assert words[:3] == ["Car", "-1.00", "3"]
    assert [float(word) for word in (words[3], *words[8:])] == [-10, -1, -1, -1, -1000, -1000, -1000, -10]
