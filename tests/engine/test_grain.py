"""Noise of upsampling and interpolation: white in every frame, and where it was before on every surface."""

from __future__ import annotations

from functools import lru_cache

import pytest
import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d

from drivesim.config import shipped
from drivesim.engine.future import FutureSpec, Prompt
from drivesim.engine.grain import grain, surface_noise
from drivesim.engine.layouts import FrameLayouts
from drivesim.engine.random_streams import unit_noise
from drivesim.engine.timeline import Timeline
from drivesim.scenario.file import load_scenario

SIZE, SCALE = (128, 256), 4


@pytest.fixture(scope="module")
def layouts() -> FrameLayouts:
    scenario = load_scenario(shipped("scenarios") / "cut_in.yaml")
    return FutureSpec(Prompt.of(scenario), Timeline(5, 2), 0, 0).layouts(SIZE)


@lru_cache
def anchor_noise(spacing: int, tick: int) -> Tensor:
    return unit_noise((3, SCALE * SIZE[0], SCALE * SIZE[1]), 0, "test", spacing, tick)


def noise_of(layouts: FrameLayouts, tick: int) -> Tensor:
    return surface_noise(grain(layouts, tick), SCALE, anchor_noise)


@pytest.mark.parametrize("tick", [16, 17, 21, 24, 31])
def test_noise_is_white(layouts: FrameLayouts, tick: int) -> None:
    noise = noise_of(layouts, tick)
    assert abs(float(noise.mean())) < 0.01 and abs(float(noise.var()) - 1) < 0.02
    for one, other in ((noise[:, 1:], noise[:, :-1]), (noise[..., 1:], noise[..., :-1]), (noise[1:], noise[:-1])):
        assert abs(float((one * other).mean())) < 0.08
    ground = noise[:, -64:]  # where it would be stretched most
    assert abs(float((ground[:, 4:] * ground[:, :-4]).mean())) < 0.08


def test_noise_moves_with_surfaces(layouts: FrameLayouts) -> None:
    for tick in (18, 23, 28):
        # whole pixels may be one off: seen through a blur they are the same
        before, after = (5 * avg_pool2d(noise_of(layouts, t), 5, stride=1, padding=2) for t in (tick, tick + 1))
        flow = layouts.flow(tick + 1, tick)
        right, down, seen = (torch.from_numpy(part).repeat_interleave(SCALE, 0).repeat_interleave(SCALE, 1)
                             for part in (flow.right, flow.down, flow.seen))  # fmt: skip
        height, width = right.shape
        rows = (torch.arange(height)[:, None] + (SCALE * down).round().long()).clamp(0, height - 1)
        columns = (torch.arange(width) + (SCALE * right).round().long()).clamp(0, width - 1)
        moving = seen & (SCALE * torch.hypot(right, down) > 6)
        assert moving.float().mean() > 0.05
        carried, screen = (float((after * old)[:, moving].mean()) for old in (before[:, rows, columns], before))
        assert carried > 0.4 and carried > 2 * abs(screen)


def test_a_frame_has_the_same_noise_whatever_is_asked_before(layouts: FrameLayouts) -> None:
    first = noise_of(layouts, 20)
    noise_of(layouts, 45)
    assert torch.equal(noise_of(layouts, 20), first)
