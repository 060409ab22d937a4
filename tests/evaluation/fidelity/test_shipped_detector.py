"""The shipped detector on rendered frames: it is good enough to judge others, and notices what is spoiled."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from spoiled import SPOILED

from drivesim.config import shipped
from drivesim.dataset.synthesis import fresh_clips
from drivesim.evaluation.held_out import HELD_OUT_SEED
from drivesim.metrics.average_precision import average_precision, match_vehicles
from drivesim.metrics.distances import clip_features
from drivesim.metrics.label_trust import Trust, agreement, crowdedness
from drivesim.models.detector.detector import Detections, Detector
from drivesim.scene.boxes import Boxes
from drivesim.scene.clip import Clip
from drivesim.world.generator import generate_clip

COUNT = 16


@pytest.fixture(scope="module")
def detector() -> Detector:
    return Detector.load(shipped("checkpoints") / "detector")


@pytest.fixture(scope="module")
def clips() -> list[Clip]:
    """Frames of worlds that it was not trained on."""
    worlds = fresh_clips(HELD_OUT_SEED + 5, 1, (30.0,), 128, 256, workers=0, noise=False)
    found = [next(worlds) for _ in range(COUNT)]
    worlds.close()
    return found


@pytest.fixture(scope="module")
def seen(detector: Detector, clips: list[Clip]) -> list[tuple[np.ndarray, Boxes, Detections]]:
    frames = np.stack([clip.frames[0] for clip in clips])
    tables = [clip.labels.boxes[0] or Boxes.none() for clip in clips]
    return list(zip(frames, tables, detector.detect(frames), strict=True))


def test_it_finds_the_vehicles_of_rendered_frames(seen: list[tuple[np.ndarray, Boxes, Detections]]) -> None:
    assert average_precision([match_vehicles(found.box, found.score, boxes) for _, boxes, found in seen]) > 0.75
    counted = [crowdedness(found.box, found.score) for _, _, found in seen]
    assert np.corrcoef(counted, [boxes.crowdedness for _, boxes, _ in seen])[0, 1] > 0.7


def test_it_knows_days_from_nights(detector: Detector, clips: list[Clip]) -> None:
    features = detector.features(np.stack([clip.frames[0] for clip in clips]))
    night = np.array([clip.labels.time_of_day == "night" for clip in clips])
    assert (detector.looks.is_night(features) == night).all()
    assert (detector.looks.strangeness(features) < 1.2).all()
    upside_down = detector.features(np.stack([clip.frames[0, ::-1] for clip in clips]))
    assert (detector.looks.strangeness(upside_down) > 1).mean() > 0.7


def test_a_vehicle_that_is_taken_out_of_the_picture_is_missed(
    detector: Detector, seen: list[tuple[np.ndarray, Boxes, Detections]]
) -> None:
    before, after = [], []
    for frame, boxes, found in seen:
        trust = agreement(found.box, found.score, boxes).trust
        near = np.flatnonzero((trust == Trust.SHOWN) & (boxes.visible > 0.9) & (boxes.box[:, 3] - boxes.box[:, 1] < 0.4))
        if not len(near):
            continue
        row = near[np.argmax(boxes.box[near, 3] - boxes.box[near, 1])]
        x1, y1, x2, y2 = (boxes.box[row] * [256, 128, 256, 128]).astype(int)
        hidden = np.zeros(frame.shape[:2], np.uint8)
        hidden[y1 : y2 + 2, x1 : x2 + 1] = 255
        without = detector.detect(cv2.inpaint(frame, hidden, 3, cv2.INPAINT_TELEA)[None])[0]
        before.append(trust[row])
        after.append(agreement(without.box, without.score, boxes).trust[row])
    assert len(after) > 5 and np.mean(np.array(after) == Trust.SHOWN) < 0.2


def test_a_vehicle_that_nobody_labelled_is_told(seen: list[tuple[np.ndarray, Boxes, Detections]]) -> None:
    told, kept = [], []
    for _, boxes, found in seen:
        large = boxes.visible.astype(float) * (boxes.box[:, 3] - boxes.box[:, 1])
        if len(boxes) and large.max() > 0.12:
            rest = boxes.take(np.arange(len(boxes)) != np.argmax(large))
            kept.append(len(agreement(found.box, found.score, boxes).unlabelled))
            told.append(len(agreement(found.box, found.score, rest).unlabelled))
    assert np.mean(kept) < 0.15 and np.mean(told) > np.mean(kept) + 0.3


@pytest.fixture(scope="module")
def films() -> list[np.ndarray]:
    return [generate_clip(seed, 6, 30.0, time_of_day="day", noise=False).frames for seed in (900_001, 900_002)]


@pytest.mark.parametrize("name", ["frozen", "shuffled", "flickering"])
def test_features_of_clips_tell_spoiled_ones(detector: Detector, films: list[np.ndarray], name: str) -> None:
    def change(frames: np.ndarray) -> float:
        features = clip_features(detector.feature_maps(frames))
        return float(features[len(features) // 2 :].mean())

    whole, spoiled = (np.array([change(film) for film in made]) for made in (films, map(SPOILED[name], films)))
    assert (spoiled < 1e-6).all() if name == "frozen" else (spoiled > 1.1 * whole).all()
