"""OpenLABEL exports: valid by ASAM's schema, with values computed by hand."""

from __future__ import annotations

import json
import runpy
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from drivesim.labels.export import write_export
from drivesim.video_io import read_video

jsonschema = pytest.importorskip("jsonschema")
PART = Path(__file__).with_name("openlabel_part.json")


@pytest.fixture(scope="module")
def folder(toy: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_export("openlabel", toy, tmp_path_factory.mktemp("openlabel") / "out", min_visible=0.0)


@pytest.fixture(scope="module")
def content(folder: Path) -> dict[str, Any]:
    values: dict[str, Any] = json.loads((folder / "future-01" / "labels.json").read_text())["openlabel"]
    return values


def test_it_is_valid_by_the_part_of_the_schema_that_it_uses(folder: Path, toy: Path, tmp_path: Path) -> None:
    schema = json.loads(PART.read_text())
    jsonschema.Draft7Validator.check_schema(schema)
    jsonschema.validate(json.loads((folder / "future-00" / "labels.json").read_text()), schema)
    empty = write_export("openlabel", toy, tmp_path / "out", futures=[0], stride=3, min_visible=1.0)
    jsonschema.validate(json.loads((empty / "future-00" / "labels.json").read_text()), schema)


@pytest.mark.slow
def test_it_is_valid_by_the_whole_schema(folder: Path, tmp_path: Path) -> None:
    """The package vcd, of the schema's editors, carries it; it is not installed, since it brings another OpenCV with it."""
    where = ["--no-deps", "--quiet", "--target", str(tmp_path), "vcd==6.0.3"]
    subprocess.run([sys.executable, "-m", "pip", "install", *where], check=True)
    schema = runpy.run_path(str(tmp_path / "vcd" / "schema.py"))["openlabel_schema"]
    assert schema["$id"] == "https://openlabel.asam.net/V1-0-0/schema#"
    for future in ("future-00", "future-01"):
        jsonschema.validate(json.loads((folder / future / "labels.json").read_text()), schema)


def test_values_are_those_computed_by_hand(content: dict[str, Any]) -> None:
    frame = content["frames"]["1"]
    assert frame["frame_properties"]["timestamp"] == pytest.approx(1 / 7.5)
    data = frame["objects"]["7"]["object_data"]
    assert data["cuboid"][0]["val"] == [19.5, 0, 0.75, 0, 0, 0, 4, 2, 1.5]  # half a metre nearer than at first
    # 128 px of focal length, the rear at 17.5 m: from the height of the axis down to the road, in the middle.
    width, height = 128 * 2 / 17.5, 128 * 1.5 / 17.5
    assert data["bbox"][0]["val"] == pytest.approx([127.5, 63.5 + height / 2, width, height], abs=2e-3)
    attributes = {entry["name"]: entry["val"] for kind in data["bbox"][0]["attributes"].values() for entry in kind}
    assert attributes == {
        "visible": 1, "truncated": 0, "score": 0.5, "source": "asked", "trust": "shown", "paint": "#ff0033",
        "lamps": ["brake", "tail"],
    }  # fmt: skip
    assert [content["objects"][track]["type"] for track in ("2", "7", "11")] == ["truck", "sedan", "suv"]
    assert content["objects"]["2"]["frame_intervals"] == [{"frame_start": 0, "frame_end": 2}]
    assert content["objects"]["7"]["object_data_pointers"]["cuboid"]["frame_intervals"] == [{"frame_start": 0, "frame_end": 3}]


def test_a_cuboid_is_seen_in_its_box_by_transforms_and_matrix_alone(content: dict[str, Any]) -> None:
    camera = np.array(content["coordinate_systems"]["camera"]["pose_wrt_parent"]["matrix4x4"]).reshape(4, 4)
    matrix = np.array(content["streams"]["camera"]["stream_properties"]["intrinsics_pinhole"]["camera_matrix"]).reshape(3, 4)
    data = content["frames"]["0"]["objects"]["7"]["object_data"]
    x, y, z, *_, length, width, height = data["cuboid"][0]["val"]
    rear = np.array([x - length / 2, y - width / 2, z - height / 2, 1])  # lower right corner
    u, v, w = matrix @ np.linalg.inv(camera) @ rear
    middle_x, middle_y, across, down = data["bbox"][0]["val"]
    np.testing.assert_allclose([u / w, v / w], [middle_x + across / 2, middle_y + down / 2], atol=2e-3)


def test_the_ego_drives_within_odom(content: dict[str, Any]) -> None:
    for frame in range(4):
        transform = content["frames"][str(frame)]["frame_properties"]["transforms"]["ego_to_odom"]
        assert (transform["src"], transform["dst"]) == ("ego", "odom")
        assert transform["transform_src_to_dst"] == {"quaternion": [0, 0, 0, 1], "translation": [2 * frame, 0, 0]}


def test_frames_name_those_of_the_film_beside_them(toy: Path, tmp_path: Path) -> None:
    out = write_export("openlabel", toy, tmp_path / "out", futures=[0], stride=3)
    content = json.loads((out / "future-00" / "labels.json").read_text())["openlabel"]
    assert content["streams"]["camera"]["uri"] == "video.mp4" and list(content["frames"]) == ["0", "1"]
    film, _ = read_video(out / "future-00" / "video.mp4")
    sync = content["frames"]["1"]["frame_properties"]["streams"]["camera"]["stream_properties"]["sync"]
    assert sync == {"frame_stream": 3, "timestamp": pytest.approx(0.4)} and abs(film[3].mean() - 100) < 2
    assert content["frame_intervals"] == [{"frame_start": 0, "frame_end": 1}]
    assert content["objects"]["7"]["frame_intervals"] == content["frame_intervals"]
