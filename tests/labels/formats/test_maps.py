"""Maps of the layout: they agree with labels and with each other, and are refused where nobody knows them."""

from __future__ import annotations

import json
import re
from pathlib import Path

import cv2
import numpy as np
import pytest
from toy_rollout import FPS, FRAMES, SCENARIO, write_toy

from drivesim.config import InputError
from drivesim.engine.future import FutureSpec, Prompt
from drivesim.engine.timeline import Timeline
from drivesim.labels.export import write_export
from drivesim.labels.formats.maps import flow_picture
from drivesim.layout.flow import Flow
from drivesim.rollout.labels.file import read_rollout
from drivesim.rollout.labels.frames import future_labels
from drivesim.scenario.file import load_scenario
from drivesim.scene.camera import Camera
from drivesim.scene.classes import SceneClass


@pytest.fixture(scope="module")
def driven(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A rollout whose labels are those of its scenario."""
    base = tmp_path_factory.mktemp("driven")
    (base / "scenario.yaml").write_text(SCENARIO)
    prompt = Prompt.of(load_scenario(base / "scenario.yaml"))
    rows = list(future_labels(FutureSpec(prompt, Timeline.of(FRAMES / FPS, FPS), 3, 0), 1.0))
    return write_toy(base / "rollout", rows=rows)


@pytest.fixture(scope="module")
def folder(driven: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_export("maps", driven, tmp_path_factory.mktemp("maps") / "out")


def read(folder: Path, kind: str, frame: int) -> np.ndarray:
    found = cv2.imread(str(folder / "future-00" / kind / f"{frame:06d}.png"), cv2.IMREAD_UNCHANGED)
    assert found is not None and found.shape[:2] == (128, 256)
    return found if found.ndim == 2 else found[..., ::-1]


def test_every_frame_has_its_maps_and_all_but_the_last_a_flow(folder: Path) -> None:
    for kind in ("image", "class", "instance", "inverse_depth"):
        assert len(list((folder / "future-00" / kind).iterdir())) == FRAMES
    assert len(list((folder / "future-00" / "flow").iterdir())) == FRAMES - 1
    assert json.loads((folder / "maps.json").read_text())["class"]["8"] == "vehicle"
    assert np.abs(read(folder, "image", 2).astype(int) - 80).max() <= 2


def test_instances_are_the_labelled_vehicles_within_their_boxes(folder: Path, driven: Path) -> None:
    rows = read_rollout(driven / "future-00" / "rollout.h5").boxes
    rows = rows[(rows["frame"] == 1) & (rows["visible"] >= 0.1)]
    instance = read(folder, "instance", 1)
    assert instance.dtype == np.uint16 and set(np.unique(instance)) == {0, *(rows["track"] + 1)}
    assert (read(folder, "class", 1)[instance > 0] == SceneClass.VEHICLE).all()
    for row in rows:
        down, right = np.nonzero(instance == row["track"] + 1)
        box = np.array([row["x1"], row["y1"], row["x2"], row["y2"]]) / 4
        assert box[0] - 1 <= right.min() and right.max() <= box[2] and box[1] - 1 <= down.min() and down.max() <= box[3]
        assert len(down) > 0.4 * row["visible"] * (box[2] - box[0]) * (box[3] - box[1])


def test_depth_is_that_of_the_road_by_hand(folder: Path) -> None:
    """The middle of row 100 of 128, below a level camera 1.5 m high with 80 degrees across 256 px, looks at 1.5 m * f / 36.5 px."""
    nearness = read(folder, "inverse_depth", 0)
    focal = 128 / np.tan(np.radians(40))
    assert nearness.dtype == np.uint16 and nearness[100, 30] / 16384 == pytest.approx(36.5 / (1.5 * focal), rel=1e-3)
    assert (nearness[read(folder, "class", 0) == SceneClass.SKY] == 0).all()


def test_flow_leads_a_point_of_the_road_to_where_it_is_next(folder: Path) -> None:
    flow = read(folder, "flow", 0)
    assert flow.dtype == np.uint16
    camera = Camera(1.5, 0.0, 80.0)
    row, column = 100, 60
    place = camera.ground((column + 0.5) / 256, (row + 0.5) / 128)
    assert place is not None and flow[row, column, 2] == 1
    seen, _ = camera.project(np.array([place[0] - 15 / FPS, place[1], 0.0]))
    shift = (flow[row, column, :2].astype(float) - 32768) / 64
    np.testing.assert_allclose([column + shift[0], row + shift[1]], seen * [256, 128] - 0.5, atol=0.05)


def test_flow_that_leads_too_far_is_not_seen() -> None:
    shift = np.array([[0.0, 2.5, 600.0]], np.float32)
    made = flow_picture(Flow(shift, -shift, np.array([[True, True, True]])))
    assert made.tolist() == [[[32768, 32768, 1], [32768 + 160, 32768 - 160, 1], [0, 0, 0]]]


def test_other_traffic_and_photos_are_refused(toy: Path, driven: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"future-00: another version of drivesim made it, .* \(frame 0, vehicle 7\)"):
        write_export("maps", toy, tmp_path / "out")
    manifest = json.loads((driven / "manifest.json").read_text())
    manifest["scenario"]["photo"] = "photo.png"
    photo = tmp_path / "photo"
    photo.mkdir()
    (photo / "future-00").symlink_to(driven / "future-00")
    (photo / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(InputError, match=re.escape("begins with a photo, whose layout nobody knows")):
        write_export("maps", photo, tmp_path / "out")
    assert not (tmp_path / "out").exists()
