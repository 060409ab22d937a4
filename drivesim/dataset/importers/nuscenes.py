"""nuScenes: the tables in v1.0-NAME/, and of the pictures the key frames of CAM_FRONT; boxes are projected from the cuboids.

The global frame, the ego frame (x forward, y left, z up, on the road) and the camera's (right, down, forward) follow each other by
translations and quaternions w, x, y, z. Camera matrices count pixels from the middle of the first one.
"""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from types import GenericAlias
from typing import TypeVar

import numpy as np
from shapely import MultiPoint
from shapely import box as rectangle

from drivesim.config import InputError, Real
from drivesim.dataset.importers.foreign_json import Row, read_foreign
from drivesim.dataset.importers.labelled import LabelledObject, LabelledPicture
from drivesim.scene.boxes import cuboid_corners
from drivesim.scene.camera import NEAR

CHANNEL = "CAM_FRONT"
_VISIBLE = {"v0-40": 0.2, "v40-60": 0.5, "v60-80": 0.7, "v80-100": 0.9}  # the middles of the levels
Vector = tuple[Real, Real, Real]
Quaternion = tuple[Real, Real, Real, Real]


class NuscenesToken(Row):
    """A row by its name."""

    token: str


class NuscenesNamed(NuscenesToken):
    """A category."""

    name: str


class NuscenesInstance(NuscenesToken):
    """A vehicle, pedestrian or thing of a scene."""

    category_token: str


class NuscenesLevel(NuscenesToken):
    """How much of something is in sight."""

    level: str


class NuscenesSensor(NuscenesToken):
    """A camera or scanner."""

    channel: str


class NuscenesPose(NuscenesToken):
    """Where the ego is, in the global frame."""

    translation: Vector
    rotation: Quaternion


class NuscenesMounting(NuscenesPose):
    """Where a sensor is, in the ego frame, and the matrix of a camera."""

    sensor_token: str
    camera_intrinsic: tuple[Vector, ...] = ()


class NuscenesPicture(NuscenesToken):
    """A file of a sensor."""

    sample_token: str
    ego_pose_token: str
    calibrated_sensor_token: str
    is_key_frame: bool
    filename: str
    height: int = 0
    width: int = 0


class NuscenesAnnotation(NuscenesToken):
    """A cuboid in a sample, in the global frame; `size` is width, length, height."""

    sample_token: str
    instance_token: str
    visibility_token: str = ""
    translation: Vector
    size: Vector
    rotation: Quaternion


R = TypeVar("R", bound=NuscenesToken)


def read_nuscenes(folder: Path) -> list[LabelledPicture]:
    """The key frames of CAM_FRONT of a folder with tables in v1.0-NAME/, or of such a folder of tables.

    InputError names the table and row of what is wrong.
    """
    tables = _Tables(_tables_folder(folder))
    root = tables.folder.parent
    annotations: dict[str, list[tuple[int, NuscenesAnnotation]]] = defaultdict(list)
    for place, row in enumerate(tables.rows("sample_annotation", NuscenesAnnotation).values()):
        annotations[row.sample_token].append((place, row))
    names, levels = tables.names(), tables.levels()
    poses, mountings = tables.rows("ego_pose", NuscenesPose), tables.rows("calibrated_sensor", NuscenesMounting)
    front = {token for token, sensor in tables.rows("sensor", NuscenesSensor).items() if sensor.channel == CHANNEL}
    pictures = []
    for place, data in enumerate(tables.rows("sample_data", NuscenesPicture).values()):
        where = f"sample_data.{place}"
        mounting = tables.found(mountings, data.calibrated_sensor_token, f"{where}.calibrated_sensor_token")
        if not data.is_key_frame or mounting.sensor_token not in front:
            continue
        view = _View(data, tables.found(poses, data.ego_pose_token, f"{where}.ego_pose_token"), mounting)
        if len(mounting.camera_intrinsic) != 3 or min(data.height, data.width) < 1:
            raise InputError(f"{tables.folder}: {where}: its height, width or camera_intrinsic is not there; restore the tables")
        things = []
        for row_place, row in annotations[data.sample_token]:
            name = tables.found(names, row.instance_token, f"sample_annotation.{row_place}.instance_token")
            if (thing := view.object(name, row, levels.get(row.visibility_token, math.nan))) is not None:
                things.append(thing)
        pictures.append(LabelledPicture(root / data.filename, tuple(things), (data.height, data.width)))
    if not pictures:
        raise InputError(f"{tables.folder}: sample_data: no key frame of {CHANNEL}; give a data set that has this camera")
    return pictures


def _tables_folder(folder: Path) -> Path:
    """The folder of the tables."""
    if (folder / "sample_data.json").is_file():
        return folder
    found = sorted(file.parent for file in folder.glob("v1.0-*/sample_data.json"))
    if len(found) == 1:
        return found[0]
    if found:
        raise InputError(f"{folder}: holds {', '.join(place.name for place in found)}: give the folder of the one that is meant")
    raise InputError(f"{folder}: holds no folder v1.0-NAME with sample_data.json; give the folder that does")


@dataclass(frozen=True)
class _Tables:
    """The tables of a folder."""

    folder: Path

    def rows(self, name: str, form: type[R]) -> dict[str, R]:
        """The rows of a table by their tokens."""
        rows: list[R] = read_foreign(self.folder / f"{name}.json", GenericAlias(list, (form,)))  # type: ignore[arg-type]
        return {row.token: row for row in rows}

    def found(self, rows: dict[str, R], token: str, place: str) -> R:
        """The row that `place` speaks of."""
        if token not in rows:
            raise InputError(f"{self.folder}: {place} {token[:40]}: there is no such row; restore the tables")
        return rows[token]

    def names(self) -> dict[str, NuscenesNamed]:
        """The category of each instance."""
        categories = self.rows("category", NuscenesNamed)
        return {
            row.token: self.found(categories, row.category_token, f"instance.{place}.category_token")
            for place, row in enumerate(self.rows("instance", NuscenesInstance).values())
        }

    def levels(self) -> dict[str, float]:
        """Shares in sight by the tokens of their levels; none where there is no such table."""
        if not (self.folder / "visibility.json").is_file():
            return {}
        rows = self.rows("visibility", NuscenesLevel).values()
        return {row.token: _VISIBLE.get(row.level, math.nan) for row in rows}


@dataclass(frozen=True)
class _View:
    """What a camera sees from where the ego is."""

    data: NuscenesPicture
    pose: NuscenesPose
    mounting: NuscenesMounting

    def object(self, name: NuscenesNamed, row: NuscenesAnnotation, visible: float) -> LabelledObject | None:
        """A cuboid as an object of the picture; None if it is not in view."""
        width, length, height = row.size
        turn = _turn(self.pose.rotation).T
        x, y, z = turn @ np.subtract(row.translation, self.pose.translation)
        ahead, left, _ = (turn @ _turn(row.rotation))[:, 0]
        body = np.array([x, y, z, length, width, height, math.atan2(left, ahead)])
        view = (cuboid_corners(body) - self.mounting.translation) @ _turn(self.mounting.rotation)
        box = project_corners(view, np.array(self.mounting.camera_intrinsic), self.data.height, self.data.width)
        if box is None:
            return None
        body[:2] -= self.mounting.translation[:2]  # our ego frame begins below the camera
        return LabelledObject(name.name, box, tuple(body.tolist()), heading=float(body[6]), visible=visible)


def project_corners(
    corners: np.ndarray, matrix: np.ndarray, height: int, width: int
) -> tuple[float, float, float, float] | None:
    """The box round corners [8 3] in a camera's frame, counted from the edge of the first pixel and clipped to the picture.

    What is nearer than NEAR is cut off; None if nothing of it is in the picture.
    """
    low, high = corners[corners[:, 2] < NEAR], corners[corners[:, 2] >= NEAR]
    if not len(high):
        return None
    share = (NEAR - low[:, None, 2:]) / (high[None, :, 2:] - low[:, None, 2:])
    cut = low[:, None] + share * (high[None] - low[:, None])  # where the lines between corners of both sides come through
    seen = np.concatenate([high, cut.reshape(-1, 3)]) @ matrix.T
    places = seen[:, :2] / seen[:, 2:] + 0.5
    (x1, y1), (x2, y2) = places.min(axis=0).tolist(), places.max(axis=0).tolist()
    if min(x1, y1) < 0 or x2 > width or y2 > height:
        part = MultiPoint(places).convex_hull.intersection(rectangle(0, 0, width, height))
        x1, y1, x2, y2 = part.bounds if part.area > 0 else (0.0, 0.0, 0.0, 0.0)
    return (x1, y1, x2, y2) if x1 < x2 and y1 < y2 else None


def _turn(rotation: Quaternion) -> np.ndarray:
    """The matrix [3 3] of a quaternion w, x, y, z."""
    w, x, y, z = np.array(rotation) / np.linalg.norm(rotation)
    return np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
            [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
            [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
        ]
    )
