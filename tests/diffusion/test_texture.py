"""Both scores are least for samples that vary as the truth does, where the error is least for none that vary."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d, interpolate

from drivesim.diffusion.texture import energy_score, texture_score, variogram_score

SHAPE = (64, 1, 32, 32)


def grain(seed: int, contrast: float, size: int = 1) -> Tensor:
    """Grey noise [n 3 h w] of a deviation, with grains of `size` pixels."""
    drawn = torch.randn(SHAPE, generator=torch.Generator().manual_seed(seed))
    coarse = interpolate(avg_pool2d(drawn, size) * size, SHAPE[2:], mode="nearest")
    return (contrast * coarse).expand(-1, 3, -1, -1)


def score(contrast: float, size: int = 1) -> float:
    return float(texture_score(grain(0, contrast, size), grain(1, contrast, size), grain(2, 1.0), torch.ones(SHAPE)))


def test_contrast_and_grain_of_the_truth_are_best() -> None:
    best = score(1.0)
    assert best < min(score(0.0), score(0.6), score(1.5), score(1.0, 2)) - 0.005


def test_the_variogram_tells_streaks_from_grain() -> None:
    """As loud in every pixel and as grain in every row, but with rows alike in pairs: by the other score a little worse."""
    weight, truth, grains = torch.ones(SHAPE), grain(2, 1.0), (grain(0, 1.0), grain(1, 1.0))
    streaks = [one[:, :, ::2].repeat_interleave(2, dim=2) for one in grains]
    worse = [
        (float(rule(*streaks, truth, weight)) - float(rule(*grains, truth, weight)))
        / (float(rule(0 * truth, 0 * truth, truth, weight)) - float(rule(*grains, truth, weight)))
        for rule in (energy_score, variogram_score)
    ]
    assert worse[0] < 0.1 < worse[1]


def test_a_wrong_mean_and_a_wrong_colour_cost() -> None:
    truth, weight = grain(2, 1.0), torch.ones(SHAPE)
    first, second = grain(0, 1.0), grain(1, 1.0)
    red = torch.tensor([0.5, -0.25, -0.25]).view(3, 1, 1)
    right = float(texture_score(first, second, truth, weight))
    assert texture_score(first + 1, second + 1, truth, weight) > right + 0.05
    assert float(texture_score(first + red, second + red, truth, weight)) == pytest.approx(right + 1 / 3, abs=1e-4)


def test_where_there_is_no_texture_the_error_counts_alone() -> None:
    texture = torch.ones(SHAPE)
    texture[..., :16] = 0
    first, second, truth = grain(0, 1.0), grain(1, 1.0), grain(2, 1.0)
    error = ((first - truth).abs().mean() + (second - truth).abs().mean()) / 2
    torch.testing.assert_close(texture_score(first, second, truth, torch.zeros(SHAPE)), error)
    first.requires_grad_()
    (gradient,) = torch.autograd.grad(texture_score(first, second, truth, texture), first)
    signs = torch.sign(first.detach() - truth)[..., :12]
    torch.testing.assert_close(gradient[..., :12], signs * gradient[0, 0, 0, 0].abs())
    assert not torch.equal(torch.sign(gradient[..., 20:]), torch.sign(first.detach() - truth)[..., 20:])
