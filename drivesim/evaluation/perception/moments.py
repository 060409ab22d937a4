"""The worst moments: frames in which a detector overlooks what is large and plain to see, or is sure of what is not there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import cv2
import numpy as np

from drivesim.evaluation.perception.scores import FrameOutcome
from drivesim.evaluation.perception.user_detector import UserDetections
from drivesim.labels.labelled_frame import LabelledFrame
from drivesim.labels.pictures import encoded
from drivesim.scene.vehicles import KINDS

MOST = 12
"""Moments that are kept, one of each vehicle."""
_OVERLOOKED, _FOUND, _NOT_COUNTED, _ALARM = (255, 60, 60), (70, 220, 90), (150, 150, 150), (255, 190, 40)  # RGB
_SUBJECT, _APART = (255, 255, 255), 5  # and px round it
_Key = tuple[int, str, int]


@dataclass(frozen=True, eq=False)
class WorstMoment:
    """A frame of future number `future`, with its picture as JPEG; `badness` is the share of the frame's height of what is
    overlooked, as far as it is in sight, or of what is not there, as far as the detector is sure of it."""

    future: int
    frame: int
    time: float
    words: str
    badness: float
    jpeg: bytes


@dataclass(eq=False)
class WorstMoments:
    """Keeps the worst moments of all frames that it is offered: MOST pictures, however long the films."""

    _held: dict[_Key, WorstMoment] = field(default_factory=dict)

    def offer(self, future: int, frame: LabelledFrame, seen: UserDetections, outcome: FrameOutcome) -> None:
        """Looks at one frame; false alarms are one vehicle for a second."""
        assert frame.picture is not None
        height = frame.picture.shape[0]
        shares = (frame.pixels[:, 3] - frame.pixels[:, 1]) / height
        for k in np.flatnonzero(outcome.counted & ~outcome.found).tolist():
            row = frame.boxes[k]
            distance = float(np.hypot(row["x"], row["y"]))
            away = "" if np.isnan(distance) else f", {distance:.0f} m away"
            sight = 1.0 if np.isnan(row["visible"]) else float(row["visible"])
            words = f"overlooks {KINDS[row['kind']]} {row['track']}, {shares[k] * height:.0f} px high{away}, {sight:.0%} in sight"
            key, badness = (future, "vehicle", int(row["track"])), float(shares[k]) * sight
            self._keep(key, badness, words, frame, frame.pixels[k], seen, outcome)
        for k in np.flatnonzero(outcome.false_alarm).tolist():
            share = float(seen.box[k, 3] - seen.box[k, 1]) / height
            words = f"finds what is not labelled, {share * height:.0f} px high, score {seen.score[k]:.2f}"
            self._keep((future, "alarm", int(frame.time)), share * float(seen.score[k]), words, frame, seen.box[k], seen, outcome)

    def _keep(
        self, key: _Key, badness: float, words: str, frame: LabelledFrame, subject: np.ndarray, seen: UserDetections,
        outcome: FrameOutcome,
    ) -> None:  # fmt: skip
        least = self._held[key].badness if key in self._held else self._least()
        if badness > least:
            jpeg = encoded(drawn(frame, seen, outcome, subject), ".jpg", 85)
            self._held[key] = WorstMoment(key[0], frame.number, frame.time, words, badness, jpeg)
            if len(self._held) > MOST:
                del self._held[min(self._held, key=lambda other: self._held[other].badness)]

    def _least(self) -> float:
        return min(held.badness for held in self._held.values()) if len(self._held) == MOST else -1.0

    def ordered(self) -> list[WorstMoment]:
        """The worst first."""
        return sorted(self._held.values(), key=lambda held: -held.badness)


def drawn(frame: LabelledFrame, seen: UserDetections, outcome: FrameOutcome, subject: np.ndarray) -> np.ndarray:
    """The picture with labels: found green, overlooked red, not counted grey; and false alarms yellow, with their scores; round the
    box that it is about, `subject` [4], a white one."""
    assert frame.picture is not None
    picture = np.array(frame.picture, order="C")
    colours = np.where(outcome.found[:, None], _FOUND, np.where(outcome.counted[:, None], _OVERLOOKED, _NOT_COUNTED))
    rank: Callable[[int], int] = lambda k: int(outcome.counted[k]) + int(outcome.counted[k] & ~outcome.found[k])  # noqa: E731
    for k in sorted(range(len(frame.pixels)), key=rank):  # the overlooked on top
        text = f"{frame.boxes['track'][k]} {KINDS[frame.boxes['kind'][k]]}" if outcome.counted[k] else ""
        _box(picture, frame.pixels[k], tuple(colours[k].tolist()), text)
    for k in np.flatnonzero(outcome.false_alarm).tolist():
        _box(picture, seen.box[k], _ALARM, f"{seen.score[k]:.2f}")
    _box(picture, subject + np.array([-1, -1, 1, 1]) * _APART, _SUBJECT, "")
    return picture


def _box(picture: np.ndarray, box: np.ndarray, colour: tuple[int, ...], text: str) -> None:
    x1, y1, x2, y2 = np.round(box - 0.5).astype(int).tolist()
    cv2.rectangle(picture, (x1, y1), (x2, y2), colour, 1 if y2 - y1 < 40 else 2)
    cv2.putText(picture, text, (x1, max(10, y1 - 4)), cv2.FONT_HERSHEY_SIMPLEX, 0.38, colour, 1, cv2.LINE_AA)
