"""ASAM OpenLABEL 1.0: for each future the film and a labels.json that speaks of its frames.

Coordinate systems: odom (where the ego was in the first frame), ego in it (moving; x forward, y left, z up, on the road below the
camera), camera in that (x right, y down, z forward). Boxes are in the pixels of the camera's matrix: from the middle of the first.
"""

from __future__ import annotations

import math
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

import drivesim
from drivesim.labels.attributes import attributes_of, cuboid_of
from drivesim.labels.finished_rollout import FinishedFuture
from drivesim.labels.json_file import JsonObject, join_json
from drivesim.labels.labelled_frame import LabelledFrame
from drivesim.labels.selection import Selection
from drivesim.rollout.future_folder import VIDEO
from drivesim.scene.vehicles import KINDS

LABELS = "labels.json"
_ODOM, _EGO, _CAMERA, _BOX, _BODY = "odom", "ego", "camera", "box", "cuboid"


def write_openlabel(selection: Selection, folder: Path) -> None:
    """Writes future-00/video.mp4 and future-00/labels.json, ... into a folder."""
    for future in selection.futures:
        place = folder / future.name
        place.mkdir()
        shutil.copyfile(future.video, place / VIDEO)
        vehicles: dict[int, _Vehicle] = {}
        parts = {"frames": place / "frames.part", "objects": place / "objects.part"}
        count = 0
        with JsonObject(parts["frames"]) as frames:
            for frame in selection.labelled_frames(future, pictures=False):
                frames.add(str(count), _frame(frame))
                for row in frame.boxes:
                    vehicles.setdefault(int(row["track"]), _Vehicle(KINDS[row["kind"]])).note(count, cuboid_of(row) is not None)
                count += 1
        with JsonObject(parts["objects"]) as objects:
            for track, vehicle in sorted(vehicles.items()):
                objects.add(str(track), vehicle.value(track))
        head = _head(selection, future) | {"frame_intervals": [{"frame_start": 0, "frame_end": count - 1}]}
        join_json(place / LABELS, head, parts, root="openlabel")


@dataclass
class _Vehicle:
    """A vehicle of a kind, with the intervals of frames (first, last) in which its box, and its cuboid, is there."""

    kind: str
    boxes: list[list[int]] = field(default_factory=list)
    cuboids: list[list[int]] = field(default_factory=list)

    def note(self, frame: int, has_cuboid: bool) -> None:
        """It is there in a frame, later than all before."""
        for intervals in (self.boxes, self.cuboids)[: 1 + has_cuboid]:
            if intervals and intervals[-1][1] == frame - 1:
                intervals[-1][1] = frame
            else:
                intervals.append([frame, frame])

    def value(self, track: int) -> dict[str, Any]:
        """It as an object of the file."""
        pointers = {
            name: {"type": kind, "frame_intervals": _intervals(intervals)}
            for name, kind, intervals in ((_BOX, "bbox", self.boxes), (_BODY, "cuboid", self.cuboids))
            if intervals
        }
        return {
            "name": f"vehicle {track}",
            "type": self.kind,
            "frame_intervals": _intervals(self.boxes),
            "object_data_pointers": pointers,
        }


def _intervals(intervals: list[list[int]]) -> list[dict[str, int]]:
    return [{"frame_start": first, "frame_end": last} for first, last in intervals]


def _head(selection: Selection, future: FinishedFuture) -> dict[str, Any]:
    matrix = np.column_stack([future.intrinsics, np.zeros(3)])
    pinhole = {"width_px": future.film.width, "height_px": future.film.height, "camera_matrix": _flat(matrix)}
    camera = np.eye(4)
    camera[:3, :3], camera[2, 3] = future.camera.axes().T, future.camera.height
    return {
        "metadata": {
            "schema_version": "1.0.0",
            "name": f"{selection.rollout.scenario.name}, {future.name}",
            "annotator": f"drivesim {drivesim.__version__}",
            "comment": "What the networks that made the film were asked to show, not measured in it.",
        },
        "coordinate_systems": {
            _ODOM: {"type": "scene_cs", "parent": "", "children": [_EGO]},
            _EGO: {"type": "local_cs", "parent": _ODOM, "children": [_CAMERA]},
            _CAMERA: {"type": "sensor_cs", "parent": _EGO, "children": [], "pose_wrt_parent": {"matrix4x4": _flat(camera)}},
        },
        "streams": {
            _CAMERA: {
                "type": "camera",
                "uri": VIDEO,
                "description": "generated film",
                "stream_properties": {"intrinsics_pinhole": pinhole},
            }
        },
    }


def _frame(frame: LabelledFrame) -> dict[str, Any]:
    ego = frame.ego
    yaw = float(ego["yaw"])
    turn = [0.0, 0.0, math.sin(yaw / 2), math.cos(yaw / 2)]
    pose = {"quaternion": turn, "translation": [float(ego["x"]), float(ego["y"]), 0.0]}
    sync = {"frame_stream": frame.number, "timestamp": frame.time}
    properties = {
        "timestamp": frame.time,
        "streams": {_CAMERA: {"stream_properties": {"sync": sync}}},
        "transforms": {f"{_EGO}_to_{_ODOM}": {"src": _EGO, "dst": _ODOM, "transform_src_to_dst": pose}},
    }
    objects = {str(int(row["track"])): {"object_data": _object_data(frame, place)} for place, row in enumerate(frame.boxes)}
    return {"frame_properties": properties, "objects": objects}


def _object_data(frame: LabelledFrame, place: int) -> dict[str, Any]:
    """Box and cuboid of a vehicle in a frame."""
    row, (x1, y1, x2, y2) = frame.boxes[place], (frame.pixels[place] - 0.5).tolist()
    box = [(x1 + x2) / 2, (y1 + y2) / 2, x2 - x1, y2 - y1]
    attributes = _attributes(attributes_of(row, frame.truncated[place]))
    rounded = [round(value, 3) for value in box]
    data: dict[str, Any] = {
        "bbox": [{"name": _BOX, "val": rounded, "coordinate_system": _CAMERA, "attributes": attributes}]
    }
    if (cuboid := cuboid_of(row)) is not None:
        x, y, z, length, width, height, yaw = (round(value, 5) for value in cuboid)
        body = [x, y, z, 0.0, 0.0, yaw, length, width, height]
        data["cuboid"] = [{"name": _BODY, "val": body, "coordinate_system": _EGO}]
    return data


def _attributes(values: dict[str, Any]) -> dict[str, Any]:
    """Values by the kinds that OpenLABEL has."""
    kinds: dict[str, list[dict[str, Any]]] = {}
    for name, value in values.items():
        kind = "text" if isinstance(value, str) else "vec" if isinstance(value, list) else "num"
        kinds.setdefault(kind, []).append({"name": name, "val": value})
    return kinds


def _flat(matrix: np.ndarray) -> list[float]:
    """Entries of a matrix, row after row."""
    return [float(value) for value in matrix.ravel()]
