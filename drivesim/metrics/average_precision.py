"""Average precision of detections, by the rules of COCO (as pycocotools has them: tests compare)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from drivesim.scene.boxes import MIN_HEIGHT, Boxes, pairwise_iou

IOU_THRESHOLDS = tuple(np.linspace(0.5, 0.95, 10).round(2).tolist())
MOST_DETECTIONS = 100  # of a frame that count
_RECALLS = np.linspace(0.0, 1.0, 101)


@dataclass(frozen=True)
class FrameMatches:
    """Detections of one frame against its labels: `score` float [n], the highest first; `hit` bool [n], found a vehicle that
    counts; `ignored` bool [n], neither right nor wrong; `vehicles`: how many count; `detection` and `label` int64 [n]: their rows
    in what was given, and those of the labels that they take, -1 for none."""

    score: np.ndarray
    hit: np.ndarray
    ignored: np.ndarray
    vehicles: int
    detection: np.ndarray
    label: np.ndarray


def match_frame(
    box: np.ndarray,
    score: np.ndarray,
    ignorable: np.ndarray,
    true_box: np.ndarray,
    counted: np.ndarray,
    least_iou: float = 0.5,
) -> FrameMatches:
    """Matches detections `box` [n 4] with `score` [n] to labels `true_box` [m 4], each at most once, the surest first.

    A detection takes the label that it fits best, one that counts before any that does not. What finds a label that does not
    count (`counted` bool [m]), or finds none and is `ignorable` [n], is ignored.
    """
    order = np.argsort(-score, kind="stable")[:MOST_DETECTIONS]
    shares = pairwise_iou(box[order].astype(np.float64), true_box.astype(np.float64))
    free = np.ones(len(true_box), bool)
    hit, ignored = np.zeros(len(order), bool), ignorable[order].copy()
    label = np.full(len(order), -1, np.int64)
    for row, fits in enumerate(np.where(shares >= min(least_iou, 1 - 1e-10), shares, -1.0)):
        for kind in (counted, ~counted):
            allowed = np.flatnonzero(free & kind & (fits >= 0))
            if len(allowed):
                best = allowed[len(allowed) - 1 - np.argmax(fits[allowed][::-1])]
                free[best] = False
                hit[row], ignored[row], label[row] = counted[best], not counted[best], best
                break
    return FrameMatches(score[order], hit, ignored, int(counted.sum()), order, label)


def match_vehicles(box: np.ndarray, score: np.ndarray, truth: Boxes, least_iou: float = 0.5) -> FrameMatches:
    """Matches detections `box` [n 4] (fractions of the frame) to the vehicles of a frame; what is lower than those that count
    (Boxes.counted) is ignorable."""
    low = box[:, 3] - box[:, 1] < MIN_HEIGHT - 1e-6
    return match_frame(box, score, low, truth.box, truth.counted, least_iou)


def average_precision(matches: Sequence[FrameMatches]) -> float:
    """Mean precision at 101 recalls over all frames; NaN where no vehicle counts."""
    vehicles = sum(match.vehicles for match in matches)
    if not vehicles:
        return float("nan")
    score = np.concatenate([match.score for match in matches])
    order = np.argsort(-score, kind="stable")
    ignored = np.concatenate([match.ignored for match in matches])[order]
    hit = np.concatenate([match.hit for match in matches])[order][~ignored]
    hits = np.cumsum(hit)
    precision = hits / np.arange(1, len(hits) + 1)
    highest = np.maximum.accumulate(precision[::-1])[::-1]  # at this recall or a higher one
    index = np.searchsorted(hits / vehicles, _RECALLS, side="left")
    return float(np.where(index < len(hits), highest[np.minimum(index, len(hits) - 1)], 0.0).mean()) if len(hits) else 0.0
