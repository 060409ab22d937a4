"""The energy score (Gneiting and Raftery 2007, section 4.3): a loss by which a network learns to sample in one step.

With X and X' sampled from other noise and y the truth, E|X - y| - E|X - X'| / 2 is least where X varies as y does; the error
alone is least where all X are the median. It needs no adversary.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

_SIZES = (1, 2, 4)  # px, over which brightness is averaged
_SOFTENED = 1e-4  # squared norms by this much, whose roots would be steep at 0


def texture_score(first: Tensor, second: Tensor, truth: Tensor, texture: Tensor) -> Tensor:
    """Score of two samples of pictures [n 3 h w] against the `truth`: a scalar.

    Where `texture` [n 1 h w] is 1 samples shall vary as the truth does: it is the energy score of brightness and of its gradients,
    by norms over small neighbourhoods at three sizes, and the error of colours beside brightness. Contrast and grain shall be the
    truth's, but not in the same places. Where texture is 0 samples shall not vary: it is the absolute error.
    """
    of_first, of_second, between = ((a - b).float() for a, b in ((first, truth), (second, truth), (first, second)))
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
