"""Trust and figures of films whose frames show what they should, or do not."""

from __future__ import annotations

import numpy as np
import pytest

from drivesim.metrics.label_trust import Trust
from drivesim.models.detector.detector import Detections
from drivesim.rollout.judgement.verdict import Verdict, summary
from drivesim.rollout.judgement.watch import Watched, step_of
from drivesim.rollout.labels.rows import FrameLabels
from drivesim.scene.boxes import Boxes
from drivesim.scene.camera import Camera
from drivesim.scene.geometry import Pose

BOX = np.array([[0.1, 0.4, 0.3, 0.6], [0.5, 0.45, 0.6, 0.55]], np.float32)
FRAMES, STEP = 61, 4


def labels() -> list[FrameLabels]:
    """A car and one of track 7 that leaves after frame 30."""

    def frame(number: int) -> FrameLabels:
        n = 2 if number <= 30 else 1
        boxes = Boxes(np.array([3, 7])[:n], np.zeros(n, np.int64), BOX[:n], np.zeros(n, np.float32), np.ones(n, np.float32),
                      np.full((n, 7), np.nan, np.float32))  # fmt: skip
        zero = np.asarray(0.0)
        return FrameLabels(number / 30, boxes, "traffic", 1.0, Pose(zero, zero, zero), 1.0, 0.0, 0.0, Camera(1.4, 0.0, 60.0))

    return [frame(number) for number in range(FRAMES)]


def found(*rows: int) -> Detections:
    return detections(BOX[np.array(rows, np.int64)])


def detections(box: np.ndarray, kind: int = 0) -> Detections:
    count = len(box)
    return Detections(box, np.full(count, 0.9, np.float32), np.full(count, kind), np.zeros((count, 3), np.float32))


def watched(shown: list[Detections], strangeness: np.ndarray | None = None) -> Watched:
    numbers = np.arange(0, FRAMES, STEP)
    strange = np.full(len(numbers), 0.5) if strangeness is None else strangeness
    return Watched(numbers, shown, strange, np.full(len(numbers), 30.0), float("nan"))


def test_trust_reaches_from_the_frames_that_were_looked_at_to_those_between() -> None:
    shown = [found(0, 1) if number < 20 else found(0) for number in range(0, FRAMES, STEP)]
    verdict = Verdict(watched(shown), 30.0, 60.0)
    trusted = list(verdict.trusted(iter(labels())))
    assert [frame.time for frame in trusted] == [frame.time for frame in labels()]
    assert all(frame.trust[0] == Trust.SHOWN for frame in trusted)
    second = [int(frame.trust[1]) for frame in trusted[:31]]
    assert second == [Trust.SHOWN] * 18 + [Trust.NOT_SHOWN] * 13
    rows = verdict.found_rows()
    assert rows["frame"].tolist() == sorted(rows["frame"].tolist()) and set(rows["track"]) == {3, 7}
    figures = verdict.figures()
    assert figures["vehicles_shown"] == pytest.approx((16 + 5) / 24, abs=1e-3)
    assert figures["vehicles_not_shown"] == pytest.approx(3 / 24) and figures["vehicles_doubtful"] == 0
    assert figures["sharpness"] == 0.5 and figures["flicker"] is None and figures["left_range_s"] is None


def test_vehicles_that_nobody_labelled_are_told_and_belong_to_no_track() -> None:
    stranger = detections(np.array([[0.7, 0.7, 0.8, 0.9]], np.float32), kind=2)
    verdict = Verdict(watched([stranger] * 16), 30.0, 0.0)
    assert all((frame.trust == Trust.NOT_SHOWN).all() for frame in verdict.trusted(iter(labels())))
    assert verdict.figures()["frames_with_unlabelled"] == 1 and verdict.figures()["sharpness"] is None
    assert set(verdict.found_rows()["track"]) == {-1} and set(verdict.found_rows()["kind"]) == {2}


def test_the_second_at_which_a_film_leaves_what_renders_look_like() -> None:
    strange = np.where(np.arange(16) < 9, 0.5, 1.5)
    verdict = Verdict(watched([found(0)] * 16, strange), 30.0, 60.0)
    list(verdict.trusted(iter(labels())))
    assert verdict.figures()["left_range_s"] == pytest.approx(36 / 30)
    assert summary(verdict.figures()).endswith("UNLIKE RENDERS FROM 1.2 s") and summary({}) == ""


def test_how_often_is_looked() -> None:
    assert [step_of(fps) for fps in (1.875, 7.5, 30.0)] == [1, 1, 4]
