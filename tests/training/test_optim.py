"""Learning-rate schedule and averaged weights."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from drivesim.training.optim import Ema, learning_rate
from drivesim.training.stage import Recipe

RECIPE = Recipe(batch=10, samples=1000, learning_rate=1.0, warmup=100, cooldown=0.5)


def test_rate_warms_up_holds_and_falls_to_zero() -> None:
    assert learning_rate(RECIPE, 0) == pytest.approx(0.1)
    assert learning_rate(RECIPE, 300) == 1.0
    assert learning_rate(RECIPE, 750) == pytest.approx(0.5)
    assert learning_rate(RECIPE, 1000) == pytest.approx(0.0)


def test_average_of_constant_weights_is_constant_and_of_changed_ones_halfway_after_a_half_life() -> None:
    module = nn.Linear(2, 2)
    ema = Ema(module, half_life=100)
    with torch.no_grad():
        before = module.weight.clone()
        module.weight += 1.0
    ema.update(module, batch=100, samples=10_000)
    torch.testing.assert_close(ema.tensors["weight"], before + 0.5)


def test_applied_swaps_and_restores() -> None:
    module = nn.Linear(2, 2)
    ema = Ema(module, half_life=100)
    with torch.no_grad():
        module.weight += 1.0
    current = module.weight.clone()
    with ema.applied(module):
        torch.testing.assert_close(module.weight, current - 1.0)
    assert torch.equal(module.weight, current)


def test_frozen_parameters_are_left_alone() -> None:
    module = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2))
    module[0].requires_grad_(False)
    assert set(Ema(module, 10).tensors) == {"1.weight", "1.bias"}
