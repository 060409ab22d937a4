"""Labels of a few frames of which little is known, and the conditions that follow from them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from drivesim.models.conditions.all_groups import label_conditions
from drivesim.models.conditions.conditions import Conditions, GroupRows
from drivesim.scene.boxes import Boxes
from drivesim.scene.camera import Camera
from drivesim.scene.clip import ClipLabels, EgoMotion, TimeOfDay
from drivesim.scene.road import Road

UNKNOWN = float("nan")


def toy_labels(
    boxes: Sequence[Boxes | None] = (None,),
    time_of_day: TimeOfDay | None = None,
    crowdedness: float | Sequence[float] = UNKNOWN,
    road: Road | None = None,
    camera: Camera | None = None,
    along: float | Sequence[float] = UNKNOWN,
) -> ClipLabels:
    """A frame for each element of `boxes`; numbers are the same for all frames, or a list."""

    def each(value: float | Sequence[float]) -> np.ndarray:
        return np.broadcast_to(np.asarray(value, np.float32), (len(boxes),)).copy()

    ego = EgoMotion(each(UNKNOWN), each(UNKNOWN), each(road.curvature if road else UNKNOWN), each(along))
    return ClipLabels(30.0, time_of_day, road, camera, tuple(boxes), each(crowdedness), ego, "toy")


def toy_conditions(
    boxes: Sequence[Boxes | None] = (None,),
    time_of_day: TimeOfDay | None = None,
    crowdedness: float | Sequence[float] = UNKNOWN,
    road: Road | None = None,
    camera: Camera | None = None,
    along: float | Sequence[float] = UNKNOWN,
    layouts: Sequence[np.ndarray | None] | None = None,
) -> Conditions:
    """The conditions of `toy_labels`, a row a frame."""
    return label_conditions([toy_labels(boxes, time_of_day, crowdedness, road, camera, along)], layouts)


def toy_boxes(
    *rectangles: list[float], kind: int = 0, heading: float = 0.0, distance: Sequence[float] | None = None
) -> Boxes:
    """A table of rectangles x1 y1 x2 y2; `distance` m ahead, or unknown."""
    n = len(rectangles)
    cuboid = np.full((n, 7), np.nan, np.float32)
    if distance is not None:
        cuboid[:, 0], cuboid[:, 1] = distance, 0.0
    return Boxes(
        np.arange(n), np.full(n, kind), np.array(rectangles, np.float32).reshape(n, 4), np.full(n, heading, np.float32),
        np.ones(n, np.float32), cuboid,
    )  # fmt: skip


LEFT, RIGHT, FAR = [0.1, 0.5, 0.3, 0.9], [0.6, 0.4, 0.9, 0.8], [0.45, 0.4, 0.5, 0.5]


def all_conditions(*rectangles: list[float]) -> Conditions:
    """One row with all of the first five groups given: by night, in a bend of a city."""
    return toy_conditions([toy_boxes(*rectangles)], "night", 3, Road("city", 3, 2, 0.01), Camera(1.6, -2.0, 70.0), 7.0)


def same_conditions(a: Conditions, b: Conditions) -> bool:
    """Whether all tensors of both are equal, bit for bit."""
    left, right = a.tensors(), b.tensors()
    return left.keys() == right.keys() and all(torch.equal(left[name], right[name]) for name in left)


def with_field(c: Conditions, group: str, field: str, value: Tensor) -> Conditions:
    """The same with another tensor for one field."""
    rows = c[group]
    return c.replace(group, GroupRows(rows.given, {**rows.fields, field: value}))


def with_boxes_reordered(c: Conditions, order: Tensor) -> Conditions:
    """With the places of the boxes in another order, and junk where none is."""
    moved = {name: value[:, order] for name, value in c["boxes"].fields.items()}
    junk = torch.where(moved["present"][..., None], moved["box"], torch.rand(1, len(order), 4))
    return c.replace("boxes", GroupRows(c["boxes"].given, moved | {"box": junk}))
