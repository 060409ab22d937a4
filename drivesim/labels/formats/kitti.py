"""KITTI: the object benchmark's and the tracking benchmark's files, by the descriptions in their development kits.

    object/training/image_2/000000.png    label_2/000000.txt    calib/000000.txt    frames.csv (which frame of which future)
    tracking/training/image_02/0000/000000.png    label_02/0000.txt    calib/0000.txt    oxts/0000.txt

Camera frame: x right, y down, z forward. The place of the laser scanner ("velo") and of the inertial unit is the ego frame: x
forward, y left, z up, on the road below the camera. Pixels are counted from the middle of the first one. Truncation is that of
labelled_frame.py, as in all formats.
"""

from __future__ import annotations

import math
import os
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from drivesim.labels.attributes import LARGELY, PARTLY
from drivesim.labels.finished_rollout import FinishedFuture
from drivesim.labels.labelled_frame import LabelledFrame, cuboids
from drivesim.labels.pictures import write_picture
from drivesim.labels.selection import Selection
from drivesim.scene.camera import Camera
from drivesim.scene.vehicles import KINDS, Kind

_TYPES: dict[Kind, str] = {"sedan": "Car", "hatchback": "Car", "suv": "Car", "van": "Van", "truck": "Truck", "bus": "Misc"}
"""KITTI has no type for buses."""
_TRUNCATION_LEVELS = 0.15, 0.5  # of the tracking benchmark: up to the first it is 0, beyond the second 2
_EARTH = 6378137.0  # m, radius that KITTI's tools compute places from degrees with


def write_kitti(selection: Selection, folder: Path) -> None:
    """Writes the folders object and tracking; pictures stand in both, as one file where the disk can."""
    training = _Training(folder / "object" / "training", folder / "tracking" / "training")
    for place in ("image_2", "label_2", "calib"):
        (training.objects / place).mkdir(parents=True)
    for place in ("image_02", "label_02", "calib", "oxts"):
        (training.tracks / place).mkdir(parents=True)
    index = 0
    with (training.objects / "frames.csv").open("w", encoding="utf-8") as frames:
        frames.write("index,sequence,sequence_frame,future,frame,time_s\n")
        for future in selection.futures:
            for number, frame in enumerate(training.write_sequence(selection, future, index)):
                row = (f"{index:06d}", f"{future.number:04d}", number, future.number, frame.number, f"{frame.time:.6f}")
                frames.write(",".join(map(str, row)) + "\n")
                index += 1


@dataclass(frozen=True)
class _Training:
    """The folders of the two benchmarks."""

    objects: Path
    tracks: Path

    def write_sequence(self, selection: Selection, future: FinishedFuture, index: int) -> Iterable[LabelledFrame]:
        """Writes a future as sequence of one benchmark, and as pictures from `index` on of the other: its frames, one by one."""
        sequence, matrices = f"{future.number:04d}", calibration(future)
        pictures = self.tracks / "image_02" / sequence
        pictures.mkdir()
        _write_calibration(self.tracks / "calib" / f"{sequence}.txt", _TRACKING_NAMES, matrices)
        labels, oxts = ((self.tracks / place / f"{sequence}.txt").open("w", encoding="utf-8") for place in ("label_02", "oxts"))
        with labels, oxts:
            for number, frame in enumerate(selection.labelled_frames(future)):
                name = f"{index + number:06d}"
                assert frame.picture is not None
                picture = self.objects / "image_2" / f"{name}.png"
                write_picture(picture, frame.picture)
                _link(picture, pictures / f"{number:06d}.png")
                _write_calibration(self.objects / "calib" / f"{name}.txt", _OBJECT_NAMES, matrices)
                vehicles = vehicles_of(future.camera, frame)
                text = "".join(f"{vehicle.object_line()}\n" for vehicle in vehicles)
                (self.objects / "label_2" / f"{name}.txt").write_text(text, encoding="utf-8")
                labels.writelines(f"{number} {vehicle.tracking_line()}\n" for vehicle in vehicles)
                oxts.write(oxts_line(frame) + "\n")
                yield frame


@dataclass(frozen=True)
class KittiVehicle:
    """A vehicle in KITTI's terms; `rest` are alpha, left, top, right, bottom, height, width, length, x, y, z, rotation_y."""

    track: int
    type: str
    truncated: float
    occluded: int
    rest: tuple[float, ...]

    def object_line(self) -> str:
        """A line of label_2."""
        return f"{self.type} {self.truncated:.2f} {self.occluded} {self._numbers()}"

    def tracking_line(self) -> str:
        """A line of label_02 without its frame; truncation is a level there: 0 not, 1 partly, 2 largely."""
        level = sum(self.truncated > limit for limit in _TRUNCATION_LEVELS)
        return f"{self.track} {self.type} {level} {self.occluded} {self._numbers()}"

    def _numbers(self) -> str:
        return " ".join(f"{value:.4f}" for value in self.rest)


def vehicles_of(camera: Camera, frame: LabelledFrame) -> list[KittiVehicle]:
    """The vehicles of a frame. What is not known of one is -1, -10 and -1000, as in KITTI's own files."""
    assert frame.picture is not None
    height, width = frame.picture.shape[:2]
    made = []
    for row, cuboid, box, outside in zip(frame.boxes, cuboids(frame.boxes), frame.pixels, frame.truncated, strict=True):
        corners = np.clip(box - 0.5, 0.0, [width - 1, height - 1] * 2)
        if (corners[2:] <= corners[:2]).any():
            continue  # a sliver within the outermost half pixel
        body = (-10.0, -1.0, -1.0, -1.0, -1000.0, -1000.0, -1000.0, -10.0) if np.isnan(cuboid).any() else _body(camera, cuboid)
        truncated = -1.0 if math.isnan(outside) else float(outside)
        rest = (body[0], *corners.tolist(), *body[1:])
        made.append(KittiVehicle(int(row["track"]), _TYPES[KINDS[row["kind"]]], truncated, _occlusion(row["visible"]), rest))
    return made


def _body(camera: Camera, cuboid: np.ndarray) -> tuple[float, ...]:
    """alpha, height, width, length, place of the middle of the bottom (x, y, z), rotation_y of a cuboid [7] in the ego frame."""
    length, width, height, yaw = (float(value) for value in cuboid[3:])
    x, y, z = camera.view(cuboid[:3] - [0.0, 0.0, height / 2]).tolist()
    right, _, forward = (camera.axes() @ [math.cos(yaw), math.sin(yaw), 0.0]).tolist()
    turn = math.atan2(-forward, right)
    return _wrapped(turn - math.atan2(x, z)), height, width, length, x, y, z, turn


def _wrapped(angle: float) -> float:
    """An angle from -pi to pi."""
    return (angle + math.pi) % (2 * math.pi) - math.pi


def _occlusion(visible: float) -> int:
    """0 in sight, 1 partly hidden, 2 largely hidden, 3 not known."""
    return 3 if math.isnan(visible) else sum(visible < limit for limit in (PARTLY, LARGELY))


_OBJECT_NAMES = "P0:", "P1:", "P2:", "P3:", "R0_rect:", "Tr_velo_to_cam:", "Tr_imu_to_velo:"
_TRACKING_NAMES = "P0:", "P1:", "P2:", "P3:", "R_rect", "Tr_velo_cam", "Tr_imu_velo"


def calibration(future: FinishedFuture) -> tuple[np.ndarray, ...]:
    """Matrices of a calib file in its order: four times the one camera [3 4], no rotation [3 3], ego to camera [3 4], identity."""
    camera = future.camera
    projection = np.column_stack([future.intrinsics, np.zeros(3)])
    turn = camera.axes()
    to_camera = np.column_stack([turn, turn @ [0.0, 0.0, -camera.height]])
    return (*[projection] * 4, np.eye(3), to_camera, np.eye(3, 4))


def _write_calibration(path: Path, names: tuple[str, ...], matrices: tuple[np.ndarray, ...]) -> None:
    rows = (" ".join(f"{value:.12e}" for value in matrix.ravel()) for matrix in matrices)
    lines = (f"{name} {row}" for name, row in zip(names, rows, strict=True))
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def oxts_line(frame: LabelledFrame) -> str:
    """The 30 values of the inertial unit, for a drive that begins at 0 degrees north, 0 east, eastward; nan is not known."""
    ego = frame.ego
    longitude = math.degrees(float(ego["x"]) / _EARTH)
    latitude = math.degrees(2 * math.atan(math.exp(float(ego["y"]) / _EARTH)) - math.pi / 2)
    yaw, speed, rate = _wrapped(float(ego["yaw"])), float(ego["speed"]), float(ego["yaw_rate"])
    north, east = speed * math.sin(yaw), speed * math.cos(yaw)
    unknown = [math.nan] * 6  # accelerations
    turning = [0.0, 0.0, rate] * 2
    values = [latitude, longitude, 0.0, 0.0, 0.0, yaw, north, east, speed, 0.0, 0.0, *unknown, *turning, 0.0, 0.0]
    return " ".join(f"{value:.12g}" for value in values) + " 0 0 0 0 0"


def _link(file: Path, second: Path) -> None:
    """The same file under a second name, or a copy where the disk knows no links."""
    try:
        os.link(file, second)
    except OSError:
        shutil.copyfile(file, second)
