"""Average precision against pycocotools on random frames, and on cases whose answer is known."""

from __future__ import annotations

import contextlib
import io

import numpy as np
import pytest

from drivesim.metrics.average_precision import IOU_THRESHOLDS, average_precision, match_frame

Frame = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]  # boxes, scores, true boxes, counted


def random_frames(seed: int, count: int = 12) -> list[Frame]:
    """True boxes, and detections near them, doubled, missing and made up, with equal scores among them."""
    rng = np.random.default_rng(seed)
    frames = []
    for _ in range(count):
        corners = rng.uniform(0, 200, (rng.integers(0, 9), 2))
        true = np.concatenate([corners, corners + rng.uniform(5, 60, corners.shape)], axis=1)
        near = true[rng.random(len(true)) < 0.8]
        near = np.concatenate([near + rng.normal(0, 4, near.shape), near + rng.normal(0, 8, near.shape)])
        wild = rng.uniform(0, 200, (rng.integers(0, 5), 2))
        box = np.concatenate([near, np.concatenate([wild, wild + 20], axis=1)])
        box[:, 2:] = np.maximum(box[:, 2:], box[:, :2] + 1)
        frames.append((box, rng.integers(1, 30, len(box)) / 30, true, rng.random(len(true)) < 0.7))
    return frames


def coco(frames: list[Frame], least_area: float) -> np.ndarray:
    """Average precision of pycocotools at each threshold; what does not count has no area."""
    COCO = pytest.importorskip("pycocotools.coco").COCO
    COCOeval = pytest.importorskip("pycocotools.cocoeval").COCOeval

    def xywh(box: np.ndarray) -> list[float]:
        return [*box[:2].tolist(), *(box[2:] - box[:2]).tolist()]

    truth, found = COCO(), []
    truth.dataset = {"images": [{"id": i} for i in range(len(frames))], "categories": [{"id": 1}], "annotations": []}
    for i, (box, score, true, counted) in enumerate(frames):
        for one, counts in zip(true, counted, strict=True):
            number = len(truth.dataset["annotations"]) + 1
            truth.dataset["annotations"].append(
                {"id": number, "image_id": i, "category_id": 1, "bbox": xywh(one), "area": 1e9 * counts, "iscrowd": 0}
            )
        found += [{"image_id": i, "category_id": 1, "bbox": xywh(b), "score": float(s)} for b, s in zip(box, score, strict=True)]
    with contextlib.redirect_stdout(io.StringIO()):
        truth.createIndex()
        evaluation = COCOeval(truth, truth.loadRes(found), "bbox")
        evaluation.params.areaRng, evaluation.params.areaRngLbl = [[least_area, 1e10]], ["all"]
        evaluation.evaluate()
        evaluation.accumulate()
    return np.array([float(np.mean(p)) for p in evaluation.eval["precision"][:, :, 0, 0, -1]])


@pytest.mark.parametrize("seed", range(6))
def test_as_pycocotools_has_it(seed: int) -> None:
    frames, least = random_frames(seed), 300.0
    own = []
    for threshold in IOU_THRESHOLDS:
        matches = []
        for box, score, true, counted in frames:
            small = np.prod(box[:, 2:] - box[:, :2], axis=1) < least
            matches.append(match_frame(box, score, small, true, counted, threshold))
        own.append(average_precision(matches))
    assert own[-1] < own[0] < 1
    np.testing.assert_allclose(own, coco(frames, least), atol=1e-9)


def test_known_cases() -> None:
    true = np.array([[0, 0, 10, 10], [20, 20, 40, 40.0]])
    both, nothing = np.ones(2, bool), np.zeros(2, bool)
    perfect = match_frame(true, np.array([0.5, 0.9]), nothing, true, both)
    assert average_precision([perfect]) == pytest.approx(1.0)
    assert average_precision([match_frame(true + 100, np.ones(2), nothing, true, both)]) == 0.0
    assert average_precision([match_frame(true[:0], np.ones(0), nothing[:0], true, both)]) == 0.0
    assert np.isnan(average_precision([match_frame(true, np.ones(2), nothing, true, nothing)]))
    ignored = match_frame(true + 100, np.ones(2), both, true, np.array([True, False]))
    assert ignored.ignored.all() and ignored.vehicles == 1
