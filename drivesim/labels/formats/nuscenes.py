"""nuScenes: the tables that nuscenes-devkit loads, and the frames as samples of one camera, CAM_FRONT.

A future is a scene, a frame a sample. The global frame is where the ego was in the first frame of the scene, the ego frame has x
forward, y left, z up, on the road below the camera. Times are in microseconds since the first frame, a day later for each future,
since the development kit wants no two scenes to begin at one time.

There is no laser scanner. Since tools leave out what no laser point has hit, num_lidar_pts is 1 for what is in sight.
"""

from __future__ import annotations

import hashlib
import json
import math
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from drivesim.engine.timeline import MAX_SECONDS
from drivesim.labels.attributes import cuboid_of
from drivesim.labels.finished_rollout import FinishedFuture
from drivesim.labels.json_file import JsonList
from drivesim.labels.labelled_frame import LabelledFrame
from drivesim.labels.pictures import write_picture
from drivesim.labels.rotations import quaternion_of, quaternion_of_yaw
from drivesim.labels.selection import Selection
from drivesim.scene.geometry import Pose
from drivesim.scene.vehicles import KINDS, Kind

VERSION, CHANNEL = "v1.0-drivesim", "CAM_FRONT"
CATEGORIES: dict[Kind, str] = {
    "sedan": "vehicle.car",
    "hatchback": "vehicle.car",
    "suv": "vehicle.car",
    "van": "vehicle.car",
    "truck": "vehicle.truck",
    "bus": "vehicle.bus.rigid",
}
_LONG = ("calibrated_sensor", "ego_pose", "instance", "log", "sample", "sample_annotation", "sample_data", "scene")
_VISIBILITY = {"1": "0 to 40 %", "2": "40 to 60 %", "3": "60 to 80 %", "4": "80 to 100 %"}
_ATTRIBUTE, _MOVING = "vehicle.moving", 0.5  # m/s from which on it has the attribute; who stands may wait or be parked


def write_nuscenes(selection: Selection, folder: Path) -> None:
    """Writes samples/, maps/ and the tables in v1.0-drivesim/."""
    tables = folder / VERSION
    tables.mkdir()
    (folder / "samples" / CHANNEL).mkdir(parents=True)
    job = selection.rollout.manifest.job
    with ExitStack() as stack:
        lists = {name: stack.enter_context(JsonList(tables / f"{name}.json")) for name in _LONG}
        scenes = [_Scene(selection, future, folder, lists, (job.scenario, job.seed, future.number)) for future in selection.futures]
        for scene in scenes:
            scene.write()
    _write_short(folder, [scene.log for scene in scenes])


def token(*parts: object) -> str:
    """The name of a row, the same for the same parts: 32 hexadecimal digits."""
    return hashlib.md5("/".join(map(str, parts)).encode(), usedforsecurity=False).hexdigest()


@dataclass
class _Instance:
    """A vehicle of a scene: its category, its first annotation, the last one, at `time` (s), which waits for its successor, and
    how many there are."""

    category: str
    first: str
    last: dict[str, Any]
    time: float
    count: int = 1

    def follow(self, annotation: dict[str, Any], time: float) -> dict[str, Any]:
        """Takes the next annotation: the one before it, which is complete then."""
        earlier, self.last = self.last, annotation
        annotation["prev"], earlier["next"] = earlier["token"], annotation["token"]
        if math.dist(annotation["translation"], earlier["translation"]) > _MOVING * (time - self.time):
            annotation["attribute_tokens"] = earlier["attribute_tokens"] = [token("attribute", _ATTRIBUTE)]
        else:
            earlier["attribute_tokens"] = []
        self.time, self.count = time, self.count + 1
        return earlier


@dataclass
class _Scene:
    """A future as it is written. `key` names it in tokens; what is kept of it is one annotation a vehicle."""

    selection: Selection
    future: FinishedFuture
    folder: Path
    lists: dict[str, JsonList]
    key: tuple[object, ...]
    instances: dict[int, _Instance] = field(default_factory=dict)

    @property
    def log(self) -> str:
        """Token of its log."""
        return token("log", *self.key)

    def write(self) -> None:
        """Writes all rows and pictures of it."""
        count = self.selection.count(self.future)
        for place, frame in enumerate(self.selection.labelled_frames(self.future)):
            self._write_sample(place, count, frame)
            for row, outside in zip(frame.boxes, frame.truncated, strict=True):
                if (cuboid := cuboid_of(row)) is not None:
                    self._note(place, frame, row, cuboid, float(outside))
        for track, instance in self.instances.items():
            self.lists["sample_annotation"].append(instance.last)
            self.lists["instance"].append(
                {
                    "token": self._token("instance", track),
                    "category_token": token("category", instance.category),
                    "nbr_annotations": instance.count,
                    "first_annotation_token": instance.first,
                    "last_annotation_token": instance.last["token"],
                }
            )
        self._write_scene(count)

    def _token(self, table: str, *parts: object) -> str:
        return token(table, *self.key, *parts)

    def _write_scene(self, count: int) -> None:
        scenario, future, camera = self.selection.rollout.scenario, self.future, self.future.camera
        name = f"{scenario.name}-{future.name}"
        logged = {"logfile": name, "vehicle": "drivesim", "date_captured": "1970-01-01", "location": scenario.road.setting}
        self.lists["log"].append({"token": self.log, **logged})
        self.lists["calibrated_sensor"].append(
            {
                "token": self._token("calibrated_sensor"),
                "sensor_token": token("sensor", CHANNEL),
                "translation": [0.0, 0.0, camera.height],
                "rotation": quaternion_of(camera.axes().T).tolist(),
                "camera_intrinsic": future.intrinsics.tolist(),
            }
        )
        look = scenario.look
        self.lists["scene"].append(
            {
                "token": self._token("scene"),
                "log_token": self.log,
                "nbr_samples": count,
                "first_sample_token": self._token("sample", 0),
                "last_sample_token": self._token("sample", count - 1),
                "name": name,
                "description": f"{scenario.road.setting}, {look.time_of_day}",
            }
        )

    def _write_sample(self, place: int, count: int, frame: LabelledFrame) -> None:
        """Picture, sample, sample data and ego pose of the frame at a place in the scene."""
        assert frame.picture is not None
        time = round((frame.time + self.future.number * MAX_SECONDS) * 1e6)
        name = f"samples/{CHANNEL}/{self.future.name}__{CHANNEL}__{time:012d}.jpg"
        write_picture(self.folder / name, frame.picture)
        height, width = frame.picture.shape[:2]

        def links(table: str) -> dict[str, str]:
            before = self._token(table, place - 1) if place > 0 else ""
            after = self._token(table, place + 1) if place < count - 1 else ""
            return {"token": self._token(table, place), "prev": before, "next": after}

        scene, pose = self._token("scene"), self._token("ego_pose", place)
        self.lists["sample"].append({**links("sample"), "timestamp": time, "scene_token": scene})
        about = {"timestamp": time, "fileformat": "jpg", "is_key_frame": True, "height": height, "width": width, "filename": name}
        tokens = {
            "sample_token": self._token("sample", place),
            "ego_pose_token": pose,
            "calibrated_sensor_token": self._token("calibrated_sensor"),
        }
        self.lists["sample_data"].append({**links("sample_data"), **tokens, **about})
        turn, there = quaternion_of_yaw(float(frame.ego["yaw"])).tolist(), [float(frame.ego["x"]), float(frame.ego["y"]), 0.0]
        self.lists["ego_pose"].append({"token": pose, "timestamp": time, "rotation": turn, "translation": there})

    def _note(self, place: int, frame: LabelledFrame, row: np.void, cuboid: list[float], outside: float) -> None:
        """An annotation of a vehicle, which goes to its table when the next one of the vehicle, or the end, is known."""
        track, own = int(row["track"]), self._annotation(place, frame, row, cuboid, outside)
        instance = self.instances.get(track)
        if instance is None:
            self.instances[track] = _Instance(CATEGORIES[KINDS[row["kind"]]], own["token"], own, frame.time)
        else:
            self.lists["sample_annotation"].append(instance.follow(own, frame.time))

    def _annotation(
        self, place: int, frame: LabelledFrame, row: np.void, cuboid: list[float], outside: float
    ) -> dict[str, Any]:
        x, y, z, length, width, height, yaw = cuboid
        ego = frame.ego
        pose = Pose(*(np.asarray(float(ego[name])) for name in ("x", "y", "yaw"))) @ Pose(*map(np.asarray, (x, y, yaw)))
        visible = float(row["visible"])
        return {
            "token": self._token("sample_annotation", place, int(row["track"])),
            "sample_token": self._token("sample", place),
            "instance_token": self._token("instance", int(row["track"])),
            "visibility_token": str(1 + sum(visible * (1.0 - outside) >= limit for limit in (0.4, 0.6, 0.8))),
            "attribute_tokens": [],
            "translation": [float(pose.x), float(pose.y), z],
            "size": [width, length, height],
            "rotation": quaternion_of_yaw(float(pose.yaw)).tolist(),
            "prev": "",
            "next": "",
            "num_lidar_pts": 0 if visible == 0 else 1,
            "num_radar_pts": 0,
        }


def _write_short(folder: Path, logs: list[str]) -> None:
    """The tables that say the same in every export, and a map of nothing, without which the development kit does not start."""
    (folder / "maps").mkdir()
    write_picture(folder / "maps" / "none.png", np.zeros((8, 8), np.uint8))
    names = sorted(set(CATEGORIES.values()))
    place = {"category": "semantic_prior", "filename": "maps/none.png"}
    short: dict[str, list[dict[str, Any]]] = {
        "category": [{"token": token("category", name), "name": name, "description": ""} for name in names],
        "attribute": [{"token": token("attribute", _ATTRIBUTE), "name": _ATTRIBUTE, "description": "moves"}],
        "visibility": [
            {"token": level, "level": f"v{text.replace(' to ', '-').removesuffix(' %')}", "description": f"{text} in sight"}
            for level, text in _VISIBILITY.items()
        ],
        "sensor": [{"token": token("sensor", CHANNEL), "channel": CHANNEL, "modality": "camera"}],
        "map": [{"token": token("map", *logs), "log_tokens": logs, **place}],
    }
    for name, rows in short.items():
        (folder / VERSION / f"{name}.json").write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
