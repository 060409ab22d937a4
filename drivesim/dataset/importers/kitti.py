"""KITTI's object detection benchmark: image_2/, label_2/ and, where it is there, calib/.

Its camera looks right, down and forward; places are those of the middle of a body's bottom. Cuboids become ours in the ego frame,
on the road below the camera. Pixels are counted from the middle of the first one.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from drivesim.config import InputError
from drivesim.dataset.importers.labelled import UNKNOWN_CUBOID, LabelledObject, LabelledPicture, lines_of
from drivesim.dataset.sheets import IMAGES

FIELDS = (
    "truncated", "occluded", "alpha", "left", "top", "right", "bottom", "height",
    "width", "length", "x", "y", "z", "rotation_y",
)  # fmt: skip
REGION = "DontCare"  # where nobody labelled what drives
_VISIBLE = {0: 0.9, 1: 0.6, 2: 0.2}  # the middles of what in sight, partly and largely hidden mean
_CAMERA_HEIGHT, _SCANNER_HEIGHT = 1.65, 1.73  # m above the road, of KITTI's car
_LEAST_HEIGHT = 0.5  # m of the camera above the origin from which on that is the road, as in our exports, and not the scanner
_AXES = np.array([[0.0, -1.0, 0.0], [0.0, 0.0, -1.0], [1.0, 0.0, 0.0]])


def read_kitti(folder: Path) -> list[LabelledPicture]:
    """The pictures of a folder that holds image_2, or training/image_2; those without a file in label_2 are not labelled.

    InputError names the file and line of what is wrong.
    """
    places = [folder, folder / "training", folder / "object" / "training"]
    place = next((place for place in places if (place / "image_2").is_dir()), None)
    if place is None:
        raise InputError(f"{folder}: holds no folder image_2, nor training/image_2; give the one that does")
    pictures = []
    for file in sorted(file for file in (place / "image_2").iterdir() if file.suffix.lower() in IMAGES):
        text, calibration = (place / name / f"{file.stem}.txt" for name in ("label_2", "calib"))
        if text.is_file():
            camera = _Mounting.read(calibration) if calibration.is_file() else _Mounting(_AXES, _CAMERA_HEIGHT)
            things = [_object(where, words, camera) for where, words in lines_of(text) if words[0] != REGION]
            pictures.append(LabelledPicture(file, tuple(things)))
        else:
            pictures.append(LabelledPicture(file, None))
    if all(picture.objects is None for picture in pictures):
        raise InputError(f"{place}: no picture in image_2 has labels; they are looked for in {place / 'label_2'}")
    return pictures


@dataclass(frozen=True)
class _Mounting:
    """How the camera is mounted: `turn` [3 3] from directions in the ego frame to its own, and `height` m above the road."""

    turn: np.ndarray
    height: float

    @classmethod
    def read(cls, file: Path) -> _Mounting:
        """From a file of calib; the scanner's frame is level with the road, and in our exports the ego frame itself."""
        matrices = {words[0].rstrip(":"): (place, words[1:]) for place, words in lines_of(file)}
        found = {}
        for name, shape in (("R0_rect", (3, 3)), ("Tr_velo_to_cam", (3, 4))):
            place, words = matrices.get(name, (str(file), []))
            try:
                found[name] = np.array([float(word) for word in words]).reshape(shape)
            except ValueError as error:
                raise InputError(f"{place}: {name}: expected {math.prod(shape)} numbers; restore or remove the file") from error
        turn = found["R0_rect"] @ found["Tr_velo_to_cam"][:, :3]
        above = float(-(turn.T @ found["R0_rect"] @ found["Tr_velo_to_cam"][:, 3])[2])
        return cls(turn, above if above > _LEAST_HEIGHT else _SCANNER_HEIGHT + above)

    def cuboid(self, place: tuple[float, ...], size: tuple[float, ...], rotation_y: float) -> tuple[float, ...]:
        """The cuboid whose bottom has its middle at x, y, z, of a length, width and height, turned by rotation_y about y."""
        x, y, z = self.turn.T @ np.array(place)
        # The direction along the road whose right and forward parts are those of the cuboid's length.
        along = np.linalg.solve(self.turn[[0, 2], :2], [math.cos(rotation_y), -math.sin(rotation_y)])
        return x, y, z + self.height + size[2] / 2, *size, math.atan2(along[1], along[0])


def _object(place: str, words: list[str], camera: _Mounting) -> LabelledObject:
    if len(words) not in (len(FIELDS) + 1, len(FIELDS) + 2):  # a score may follow
        raise InputError(f"{place}: {len(words)} words, expected 15: type, {', '.join(FIELDS)}")
    values: dict[str, float] = {}
    for name, word in zip(FIELDS, words[1:], strict=False):
        try:
            values[name] = float(word)
        except ValueError:
            values[name] = math.nan
        if not math.isfinite(values[name]):
            raise InputError(f"{place}: {name} {word[:20]!r}: expected a number")
    left, top, right, bottom = (values[name] for name in ("left", "top", "right", "bottom"))
    if right < left or bottom < top:
        raise InputError(f"{place}: left, top, right, bottom {left:g} {top:g} {right:g} {bottom:g}: a box ends before it begins")
    size = values["length"], values["width"], values["height"]
    cuboid: tuple[float, ...] = UNKNOWN_CUBOID
    if min(size) > 0 and values["x"] > -1000:
        cuboid = camera.cuboid((values["x"], values["y"], values["z"]), size, values["rotation_y"])
    return LabelledObject(
        words[0], (left + 0.5, top + 0.5, right + 0.5, bottom + 0.5), cuboid, heading=cuboid[6],
        visible=_VISIBLE.get(int(values["occluded"]), math.nan),
    )  # fmt: skip
