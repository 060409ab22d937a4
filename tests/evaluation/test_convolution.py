"""Sampling convolutionally in time and space: wide frames show the same in their middle, and every way is measured."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from tiny_cascade import SETTINGS

from drivesim.config import Say
from drivesim.evaluation import convolution
from drivesim.evaluation.convolution import BESIDE, KINDS, WAYS, WideFuture, measure_convolution
from drivesim.evaluation.fidelity.labelled_future import LabelledFuture
from drivesim.world.generator import render_clip, sample_world


def test_the_middle_of_a_wide_future_is_the_ordinary_one() -> None:
    world = sample_world(4, "day")
    wide_world = convolution._wide(world)
    clip, wide = (render_clip(one, 2, 1.875, size, 2 * size, noise=False) for one, size in ((world, 32), (wide_world, 64)))
    near, broad = LabelledFuture.of(clip.labels, 1), WideFuture.of(wide.labels, 1)
    shown, broad_shown = (future.conditions([0, 16], 32) for future in (near, broad))
    for group in ("ground_map", "vehicles"):
        planes, broad_planes = shown[group]["planes"], broad_shown[group]["planes"]
        assert broad_planes.shape == (*planes.shape[:3], 2 * planes.shape[3])
        same = (planes == broad_planes[..., 32:96]).float().mean()
        assert same > 0.99, group
    assert not broad_shown["camera"].given.any() and not broad_shown["place"].given.any() and broad_shown["boxes"].given.all()
    box = broad.labels.boxes[0]
    assert box is not None and (box.box >= 0).all() and (box.box <= 1).all()
    middle = wide.frames[:, 16:48, 32:96]
    assert np.corrcoef(clip.frames.flatten(), middle.flatten())[0, 1] > 0.98  # exposed each by what it shows
    for flow, broad_flow in zip(convolution._flows(near, (32, 64)), convolution._flows(broad, (64, 128)), strict=True):
        both = flow.seen & broad_flow.seen[:, 32:96]
        assert both.mean() > 0.1
        np.testing.assert_allclose(broad_flow.right[:, 32:96][both], flow.right[both], atol=1.0)


def test_every_way_is_measured_and_shown(checkpoints: Path) -> None:
    told: list[str] = []
    say: Say = told.append
    measured = measure_convolution(checkpoints, SETTINGS, torch.device("cpu"), clips=1, seed=3, say=say, frames=11)
    names = {f"{kind}_{way}" for kind in KINDS for way in WAYS} | {f"{kind}_{way}_difference" for kind in KINDS for way in BESIDE}
    assert measured.figures.keys() == names and told
    assert measured.figures["sharpness_masked"].value > 0
    height = SETTINGS.height
    assert measured.sheet.shape == (6 * height, 6 * 2 * height, 3)
