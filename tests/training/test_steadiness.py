from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from drivesim.dataset.importers.unknown import unknown_labels
from drivesim.training.steadiness import flow_within, moved_flicker, unsteady_error
from drivesim.world.generator import generate_clip


def test_errors_that_move_with_what_they_are_on_are_steady() -> None:
    pattern = torch.rand(3, 16, 40, generator=torch.Generator().manual_seed(0))
    moving = torch.stack([pattern[:, :, 3 * k : 3 * k + 24] for k in range(3)])[None]  # 3 px to the left a frame
    flow = torch.zeros(1, 2, 2, 16, 24)
    flow[:, :, 0] = 3.0
    seen = torch.ones(1, 2, 1, 16, 24)
    seen[..., -3:] = 0
    assert unsteady_error(moving, flow, seen) == pytest.approx(0, abs=1e-5)
    assert unsteady_error(moving[:, :1].expand(-1, 3, -1, -1, -1), flow, seen) > 0.3
    assert unsteady_error(moving, flow, 0 * seen) == 0
    assert unsteady_error(moving[:, :1], flow[:, :0], seen[:, :0]) == 0


def test_the_flow_of_a_part_is_that_of_the_whole_and_leads_nowhere_else() -> None:
    labels = generate_clip(3, 3, 30.0, 64, 128).labels
    whole, seen = flow_within(labels, (8, 16), (0, 0), (8, 16))
    part, seen_part = flow_within(labels, (8, 16), (4, 5), (3, 6))
    rows, columns = slice(32, 56), slice(40, 88)
    assert whole.shape == (2, 2, 64, 128) and part.shape == (2, 2, 24, 48) and seen.mean() > 0.7
    shown = seen_part.expand_as(part) > 0
    assert torch.equal(part[shown], whole[:, :, rows, columns][shown]) and seen_part.any()
    assert (seen_part <= seen[:, :, rows, columns]).all()
    x = torch.arange(48) + part[:, 0]
    y = torch.arange(24)[:, None] + part[:, 1]
    assert ((x >= 0) & (x <= 47) & (y >= 0) & (y <= 23)).all()


def test_nothing_is_known_of_the_flow_of_own_footage() -> None:
    flow, seen = flow_within(unknown_labels(3, 30.0, "own", ""), (4, 8), (0, 0), (4, 8))
    assert flow.shape == (2, 2, 32, 64) and not flow.any() and not seen.any()
    assert np.isnan(moved_flicker(np.zeros((1, 3, 32, 64, 3), np.uint8), [unknown_labels(3, 30.0, "own", "")]))


def test_what_changes_beyond_what_moves_is_flicker() -> None:
    clips = (generate_clip(seed, 4, 30.0, 64, 128, noise=False) for seed in range(9))
    clip = next(clip for clip in clips if clip.labels.time_of_day == "day")
    spoiled = clip.frames.astype(np.int16) + np.random.default_rng(0).integers(-20, 21, clip.frames.shape)
    true, found = (moved_flicker(x[None].clip(0, 255).astype(np.uint8), [clip.labels]) for x in (clip.frames, spoiled))
    assert 0 < true < found
    unknown = replace(clip.labels, roadside=None)
    assert moved_flicker(np.stack([clip.frames] * 2), [clip.labels, unknown]) == pytest.approx(true)
