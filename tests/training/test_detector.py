"""Frames and boxes that the detector learns from stay together, however they are changed."""

from __future__ import annotations

import numpy as np

from drivesim.tensors import numpy_stream
from drivesim.training.stages.detector import DetectorRecipe, framed, spoiled

RECIPE = DetectorRecipe()


def test_a_box_goes_with_its_picture() -> None:
    picture = np.zeros((64, 128, 3), np.uint8)
    picture[20:40, 30:70] = 255
    box = np.array([[30 / 128, 20 / 64, 70 / 128, 40 / 64]])
    mirrored = 0
    for seed in range(20):
        made, (found,) = framed(picture, box, numpy_stream(seed), RECIPE.model_copy(update={"zoom": 1.2}))
        x1, y1, x2, y2 = np.round(found).astype(int)
        assert made[y1 + 2 : y2 - 2, x1 + 2 : x2 - 2].min() > 240
        around = np.array([made[y1 - 3, (x1 + x2) // 2], made[(y1 + y2) // 2, x1 - 3]])
        assert around.max() < 240
        mirrored += (x1 + x2) / 2 > 64
    assert 3 < mirrored < 17
    still, same = framed(picture, box, numpy_stream(0), DetectorRecipe(zoom=1.0, mirror=0.0))
    assert (still == picture).all() and np.allclose(same, [[30, 20, 70, 40]])


def test_colours_noise_and_blur_stay_slight() -> None:
    picture = np.random.default_rng(0).integers(60, 200, (32, 64, 3), dtype=np.uint8)
    none = DetectorRecipe(colour=0.0, blur=0.0, noise=0.0)
    assert (spoiled(picture, numpy_stream(1), none) == picture).all()
    errors = [np.abs(spoiled(picture, numpy_stream(k), RECIPE).astype(int) - picture).mean() for k in range(20)]
    assert 1 < np.mean(errors) < 40
