"""A detector that learns two frames finds their vehicles, and says how it is used."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from drivesim.checkpoint import FORMAT, Checkpoint, write_checkpoint
from drivesim.models.detector.detector import Detector
from drivesim.models.detector.network import DetectorConfig
from drivesim.models.detector.targets import detection_losses, owners
from drivesim.scene.boxes import pairwise_iou
from drivesim.tensors import to_network

CONFIG = DetectorConfig(widths=(16, 16, 16), blocks=(1, 1, 1), head_width=16)
BOXES = np.array([[8.0, 20.0, 24.0, 32.0], [36.0, 12.0, 60.0, 30.0]])


@pytest.fixture(scope="module")
def learned() -> tuple[Detector, np.ndarray]:
    """A detector that was shown one picture of a red and a blue box for a few seconds."""
    torch.manual_seed(0)
    picture = np.random.default_rng(0).integers(90, 130, (48, 64, 3), dtype=np.uint8)
    for (x1, y1, x2, y2), colour in zip(BOXES.astype(int), ((220, 30, 30), (30, 30, 220)), strict=True):
        picture[y1:y2, x1:x2] = colour
    detector, frames = Detector(CONFIG), to_network(picture[None])
    owner = torch.from_numpy(owners(BOXES, np.ones(2, bool), np.array([1.0, 0.0]), 48, 64))[None]
    box, kind = torch.from_numpy(BOXES).float()[None], torch.tensor([[0, 4]])
    paint = torch.tensor([[[0.86, 0.1, 0.1], [0.1, 0.1, 0.86]]])
    optimizer = torch.optim.Adam(detector.parameters(), 1e-2)
    for _ in range(80):
        optimizer.zero_grad()
        losses = detection_losses(detector(frames), owner, box, kind, paint)
        torch.stack(list(losses.values())).sum().backward()
        optimizer.step()
    return detector.eval(), picture


def test_boxes_kinds_and_paint_are_found_once_each(learned: tuple[Detector, np.ndarray]) -> None:
    detector, picture = learned
    found = detector.detect(np.stack([picture] * 17))
    assert len(found) == 17
    sure = found[0].take(found[0].score > 0.4)
    assert len(sure) == 2
    fits = pairwise_iou(BOXES / [64, 48, 64, 48], sure.box)
    assert (fits.max(axis=1) > 0.7).all()
    rows = fits.argmax(axis=1)
    assert sure.kind[rows].tolist() == [0, 4]
    assert sure.paint[rows[0]].argmax() == 0 and sure.paint[rows[1]].argmax() == 2
    boxes = found[0].boxes(0.4)
    assert len(boxes) == 2 and np.isnan(boxes.cuboid).all() and boxes.track.tolist() == [0, 1]


def test_features_tell_pictures_apart(learned: tuple[Detector, np.ndarray]) -> None:
    detector, picture = learned
    maps = detector.feature_maps(np.stack([picture, picture[:, ::-1], picture]))
    assert maps.shape == (3, 3, 4, 32)
    assert np.allclose(maps[0], maps[2], atol=1e-5) and not np.allclose(maps[0], maps[1], atol=1e-2)


def test_seeing_is_detecting_and_features_at_once(learned: tuple[Detector, np.ndarray]) -> None:
    detector, picture = learned
    found, features = detector.see(picture[None])
    assert np.array_equal(found[0].box, detector.detect(picture[None])[0].box)
    assert np.array_equal(features, detector.features(picture[None]))


def test_a_checkpoint_finds_the_same(learned: tuple[Detector, np.ndarray], tmp_path: Path) -> None:
    detector, picture = learned
    checkpoint = Checkpoint(format=FORMAT, kind="detector", model=CONFIG.model_dump(mode="json"), training={})
    write_checkpoint(tmp_path, checkpoint, detector.state_dict(), {})
    again = Detector.load(tmp_path)
    a, b = (one.detect(picture[None])[0] for one in (detector, again))
    assert np.allclose(a.box[:2], b.box[:2], atol=0.01)


def test_sizes_that_do_not_fit_are_refused(learned: tuple[Detector, np.ndarray]) -> None:
    with pytest.raises(ValueError, match="multiples of 16"):
        learned[0].detect(np.zeros((1, 40, 64, 3), np.uint8))
