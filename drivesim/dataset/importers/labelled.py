"""Pictures with labelled vehicles as clips of one frame: boxes follow the cut and the scale of their picture."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from drivesim.config import InputError
from drivesim.dataset.importers.unknown import unknown_labels
from drivesim.scene.boxes import Boxes
from drivesim.scene.clip import Clip, crowdedness_of
from drivesim.scene.vehicles import KINDS, Kind
from drivesim.tensors import kept_part, to_frame_size
from drivesim.video_format import FRAME_RATES
from drivesim.video_io import read_image

LEAST_INSIDE = 0.5  # of a box that the picture cut to 1:2 must show; of the others the rest is no more than a sliver
UNKNOWN_CUBOID = (math.nan,) * 7


@dataclass(frozen=True)
class LabelledObject:
    """What somebody labelled in a picture: its class, and its box x1 y1 x2 y2, counted from the edge of the first pixel.

    `cuboid`, `heading` and `visible` are those of Boxes, NaN where unknown.
    """

    name: str
    box: tuple[float, float, float, float]
    cuboid: tuple[float, ...] = UNKNOWN_CUBOID
    heading: float = math.nan
    visible: float = math.nan


@dataclass(frozen=True)
class LabelledPicture:
    """A picture and its objects, None where nobody labelled it.

    `size` is its height and width in the units of the boxes: (1, 1) for fractions of it, None for its own pixels.
    """

    path: Path
    objects: tuple[LabelledObject, ...] | None
    size: tuple[float, float] | None = None


@dataclass
class Tally:
    """What became of the objects of the pictures so far."""

    vehicles: int = 0
    outside: int = 0
    others: Counter[str] = field(default_factory=Counter)
    unlabelled: int = 0

    def lines(self) -> list[str]:
        """It in words."""
        found = [f"vehicles: {self.vehicles:,}"]
        if self.outside:
            found.append(f"{self.outside:,} more are mostly outside of the part of 1:2 that is kept, and left out")
        if self.others:
            names = ", ".join(f"{name} ({count:,})" for name, count in self.others.most_common())
            found.append(f"not known as vehicles, and left out: {names}; give --kinds CLASS=KIND for those that are")
        if self.unlabelled:
            found.append(f"{self.unlabelled:,} pictures have no labels: what drives there stays unknown")
        return found


def lines_of(file: Path) -> Iterator[tuple[str, list[str]]]:
    """Where each line of a text stands, as FILE:LINE, and its words; empty lines are passed over. InputError if it is no text."""
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{file}: cannot be read as text ({error}); restore it") from error
    for number, line in enumerate(lines, start=1):
        if words := line.split():
            yield f"{file}:{number}", words


def clip_of(
    picture: LabelledPicture, height: int, kinds: Mapping[str, Kind], source: str, caption: str | None, tally: Tally
) -> Clip:
    """The picture as a clip of one frame of `height`, cut to 1:2 from below as films are; InputError if it cannot be read.

    Its vehicles are the objects whose class has a kind, by `kinds`; all but the boxes, and perhaps the caption, is unknown.
    """
    pixels = read_image(picture.path)
    frame = to_frame_size(pixels, height, keep="bottom")
    table = None if picture.objects is None else _table(picture.objects, pixels.shape[:2], picture.size, kinds, tally)
    tally.unlabelled += table is None
    labels = unknown_labels(1, FRAME_RATES[-1], source, caption)
    return Clip(frame[None], replace(labels, boxes=(table,), crowdedness=crowdedness_of([table])))


def _table(
    objects: Sequence[LabelledObject],
    shape: tuple[int, ...],
    size: tuple[float, float] | None,
    kinds: Mapping[str, Kind],
    tally: Tally,
) -> Boxes:
    """The vehicles among the objects of a picture of `shape` (rows, columns)."""
    tally.others.update(thing.name for thing in objects if thing.name not in kinds)
    vehicles = [thing for thing in objects if thing.name in kinds]
    if not vehicles:
        return Boxes.none()
    scale = np.array([shape[1], shape[0]]) / np.array([shape[1], shape[0]] if size is None else [size[1], size[0]])
    corners = np.array([thing.box for thing in vehicles]) * np.tile(scale, 2)
    box, share = in_frame(corners, shape[0], shape[1])
    kept = share >= LEAST_INSIDE
    tally.vehicles += int(kept.sum())
    tally.outside += int((~kept).sum())
    index = np.flatnonzero(kept)

    def column(values: Sequence[object]) -> np.ndarray:
        return np.array(values, np.float32)[index]

    return Boxes(
        np.arange(len(index)),
        np.array([KINDS.index(kinds[thing.name]) for thing in vehicles])[index],
        box[index].astype(np.float32),
        column([thing.heading for thing in vehicles]),
        column([thing.visible for thing in vehicles]),
        column([thing.cuboid for thing in vehicles]),
    )


def in_frame(corners: np.ndarray, height: int, width: int) -> tuple[np.ndarray, np.ndarray]:
    """Boxes [n 4] in pixels of a picture of this size as fractions of the frame that is cut out of it, clipped to it [n 4].

    And which share [n] of what the picture shows of each box the frame shows, 0 for boxes without area.
    """
    rows, columns = kept_part(height, width, keep="bottom")
    shown = np.clip(corners, 0, [width, height] * 2)
    low, high = [columns.start, rows.start], [columns.stop, rows.stop]
    kept = np.clip(shown, low * 2, high * 2)
    inside, whole = (np.clip(box[:, 2:] - box[:, :2], 0, None).prod(axis=1) for box in (kept, shown))
    share = np.divide(inside, whole, out=np.zeros(len(corners)), where=whole > 0)
    return (kept - low * 2) / np.tile(np.subtract(high, low), 2), share
