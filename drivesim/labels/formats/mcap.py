"""MCAP: one file a future, with Foxglove's schemas as Protobuf, for Foxglove, Lichtblick and whatever reads MCAP.

    /camera/image        CompressedImage (JPEG)          /camera/calibration    CameraCalibration
    /camera/annotations  ImageAnnotations: a box and a text for each vehicle
    /vehicles            SceneUpdate: a cuboid for each vehicle, in the frame ego
    /tf                  FrameTransform: ego within odom (where the ego was in the first frame), camera within ego

Times are those since the first frame. ego: x forward, y left, z up, on the road below the camera; camera: x right, y down,
z forward.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from foxglove_schemas_protobuf.CameraCalibration_pb2 import CameraCalibration
from foxglove_schemas_protobuf.Color_pb2 import Color
from foxglove_schemas_protobuf.CompressedImage_pb2 import CompressedImage
from foxglove_schemas_protobuf.CubePrimitive_pb2 import CubePrimitive
from foxglove_schemas_protobuf.FrameTransform_pb2 import FrameTransform
from foxglove_schemas_protobuf.ImageAnnotations_pb2 import ImageAnnotations
from foxglove_schemas_protobuf.KeyValuePair_pb2 import KeyValuePair
from foxglove_schemas_protobuf.Point2_pb2 import Point2
from foxglove_schemas_protobuf.PointsAnnotation_pb2 import PointsAnnotation
from foxglove_schemas_protobuf.Pose_pb2 import Pose as PoseMessage
from foxglove_schemas_protobuf.Quaternion_pb2 import Quaternion
from foxglove_schemas_protobuf.SceneEntity_pb2 import SceneEntity
from foxglove_schemas_protobuf.SceneEntityDeletion_pb2 import SceneEntityDeletion
from foxglove_schemas_protobuf.SceneUpdate_pb2 import SceneUpdate
from foxglove_schemas_protobuf.TextAnnotation_pb2 import TextAnnotation
from foxglove_schemas_protobuf.Vector3_pb2 import Vector3
from google.protobuf.timestamp_pb2 import Timestamp
from mcap_protobuf.writer import Writer

from drivesim.labels.attributes import attributes_of, cuboid_of
from drivesim.labels.finished_rollout import FinishedFuture
from drivesim.labels.labelled_frame import LabelledFrame
from drivesim.labels.pictures import encoded
from drivesim.labels.rotations import quaternion_of, quaternion_of_yaw
from drivesim.labels.selection import Selection
from drivesim.rollout.inputs import TEXT
from drivesim.scene.vehicles import KIND_COLOURS, KINDS

IMAGE, CALIBRATION, ANNOTATIONS, VEHICLES, TRANSFORMS = (
    "/camera/image", "/camera/calibration", "/camera/annotations", "/vehicles", "/tf",
)  # fmt: skip
_ODOM, _EGO, _CAMERA = "odom", "ego", "camera"


def write_mcap(selection: Selection, folder: Path) -> None:
    """Writes future-00.mcap, ... into a folder."""
    rollout = selection.rollout
    for future in selection.futures:
        with (folder / f"{future.name}.mcap").open("wb") as file, Writer(file) as writer:
            about = {"scenario": rollout.scenario.name, "future": str(future.number), "seed": str(rollout.manifest.job.seed)}
            writer.add_metadata("drivesim", about)
            if (rollout.folder / TEXT).is_file():
                writer.add_attachment(0, 0, TEXT, "application/yaml", (rollout.folder / TEXT).read_bytes())
            for sequence, frame in enumerate(selection.labelled_frames(future)):
                time = round(frame.time * 1e9)
                for topic, message in messages(future, frame, Timestamp(seconds=time // 10**9, nanos=time % 10**9)):
                    writer.write_message(topic, message, time, time, sequence)


def messages(future: FinishedFuture, frame: LabelledFrame, time: Timestamp) -> Iterator[tuple[str, Any]]:
    """All that is said of a frame, each with its topic."""
    assert frame.picture is not None
    yield from ((TRANSFORMS, transform) for transform in _transforms(future, frame, time))
    yield CALIBRATION, _calibration(future, time)
    yield IMAGE, CompressedImage(timestamp=time, frame_id=_CAMERA, data=encoded(frame.picture, ".jpg"), format="jpeg")
    yield ANNOTATIONS, _annotations(frame, time)
    yield VEHICLES, _vehicles(frame, time)


def _transforms(future: FinishedFuture, frame: LabelledFrame, time: Timestamp) -> Iterator[FrameTransform]:
    ego = frame.ego
    place = Vector3(x=float(ego["x"]), y=float(ego["y"]))
    turn = _quaternion(quaternion_of_yaw(float(ego["yaw"])))
    yield FrameTransform(timestamp=time, parent_frame_id=_ODOM, child_frame_id=_EGO, translation=place, rotation=turn)
    camera = future.camera
    place, turn = Vector3(z=camera.height), _quaternion(quaternion_of(camera.axes().T))
    yield FrameTransform(timestamp=time, parent_frame_id=_EGO, child_frame_id=_CAMERA, translation=place, rotation=turn)


def _calibration(future: FinishedFuture, time: Timestamp) -> CameraCalibration:
    matrix = future.intrinsics
    return CameraCalibration(
        timestamp=time,
        frame_id=_CAMERA,
        width=future.film.width,
        height=future.film.height,
        K=matrix.ravel().tolist(),
        R=np.eye(3).ravel().tolist(),
        P=np.column_stack([matrix, np.zeros(3)]).ravel().tolist(),
    )


def _annotations(frame: LabelledFrame, time: Timestamp) -> ImageAnnotations:
    points, texts = [], []
    for row, (x1, y1, x2, y2), outside in zip(frame.boxes, frame.pixels.tolist(), frame.truncated, strict=True):
        corners = [Point2(x=x, y=y) for x, y in ((x1, y1), (x2, y1), (x2, y2), (x1, y2))]
        colour, metadata = _kind_colour(row), _metadata(row, outside)
        loop = PointsAnnotation.LINE_LOOP
        points.append(
            PointsAnnotation(timestamp=time, type=loop, points=corners, outline_color=colour, thickness=2, metadata=metadata)
        )
        text = f"{row['track']} {KINDS[row['kind']]}"
        texts.append(TextAnnotation(timestamp=time, position=corners[0], text=text, font_size=12, text_color=colour))
    return ImageAnnotations(timestamp=time, points=points, texts=texts)


def _vehicles(frame: LabelledFrame, time: Timestamp) -> SceneUpdate:
    """All cuboids of a frame, in place of all before."""
    entities = []
    for row, outside in zip(frame.boxes, frame.truncated, strict=True):
        if (cuboid := cuboid_of(row)) is None:
            continue
        x, y, z, length, width, height, yaw = cuboid
        pose = PoseMessage(position=Vector3(x=x, y=y, z=z), orientation=_quaternion(quaternion_of_yaw(yaw)))
        cube = CubePrimitive(pose=pose, size=Vector3(x=length, y=width, z=height), color=_paint(row))
        entities.append(
            SceneEntity(timestamp=time, frame_id=_EGO, id=str(row["track"]), cubes=[cube], metadata=_metadata(row, outside))
        )
    return SceneUpdate(deletions=[SceneEntityDeletion(timestamp=time, type=SceneEntityDeletion.ALL)], entities=entities)


def _metadata(row: np.void, truncated: float) -> list[KeyValuePair]:
    values = {"track": int(row["track"]), "kind": KINDS[row["kind"]]} | attributes_of(row, truncated)
    return [KeyValuePair(key=key, value=value if isinstance(value, str) else json.dumps(value)) for key, value in values.items()]


def _kind_colour(row: np.void) -> Color:
    red, green, blue = KIND_COLOURS[KINDS[row["kind"]]]
    return Color(r=red / 255, g=green / 255, b=blue / 255, a=1.0)


def _paint(row: np.void) -> Color:
    """The paint of a vehicle, or the colour of its kind where it is not known."""
    red, green, blue = (float(row[name]) for name in ("red", "green", "blue"))
    return _kind_colour(row) if any(map(math.isnan, (red, green, blue))) else Color(r=red, g=green, b=blue, a=0.8)


def _quaternion(turn: np.ndarray) -> Quaternion:
    w, x, y, z = turn.tolist()
    return Quaternion(w=w, x=x, y=y, z=z)
