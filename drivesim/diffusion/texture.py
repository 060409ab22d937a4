"""A loss by which a network learns to sample texture in one step, without an adversary: two proper scores of two samples.

With X and X' sampled from other noise and y the truth, the energy score E|X - y| - E|X - X'| / 2 (Gneiting and Raftery 2007,
section 4.3) is least where X varies as y does; the error alone is least where all X are the median. It hardly tells the
directions and sizes of grain. The variogram score (Scheuerer and Hamill 2015) does: it asks how far neighbours differ.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

_SIZES = (1, 2, 4)  # px, over which brightness is averaged
_STEPS = (0, 1), (1, 0), (1, 1), (1, -1)  # down and right, from pixel to neighbour
_VARIOGRAM = 4.0  # weight beside the energy score
_SOFTENED, _ROUNDED = 1e-4, 1e-2  # added to squares, whose roots would be steep at 0


def texture_score(first: Tensor, second: Tensor, truth: Tensor, texture: Tensor) -> Tensor:
    """Score of two samples of pictures [n 3 h w] against the `truth`, in units of about its deviation: a scalar.

    Where `texture` [n 1 h w] is 1 samples shall vary as the truth does, in contrast and grain, but not in the same places. Where
    it is 0 samples shall not vary: it is the absolute error.
    """
    pictures = first.float(), second.float(), truth.float()
    return energy_score(*pictures, texture) + _VARIOGRAM * variogram_score(*pictures, texture)


def energy_score(first: Tensor, second: Tensor, truth: Tensor, texture: Tensor) -> Tensor:
    """Energy score of brightness and of its gradients, by norms over small neighbourhoods at three sizes, and the error of
    colours beside brightness, where `texture` is 1; the absolute error elsewhere."""
    of_first, of_second, between = first - truth, second - truth, first - second
    score = torch.zeros((), device=truth.device)
    for size in _SIZES:
        norms = [_norms(each.mean(dim=1, keepdim=True), size) for each in (of_first, of_second, between)]
        for one, other, apart in zip(*norms, strict=True):
            score = score + _mean((one + other - apart) / 2, texture) / (2 * len(_SIZES))
    for error in (of_first, of_second):
        colour = error - error.mean(dim=1, keepdim=True)
        score = score + _mean(colour.abs().mean(dim=1, keepdim=True), texture) / 2
        score = score + _mean(error.abs().mean(dim=1, keepdim=True), 1 - texture) / 2
    return score


def variogram_score(first: Tensor, second: Tensor, truth: Tensor, texture: Tensor) -> Tensor:
    """Variogram score where `texture` is 1: differences of neighbours in brightness, across, down and aslant, at three sizes, shall
    be as large as the truth's at every pixel, so that neither is a grid. Their roots are compared: few differences are large."""
    score = torch.zeros((), device=truth.device)
    for size in _SIZES:
        for one, other, true in zip(*(_differences(each, size) for each in (first, second, truth)), strict=True):
            score = score + _mean((true - one) * (true - other), texture) / (len(_SIZES) * len(_STEPS))
    return score


def _differences(pictures: Tensor, size: int) -> list[Tensor]:
    """Roots of how far neighbours differ in brightness, averaged over `size` px: [n 1 h' w'] for each of _STEPS."""
    mean = F.avg_pool2d(pictures.mean(dim=1, keepdim=True), size) * size**0.5
    rows, columns = mean.shape[2] - 1, mean.shape[3] - 2
    middle = mean[..., :rows, 1 : columns + 1]
    moved = (mean[..., down : rows + down, 1 + right : columns + 1 + right] for down, right in _STEPS)
    return [((other - middle).square() + _ROUNDED).pow(0.25) for other in moved]


def _norms(brightness: Tensor, size: int) -> tuple[Tensor, Tensor]:
    """Norms [n 1 h' w'] of brightness, averaged over `size` px, in windows of 3, and of its gradients in windows of 2."""
    mean = F.avg_pool2d(brightness, size) * size**0.5
    down, right = mean[..., 1:, :-1] - mean[..., :-1, :-1], mean[..., :-1, 1:] - mean[..., :-1, :-1]
    value, gradient = F.avg_pool2d(mean.square(), 3, 1), F.avg_pool2d(down.square() + right.square(), 2, 1)
    return (value + _SOFTENED).sqrt(), (gradient + _SOFTENED).sqrt()


def _mean(values: Tensor, weight: Tensor) -> Tensor:
    """Mean of [n 1 h' w'], weighed by what `weight` [n 1 h w] has there; 0 where that is nothing."""
    here = F.adaptive_avg_pool2d(weight, (values.shape[2], values.shape[3]))
    return (values * here).sum() / here.sum().clamp(min=1e-6)
