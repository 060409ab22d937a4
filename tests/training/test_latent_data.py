"""Samples as tensors: flow within crops."""

from __future__ import annotations

import torch

from drivesim.dataset.importers.unknown import unknown_labels
from drivesim.training.latent_data import flow_within
from drivesim.world.generator import generate_clip


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
