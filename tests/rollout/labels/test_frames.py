"""Labels of every frame: where the ego is, what its camera is, and which vehicles it shows."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from tiny_cascade import SCENARIO

from drivesim.engine.future import FutureSpec, Prompt
from drivesim.engine.timeline import Timeline
from drivesim.rollout.labels.frames import future_labels
from drivesim.rollout.labels.rows import SOURCES, box_rows, camera_row, ego_row
from drivesim.scenario.file import load_scenario
from drivesim.scene.camera import Camera

BEND = """\
name: bend
look: {time_of_day: day, crowdedness: 2}
road: {setting: rural, lanes: 1, curvature: 0.004}
camera: {height: 1.5, pitch: -2, field_of_view: 70}
vehicles:
  - {ahead: 40, left: 0, kind: truck}
  - {ahead: 30, left: 3.4, kind: suv, heading: 180}
traffic: scripted
ego: {speed: 12}
rollout: {seconds: 4, fps: 7.5, seed: 2}
"""


def future_of(folder: Path, text: str, fps: float = 7.5) -> FutureSpec:
    (folder / "scenario.yaml").write_text(text)
    return FutureSpec(Prompt.of(load_scenario(folder / "scenario.yaml")), Timeline.of(4, fps), seed=1, number=0)


@dataclass
class Labels:
    """Tables of successive frames."""

    ego: np.ndarray
    camera: np.ndarray
    boxes: np.ndarray


def labels_of(future: FutureSpec, first: int = 0) -> Labels:
    """The tables of all frames from `first` on."""
    frames = list(enumerate(future_labels(future, 0.5)))[first:]
    ego, camera = ([row(i, frame)[0] for i, frame in frames] for row in (ego_row, camera_row))
    boxes = [box_rows(i, frame.boxes, frame.source, frame.score) for i, frame in frames]
    return Labels(np.array(ego), np.array(camera), np.concatenate(boxes))


@pytest.fixture
def labels(tmp_path: Path) -> Labels:
    return labels_of(future_of(tmp_path, BEND))


def test_the_ego_drives_along_its_road(labels: Labels) -> None:
    ego = labels.ego
    assert len(ego) == 30 and (ego["x"][0], ego["y"][0], ego["yaw"][0]) == (0, 0, 0)
    np.testing.assert_allclose(ego["speed"], 12, atol=0.6)
    np.testing.assert_allclose(ego["curvature"][0], 0.004, atol=1e-3)
    np.testing.assert_allclose(ego["yaw_rate"], ego["speed"] * ego["curvature"], atol=0.02)
    driven = np.cumsum(np.hypot(np.diff(ego["x"]), np.diff(ego["y"])))
    np.testing.assert_allclose(driven[-1], ego["speed"].mean() * 29 / 7.5, rtol=0.01)
    assert ego["yaw"][-1] > 0.1, "a road that bends to the left turns the ego to the left"


def test_the_camera_projects_cuboids_into_their_boxes(labels: Labels) -> None:
    camera = labels.camera[3]
    model = Camera(1.5, -2, 70)
    assert (camera["z"], camera["cx"], camera["cy"]) == (1.5, 512, 256)
    np.testing.assert_allclose(camera["fx"], 1024 * model.focal)
    np.testing.assert_allclose(camera["pitch"], np.radians(-2))
    rows = labels.boxes[labels.boxes["frame"] == 3]
    assert len(rows) == 2
    centre = np.stack([rows[name] for name in ("x", "y", "z")], axis=-1)
    place, _ = model.project(centre)
    assert (place[:, 0] * 1024 > rows["x1"]).all() and (place[:, 0] * 1024 < rows["x2"]).all()
    assert (place[:, 1] * 512 > rows["y1"]).all() and (place[:, 1] * 512 < rows["y2"]).all()


def test_vehicles_keep_their_track_kind_and_paint(labels: Labels) -> None:
    rows = labels.boxes
    for track, kind in ((0, 4), (1, 2)):
        own = rows[rows["track"] == track]
        assert (own["kind"] == kind).all() and len(np.unique(own[["red", "green", "blue"]])) == 1
        assert (np.diff(own["frame"]) > 0).all()
    truck = rows[rows["track"] == 0]
    assert truck["frame"].tolist() == list(range(30))
    assert (truck["visible"] > 0.9).all() and (rows["visible"] <= 1).all()
    oncoming = rows[rows["track"] == 1]
    assert len(oncoming) < 30, "what has passed is labelled no more"
    assert ((rows["source"] == SOURCES.index("asked")) == (rows["track"] < 2)).all(), "who turns up later is traffic"
    assert (rows["score"] == 1)[rows["frame"] == 0].all() and (rows["score"] < 1)[rows["frame"] > 0].all()


def test_a_hidden_vehicle_has_its_whole_box(tmp_path: Path) -> None:
    alone = SCENARIO.replace("rollout:", "traffic: scripted\nrollout:")
    hidden = alone.replace("kind: sedan}", "kind: truck}\n  - {ahead: 26, left: 0, kind: sedan}")
    rows = labels_of(future_of(tmp_path, hidden)).boxes
    rows = rows[rows["frame"] == 0]
    visible = dict(zip(rows["track"].tolist(), rows["visible"].tolist(), strict=True))
    assert visible[0] == 1 and visible[1] < 0.2
    sedan = rows[rows["track"] == 1][0]
    assert sedan["x2"] - sedan["x1"] > 30


def test_labels_depend_on_the_frame_alone(tmp_path: Path, labels: Labels) -> None:
    fast = labels_of(future_of(tmp_path, BEND, fps=30), first=80)
    same = ["time_s", "x", "y", "yaw", "speed", "yaw_rate", "curvature"]
    np.testing.assert_array_equal(fast.ego[same][0], labels.ego[same][20])
    now = labels.boxes[labels.boxes["frame"] == 20]
    np.testing.assert_array_equal(fast.boxes[fast.boxes["frame"] == 80]["x1"], now["x1"])


def test_free_traffic_is_labelled_in_its_first_frame_alone(tmp_path: Path) -> None:
    free = labels_of(future_of(tmp_path, SCENARIO + "traffic: free\n"))
    assert free.boxes["frame"].tolist() == [0] and len(free.ego) == 30
