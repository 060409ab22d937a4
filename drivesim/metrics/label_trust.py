"""Trust in labels: whether a frame shows the vehicles that its labels say, doubtfully or not, by what a detector finds in it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np

from drivesim.scene.boxes import MIN_HEIGHT, Boxes, pairwise_iou

SURE, UNSURE = 0.35, 0.1  # scores from which on a vehicle is there, or may be
FITS, TOUCHES, APART = 0.5, 0.3, 0.1  # intersection over union with a label; what is below APART of all has none
_COUNTS = 0.4  # score at which as many are found in rendered frames as there are
SAME_PAINT = 0.2  # of 1, mean over the channels, by which paint may be off and is the same: the detector's own error is 0.08
_VEHICLE_LIKE = 0.6  # score from which on something without a label counts as a vehicle


class Trust(IntEnum):
    """Whether the frame shows a labelled vehicle."""

    UNKNOWN = 0  # too small, or too much hidden, for anybody to tell
    SHOWN = 1
    DOUBTFUL = 2
    NOT_SHOWN = 3


@dataclass(frozen=True)
class FrameAgreement:
    """Of one frame with n labels: `trust` int64 [n] (Trust); `found` int64 [n], the row of the detection that is most likely it, -1
    for none; `unlabelled` int64, rows of vehicle-like detections where no label is."""

    trust: np.ndarray
    found: np.ndarray
    unlabelled: np.ndarray


def agreement(box: np.ndarray, score: np.ndarray, labels: Boxes) -> FrameAgreement:
    """Compares detections `box` [m 4] (fractions of the frame) with `score` [m] to the labels of their frame.

    Every detection speaks for one label, the sure ones first.
    """
    shares = pairwise_iou(labels.box, box)
    found = np.full(len(labels), -1, np.int64)
    for row in np.argsort(-score, kind="stable"):
        if score[row] < UNSURE or not len(labels):
            break
        free = np.where(found < 0, shares[:, row], -1.0)
        best = int(np.argmax(free))
        if free[best] >= TOUCHES:
            found[best] = row
    there = found >= 0
    fit = np.where(there, shares[np.arange(len(labels)), found], 0.0) if len(box) else np.zeros(len(labels))
    certain = there & (fit >= FITS) & (score[found] >= SURE) if len(box) else there
    trust = np.where(certain, Trust.SHOWN, np.where(there, Trust.DOUBTFUL, Trust.NOT_SHOWN))
    trust = np.where(certain | labels.counted, trust, Trust.UNKNOWN)
    alone = shares.max(axis=0, initial=0.0) < APART
    low = box[:, 3] - box[:, 1] < MIN_HEIGHT
    return FrameAgreement(trust.astype(np.int64), found, np.flatnonzero(alone & ~low & (score >= _VEHICLE_LIKE)))


def crowdedness(box: np.ndarray, score: np.ndarray) -> int:
    """Vehicles counted in a frame, as Boxes.crowdedness counts them in its labels: those found that are at least 8 px high."""
    return int(((score >= _COUNTS) & (box[:, 3] - box[:, 1] >= MIN_HEIGHT - 1e-6)).sum())
