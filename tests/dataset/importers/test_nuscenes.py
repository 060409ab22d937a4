"""nuScenes: our own exports come back, boxes are those of their cuboids, faults are named."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import toy_rollout

from drivesim.config import InputError
from drivesim.dataset.clips import ClipStore
from drivesim.dataset.importers.nuscenes import project_corners, read_nuscenes
from drivesim.labels.export import write_export
from drivesim.scene.boxes import cuboid_corners, project_cuboids


@pytest.fixture
def folder(toy: Path, tmp_path: Path) -> Path:
    return write_export("nuscenes", toy, tmp_path / "nuscenes", min_visible=0.0)


def edit(folder: Path, name: str, change: Callable[[list[dict[str, Any]]], object]) -> Path:
    """The folder with a table that `change` has changed."""
    file = folder / "v1.0-drivesim" / f"{name}.json"
    rows = json.loads(file.read_text())
    change(rows)
    file.write_text(json.dumps(rows))
    return folder


def test_an_export_comes_back(folder: Path, imported: Callable[..., ClipStore]) -> None:
    store = imported("nuscenes", folder)
    assert len(store) == 2
    for frame in range(2):
        found, boxes = store.labels(frame).boxes[0], toy_rollout.boxes(forward=0.5 * frame)
        assert found is not None and sorted(found.kind.tolist()) == [0, 0, 4]
        found = found.take(np.argsort(-found.cuboid[:, 0]))
        boxes = boxes.take(np.argsort(-boxes.cuboid[:, 0]))
        np.testing.assert_allclose(found.box, boxes.box, atol=1e-5)
        np.testing.assert_allclose(found.cuboid[:, :6], boxes.cuboid[:, :6], atol=1e-5)
        np.testing.assert_allclose(np.cos(found.heading - boxes.heading), 1, atol=1e-6)
        assert found.visible.tolist() == np.array([0.2, 0.9, 0.2], np.float32).tolist()


def test_a_camera_ahead_of_the_ego_sees_less_far_away(folder: Path) -> None:
    def ahead(rows: list[dict[str, Any]]) -> None:
        rows[0]["translation"] = [1.5, 0.0, 1.5]

    first = read_nuscenes(edit(folder, "calibrated_sensor", ahead))[0]
    assert first.objects is not None
    sedan = min((thing for thing in first.objects if thing.name == "vehicle.car"), key=lambda thing: thing.cuboid[0])
    assert sedan.cuboid[:3] == pytest.approx((18.5, 0, 0.75))
    left, down = 128 / 16.5, 128 * 1.5 / 16.5  # its rear is at 16.5 m now
    assert sedan.box == pytest.approx((128 - left, 64, 128 + left, 64 + down), abs=1e-3)


def test_what_reaches_behind_the_camera_is_cut_off() -> None:
    camera = toy_rollout.CAMERA
    matrix = np.array([[128, 0, 127.5], [0, 128, 63.5], [0, 0, 1]])
    for body in ([2.0, 2.5, 0.75, 6, 2, 1.5, 0.3], [0.5, -1.2, 0.75, 6, 2, 1.5, -0.3], [20, 0, 0.75, 4, 2, 1.5, 0]):
        (expected,), _ = project_cuboids(camera, np.array([body]))
        box = project_corners(camera.view(cuboid_corners(np.array(body))), matrix, 128, 256)
        assert box is not None
        np.testing.assert_allclose(np.array(box) / [256, 128, 256, 128], expected, atol=1e-5)
    for body in ([-5.0, 0, 0.75, 4, 2, 1.5, 0], [5, 30, 0.75, 4, 2, 1.5, 0]):
        assert project_corners(camera.view(cuboid_corners(np.array(body))), matrix, 128, 256) is None


@pytest.mark.parametrize(
    ("name", "change", "fault"),
    [
        ("instance", lambda rows: rows.clear(), r"sample_annotation\.0\.instance_token [0-9a-f]+: there is no such row"),
        ("category", lambda rows: rows.clear(), r"instance\.0\.category_token"),
        ("ego_pose", lambda rows: rows.pop(0), r"sample_data\.0\.ego_pose_token"),
        ("ego_pose", lambda rows: rows[1].pop("rotation"), r"ego_pose\.json: 1\.rotation: Field required"),
        ("sensor", lambda rows: rows[0].update(channel="CAM_BACK"), "no key frame of CAM_FRONT"),
        ("calibrated_sensor", lambda rows: rows[0].update(camera_intrinsic=[]), "its height, width or camera_intrinsic"),
    ],
)
def test_faults_are_named_with_table_and_row(folder: Path, name: str, change: Callable[[list[Any]], object], fault: str) -> None:
    with pytest.raises(InputError, match=fault):
        read_nuscenes(edit(folder, name, change))


def test_the_tables_may_be_given_themselves(folder: Path) -> None:
    assert len(read_nuscenes(folder / "v1.0-drivesim")) == 2
    (folder / "v1.0-drivesim" / "visibility.json").unlink()
    pictures = read_nuscenes(folder)
    assert pictures[0].objects is not None and np.isnan([thing.visible for thing in pictures[0].objects]).all()
    (folder / "v1.0-drivesim" / "sensor.json").unlink()
    with pytest.raises(InputError, match=r"sensor\.json: cannot be read"):
        read_nuscenes(folder)
    with pytest.raises(InputError, match="holds no folder v1"):
        read_nuscenes(folder / "samples")
