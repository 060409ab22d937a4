"""Captions say what labels know, and nothing else."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from toy_labels import toy_labels

from drivesim.dataset.captions import caption_of
from drivesim.scene.boxes import Boxes
from drivesim.scene.clip import ClipLabels
from drivesim.scene.road import Road
from drivesim.scene.vehicles import KINDS
from drivesim.traffic.paint import PALETTE

MIDDLE, LEFT = (0.45, 0.4, 0.55, 0.7), (0.0, 0.4, 0.2, 0.8)


def boxes(*vehicles: tuple[str, tuple[float, ...], float]) -> Boxes:
    """Vehicles of a kind in a box with a heading; all red."""
    n = len(vehicles)
    paint = np.array([PALETTE["red"]] * n, np.float32).reshape(n, 3)
    return Boxes(np.arange(n), np.array([KINDS.index(kind) for kind, _, _ in vehicles]),  # type: ignore[arg-type]
                 np.array([box for _, box, _ in vehicles], np.float32).reshape(n, 4),
                 np.array([heading for _, _, heading in vehicles], np.float32), np.ones(n, np.float32),
                 np.zeros((n, 7), np.float32), paint)  # fmt: skip


def labels(table: Boxes | None, **fields: object) -> ClipLabels:
    return replace(toy_labels(), **({"time_of_day": "night", "road": Road("city"), "boxes": (table,)} | fields))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("table", "caption"),
    [
        (boxes(*[("sedan", LEFT, 0.0)] * 3, ("suv", LEFT, 0.0), ("bus", MIDDLE, 0.0)), "four cars, a red bus ahead"),
        (boxes(("van", MIDDLE, math.pi)), "an oncoming red van"),
        (boxes(("bus", LEFT, 0.0), ("bus", LEFT, 0.0)), "two buses"),
        (boxes(("truck", LEFT, 0.0)), "a truck"),
        (boxes(), "an empty road"),
        (boxes(*[("sedan", LEFT, 0.0)] * 20), "many cars"),
        (boxes(("sedan", (0.45, 0.5, 0.55, 0.51), 0.0)), "an empty road"),
    ],
)
def test_vehicles_are_counted_and_the_nearest_in_the_middle_is_described(table: Boxes, caption: str) -> None:
    assert caption_of(labels(table)) == f"a dashcam video of a city street at night, {caption}"


def test_what_is_not_known_is_not_said() -> None:
    assert caption_of(labels(None, time_of_day=None, road=None)) == "a dashcam video"
    assert caption_of(labels(None, time_of_day="day", road=None)) == "a dashcam video by day"
    table = boxes(("sedan", MIDDLE, 0.0))
    unpainted = replace(table, paint=np.full((1, 3), np.nan, np.float32))
    assert caption_of(labels(unpainted)).endswith(", a car ahead")
