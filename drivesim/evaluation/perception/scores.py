"""What a detector found and overlooked, frame by frame: a row for every label, and matches for average precision."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from drivesim.evaluation.perception.classes import FAMILIES
from drivesim.evaluation.perception.user_detector import UserDetections
from drivesim.labels.labelled_frame import LabelledFrame, cuboids
from drivesim.metrics.average_precision import IOU_THRESHOLDS, FrameMatches, match_frame
from drivesim.metrics.label_trust import Trust
from drivesim.scene.vehicles import KINDS

LEAST_IOU = 0.5
"""Intersection over union from which on a box is found."""

LABEL_ROW = np.dtype([
    ("future", "i4"), ("frame", "i8"), ("time", "f8"), ("track", "i8"), ("kind", "u1"), ("trust", "u1"), ("night", "?"),
    ("height", "f8"), ("middle", "f8"), ("distance", "f8"), ("visible", "f8"), ("cuboid", "f8", 7), ("found", "?"),
    ("class_right", "?"),
])  # fmt: skip
"""A label that counts: `future` of all that are looked at; `height` px of the film; `middle` of its box from left (0) to right
(1); `distance` m, and `cuboid` in the ego frame, NaN where it is not known; whether it was `found`, with a class that fits."""


@dataclass(frozen=True, eq=False)
class FrameOutcome:
    """Of one frame: `counted` and `found` bool [m] of its labels; `false_alarm` bool [n] of the detections."""

    counted: np.ndarray
    found: np.ndarray
    false_alarm: np.ndarray


@dataclass(eq=False)
class Scores:
    """Gathers what is found in frames, some hundred bytes for every label.

    Labels with less than the share `min_visible` in sight do not count, nor, with `trusted_only`, what the film is not known to
    show: finding them is neither right nor wrong. Detections count as found from `least_score` on; for average precision all count.
    """

    least_score: float
    min_visible: float
    trusted_only: bool
    frames: int = 0
    false_alarms: int = 0
    matches: dict[float, list[FrameMatches]] = field(default_factory=lambda: {iou: [] for iou in IOU_THRESHOLDS})
    family_matches: dict[str, list[FrameMatches]] = field(default_factory=lambda: {name: [] for name in FAMILIES})
    tells_kinds: bool = True
    _rows: list[np.ndarray] = field(default_factory=list)

    def add(self, future: int, night: bool, frame: LabelledFrame, seen: UserDetections) -> FrameOutcome:
        """Takes one frame of future number `future`, with all its labels."""
        rows, true = frame.boxes, frame.pixels
        counted = ~(rows["visible"] < self.min_visible) & ((rows["trust"] == Trust.SHOWN) | (not self.trusted_only))
        never = np.zeros(len(seen.score), bool)
        match = match_frame(seen.box, seen.score, never, true, counted, LEAST_IOU)
        for iou, matches in self.matches.items():
            matches.append(_compact(match_frame(seen.box, seen.score, never, true, counted, iou), match.score))
        self._add_families(rows, true, counted, seen)
        taken = (match.label >= 0) & (match.score >= self.least_score)
        label, detection = match.label[taken], match.detection[taken]
        found, right = np.zeros(len(rows), bool), np.zeros(len(rows), bool)
        found[label], right[label] = True, seen.kinds[detection, rows["kind"][label]]
        alarm = np.zeros(len(seen.score), bool)
        alarm[match.detection[(match.label < 0) & (match.score >= self.least_score)]] = True
        self.frames += 1
        self.false_alarms += int(alarm.sum())
        self._rows.append(_label_rows(future, night, frame, found, right)[counted])
        return FrameOutcome(counted, found, alarm)

    def _add_families(self, rows: np.ndarray, true: np.ndarray, counted: np.ndarray, seen: UserDetections) -> None:
        """Matches within each family; one that a box may belong to, but need not, is not told."""
        self.tells_kinds &= not (seen.kinds.sum(axis=1) == len(KINDS)).any()
        for name, kinds in FAMILIES.items():
            numbers = [KINDS.index(kind) for kind in kinds]
            here, said = np.isin(rows["kind"], numbers), seen.kinds[:, numbers].any(axis=1)
            never = np.zeros(int(said.sum()), bool)
            match = match_frame(seen.box[said], seen.score[said], never, true[here], counted[here], LEAST_IOU)
            self.family_matches[name].append(_compact(match, match.score))

    def labels(self) -> np.ndarray:
        """Rows of LABEL_ROW [n], future after future and frame after frame."""
        return np.concatenate(self._rows) if self._rows else np.zeros(0, LABEL_ROW)


def _compact(match: FrameMatches, score: np.ndarray) -> FrameMatches:
    """What average precision needs of it, with `score`, its scores, that others hold, too."""
    nothing = np.zeros(0, np.int64)
    return replace(match, score=score, detection=nothing, label=nothing)


def _label_rows(future: int, night: bool, frame: LabelledFrame, found: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Rows of LABEL_ROW of all labels of a frame [m]."""
    assert frame.picture is not None
    made = np.zeros(len(frame.boxes), LABEL_ROW)
    made["future"], made["frame"], made["time"], made["night"] = future, frame.number, frame.time, night
    for name in ("track", "kind", "trust", "visible"):
        made[name] = frame.boxes[name]
    x1, y1, x2, y2 = frame.pixels.T
    made["height"], made["middle"] = y2 - y1, (x1 + x2) / 2 / frame.picture.shape[1]
    made["cuboid"] = cuboids(frame.boxes)
    made["distance"] = np.hypot(made["cuboid"][:, 0], made["cuboid"][:, 1])
    made["found"], made["class_right"] = found, right
    return made
