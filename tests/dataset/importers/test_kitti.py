"""KITTI: our own exports come back with their cuboids, regions that nobody labelled count for nothing, faults are named."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import toy_rollout

from drivesim.config import InputError
from drivesim.dataset.clips import ClipStore
from drivesim.dataset.importers.kitti import read_kitti
from drivesim.labels.export import write_export
from drivesim.scene.camera import Camera
from drivesim.video_io import write_image

CAR = "Car 0.00 0 -1.57 10.0 12.0 29.0 19.0 1.50 2.00 4.00 1.00 1.65 20.00 -1.57"
REGION = "DontCare -1 -1 -10 1 1 9 9 -1 -1 -1 -1000 -1000 -1000 -10"


@pytest.mark.parametrize("camera", [toy_rollout.CAMERA, Camera(1.5, -4.0, 90.0)])
def test_an_export_comes_back(camera: Camera, tmp_path: Path, imported: Callable[..., ClipStore]) -> None:
    toy = toy_rollout.write_toy(tmp_path / "toy", camera=camera, frames=2)
    store = imported("kitti", write_export("kitti", toy, tmp_path / "kitti", min_visible=0.0))
    for frame in range(2):
        found, boxes = store.labels(frame).boxes[0], toy_rollout.boxes(camera, 0.5 * frame)
        assert found is not None and found.kind.tolist() == [0, 4, 0], "an SUV is a car"
        np.testing.assert_allclose(found.box, boxes.box, atol=0.51 / 128)  # at the picture's edge half a pixel is lost
        np.testing.assert_allclose(found.cuboid[:, :6], boxes.cuboid[:, :6], atol=1e-3)
        np.testing.assert_allclose(np.cos(found.heading - boxes.heading), 1, atol=1e-6)
        assert found.visible.tolist() == np.array([0.9, 0.6, 0.2], np.float32).tolist()
        assert store.labels(frame).crowdedness.tolist() == [2]


def folder(base: Path, *lines: str, calibration: str | None = None) -> Path:
    for place in ("image_2", "label_2", "calib"):
        (base / "training" / place).mkdir(parents=True, exist_ok=True)
    for name in ("000000", "000001"):
        write_image(base / "training" / "image_2" / f"{name}.png", np.zeros((32, 64, 3), np.uint8))
    (base / "training" / "label_2" / "000000.txt").write_text("\n".join(lines))
    if calibration is not None:
        (base / "training" / "calib" / "000000.txt").write_text(calibration)
    return base


def test_regions_count_for_nothing_and_the_unlabelled_stay_so(tmp_path: Path, imported: Callable[..., ClipStore]) -> None:
    unknown = "Van -1 3 -10 30 12 49 19 -1 -1 -1 -1000 -1000 -1000 -10"
    store = imported("kitti", folder(tmp_path, CAR, REGION, unknown))
    boxes = store.labels(0).boxes[0]
    assert boxes is not None and len(boxes) == 2 and store.labels(1).boxes[0] is None
    np.testing.assert_allclose(boxes.box[0] * [64, 32, 64, 32], [10.5, 12.5, 29.5, 19.5])
    assert np.isnan(boxes.cuboid[1]).all() and np.isnan(boxes.heading[1]) and np.isnan(boxes.visible[1])
    # Without calibration the camera is level, 1.65 m above the road; -1.57 drives away.
    np.testing.assert_allclose(boxes.cuboid[0], [20, -1, 0.75, 4, 2, 1.5, math.pi / 2 - math.pi / 2], atol=1e-3)


def test_the_scanner_of_the_benchmark_is_on_the_roof(tmp_path: Path) -> None:
    calibration = "P2: 1\nR0_rect: 1 0 0 0 1 0 0 0 1\nTr_velo_to_cam: 0 -1 0 0 0 0 -1 -0.08 1 0 0 -0.27\n"
    first, _ = read_kitti(folder(tmp_path, CAR, calibration=calibration))
    assert first.objects is not None
    np.testing.assert_allclose(first.objects[0].cuboid, [20, -1, 0.75, 4, 2, 1.5, 0], atol=1e-3)
    with pytest.raises(InputError, match=r"000000\.txt:1: R0_rect: expected 9 numbers"):
        read_kitti(folder(tmp_path, CAR, calibration="R0_rect: 1 2\n"))
    with pytest.raises(InputError, match=r"000000\.txt: R0_rect: expected 9 numbers"):
        read_kitti(folder(tmp_path, CAR, calibration="P2: 1\n"))


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ("Car 0 0 0", r"000000\.txt:2: 4 words, expected 15: type, truncated"),
        (CAR.replace("29.0", "wide"), r"000000\.txt:2: right 'wide': expected a number"),
        (CAR.replace("29.0", "inf"), "right 'inf'"),
        (CAR.replace("29.0", "9.0"), "a box ends before it begins"),
    ],
)
def test_a_wrong_line_is_named(tmp_path: Path, line: str, fault: str) -> None:
    with pytest.raises(InputError, match=fault):
        read_kitti(folder(tmp_path, CAR, line))


def test_what_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="holds no folder image_2"):
        read_kitti(tmp_path)
    (folder(tmp_path) / "training" / "label_2" / "000000.txt").unlink()
    with pytest.raises(InputError, match="no picture in image_2 has labels"):
        read_kitti(tmp_path)
