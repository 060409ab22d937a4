"""MCAP exports, read back by the mcap library."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from mcap.reader import make_reader
from mcap_protobuf.decoder import DecoderFactory
from rotation import matrix_of

from drivesim.labels.export import write_export

TYPES = {
    "/camera/image": "foxglove.CompressedImage",
    "/camera/calibration": "foxglove.CameraCalibration",
    "/camera/annotations": "foxglove.ImageAnnotations",
    "/vehicles": "foxglove.SceneUpdate",
    "/tf": "foxglove.FrameTransform",
}


@pytest.fixture(scope="module")
def folder(toy: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_export("mcap", toy, tmp_path_factory.mktemp("mcap") / "out", min_visible=0.0)


@pytest.fixture(scope="module")
def said(folder: Path) -> dict[str, list[tuple[int, Any]]]:
    """Time (ns) and message by topic."""
    found: dict[str, list[tuple[int, Any]]] = {}
    with (folder / "future-00.mcap").open("rb") as file:
        reader = make_reader(file, validate_crcs=True, decoder_factories=[DecoderFactory()])
        for schema, channel, message, decoded in reader.iter_decoded_messages():
            assert schema is not None and schema.name == TYPES[channel.topic]
            found.setdefault(channel.topic, []).append((message.log_time, decoded))
    return found


def test_every_frame_says_all_at_its_time(said: dict[str, list[tuple[int, Any]]]) -> None:
    assert set(said) == set(TYPES)
    for topic, messages in said.items():
        times = [time for time, _ in messages]
        expected = [round(i / 7.5 * 1e9) for i in range(4)]
        assert times == (sorted(expected * 2) if topic == "/tf" else expected)
        stamps = [m.timestamp.seconds * 10**9 + m.timestamp.nanos for _, m in messages if topic != "/vehicles"]
        assert stamps == times or topic == "/vehicles"


def test_pictures_are_those_of_the_film(said: dict[str, list[tuple[int, Any]]]) -> None:
    image = said["/camera/image"][2][1]
    assert (image.format, image.frame_id) == ("jpeg", "camera")
    picture = cv2.imdecode(np.frombuffer(image.data, np.uint8), cv2.IMREAD_COLOR)
    assert picture is not None and picture.shape == (128, 256, 3) and abs(picture.mean() - 80) < 2


def test_boxes_are_those_computed_by_hand(said: dict[str, list[tuple[int, Any]]]) -> None:
    annotations = said["/camera/annotations"][0][1]
    assert [text.text for text in annotations.texts] == ["7 sedan", "2 truck", "11 suv"]
    corners = [(point.x, point.y) for point in annotations.points[0].points]
    left, right, low = 128 - 128 / 18, 128 + 128 / 18, 64 + 128 * 1.5 / 18
    np.testing.assert_allclose(corners, [(left, 64), (right, 64), (right, low), (left, low)], atol=2e-3)
    values = {pair.key: pair.value for pair in annotations.points[0].metadata}
    assert values["kind"] == "sedan" and values["lamps"] == '["brake", "tail"]' and values["visible"] == "1.0"


def test_cuboids_are_seen_in_their_boxes_by_transforms_and_calibration(said: dict[str, list[tuple[int, Any]]]) -> None:
    update = said["/vehicles"][0][1]
    assert [entity.id for entity in update.entities] == ["7", "2", "11"] and update.deletions[0].type == 1
    (cube,) = update.entities[0].cubes
    assert (cube.pose.position.x, cube.pose.position.y, cube.pose.position.z) == (20, 0, 0.75)
    assert (cube.size.x, cube.size.y, cube.size.z) == (4, 2, 1.5)
    (ego, camera) = (message for _, message in said["/tf"][:2])
    assert [(one.parent_frame_id, one.child_frame_id) for one in (ego, camera)] == [("odom", "ego"), ("ego", "camera")]
    turn = camera.rotation
    axes = matrix_of(np.array([turn.w, turn.x, turn.y, turn.z]))
    rear = axes.T @ (np.array([18.0, -1.0, 0.0]) - [camera.translation.x, camera.translation.y, camera.translation.z])
    u, v, w = np.array(said["/camera/calibration"][0][1].K).reshape(3, 3) @ rear
    corner = said["/camera/annotations"][0][1].points[0].points[2]
    np.testing.assert_allclose([u / w + 0.5, v / w + 0.5], [corner.x, corner.y], atol=2e-3)  # from the edge, not the middle


def test_the_ego_drives_and_the_truck_is_gone(said: dict[str, list[tuple[int, Any]]]) -> None:
    assert [message.translation.x for _, message in said["/tf"][::2]] == [0, 2, 4, 6]
    assert [entity.id for entity in said["/vehicles"][3][1].entities] == ["7", "11"]


def test_the_scenario_travels_along(folder: Path, toy: Path) -> None:
    with (folder / "future-01.mcap").open("rb") as file:
        reader = make_reader(file)
        (attachment,) = reader.iter_attachments()
        (metadata,) = reader.iter_metadata()
    assert attachment.data == (toy / "scenario.yaml").read_bytes()
    assert metadata.metadata == {"scenario": "toy", "future": "1", "seed": "3"}
