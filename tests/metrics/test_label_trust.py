"""Trust in labels, by detections that are as they should be, too few, too many, or elsewhere."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from drivesim.metrics.label_trust import Trust, agreement, crowdedness
from drivesim.scene.boxes import Boxes

BOX = np.array([[0.1, 0.4, 0.3, 0.6], [0.5, 0.45, 0.6, 0.55], [0.8, 0.5, 0.82, 0.53]], np.float32)
EMPTY = Boxes.none()
LABELS = Boxes(
    np.arange(3), np.zeros(3, np.int64), BOX, np.zeros(3, np.float32), np.ones(3, np.float32), np.full((3, 7), np.nan, np.float32)
)


def test_what_is_there_is_shown_and_what_is_too_small_unknown() -> None:
    found = agreement(BOX[:2], np.array([0.9, 0.8]), LABELS)
    assert found.trust.tolist() == [Trust.SHOWN, Trust.SHOWN, Trust.UNKNOWN]
    assert found.found.tolist() == [0, 1, -1] and not len(found.unlabelled)
    assert agreement(BOX[2:], np.array([0.9]), LABELS).trust[2] == Trust.SHOWN


def test_missing_unsure_and_shifted_vehicles() -> None:
    moved = BOX[1] + [0.05, 0, 0.05, 0]
    found = agreement(moved[None], np.array([0.9]), LABELS)
    assert found.trust.tolist()[:2] == [Trust.NOT_SHOWN, Trust.DOUBTFUL]
    assert agreement(BOX[1:2], np.array([0.2]), LABELS).trust[1] == Trust.DOUBTFUL
    assert agreement(BOX[1:2], np.array([0.01]), LABELS).trust[1] == Trust.NOT_SHOWN
    nothing = agreement(BOX[:0], np.zeros(0), LABELS)
    assert nothing.trust.tolist() == [Trust.NOT_SHOWN, Trust.NOT_SHOWN, Trust.UNKNOWN]


def test_one_detection_speaks_for_one_vehicle() -> None:
    both = replace(LABELS, box=np.stack([BOX[0], BOX[0], BOX[2]]))
    assert sorted(agreement(BOX[:1], np.array([0.9]), both).trust.tolist()[:2]) == [Trust.SHOWN, Trust.NOT_SHOWN]


def test_vehicles_without_a_label_are_counted() -> None:
    far = np.array([[0.4, 0.8, 0.5, 0.95], [0.7, 0.1, 0.72, 0.12]], np.float32)  # the second is too low to tell
    found = agreement(np.concatenate([BOX[:1], far]), np.array([0.9, 0.9, 0.9]), LABELS)
    assert found.unlabelled.tolist() == [1]
    assert agreement(far, np.ones(2), EMPTY).unlabelled.tolist() == [0]


@pytest.mark.parametrize(("score", "count"), [(0.9, 2), (0.2, 0)])
def test_crowdedness_counts_what_is_high_enough_and_sure(score: float, count: int) -> None:
    assert crowdedness(BOX, np.full(3, score)) == count
