"""Numbers as features: what the networks are told instead of a bare number."""

from __future__ import annotations

import math
from typing import Literal

import torch
from einops import rearrange
from torch import Tensor, nn

from drivesim.models.layers.embeddings import fourier_features

NumberCode = Literal["periodic", "monotone"]
_PERIODIC_OCTAVES, _MONOTONE_OCTAVES = 6, 7


def number_features(x: Tensor, code: NumberCode) -> Tensor:
    """Features of each number of `x` [... d], about -1 to 1: [... feature_count(d)].

    "periodic" is plain Fourier features: x, and sines and cosines of pi 2^k x, k = 0 to 5, all of amplitude 1. The ends of a
    range agree in all features but two or three: a network that has seldom seen a full road takes it for an empty one. The
    first weights learned with it.

    "monotone" begins an octave lower, with half a period over -1 to 1, and has amplitudes that fall as frequency^(-3/4):
    the features of a and b are the farther apart, the farther apart a and b are. With d = |a - b|, w_k = pi/2 2^k, A_k = 2^(-3k/4),
    k = 0 to 6, their squared distance is d^2 + 4 sum A_k^2 sin^2(w_k d / 2), which grows with every d.
    """
    if code == "periodic":
        return fourier_features(x, _PERIODIC_OCTAVES)
    angle, amplitude = x[..., None] * _octaves(x) * (math.pi / 2), _amplitudes(x)
    return torch.cat([x, (amplitude * angle.sin()).flatten(-2), (amplitude * angle.cos()).flatten(-2)], dim=-1)


def feature_count(numbers: int, code: NumberCode) -> int:
    """How many features `numbers` numbers have."""
    return numbers * (1 + 2 * (_PERIODIC_OCTAVES if code == "periodic" else _MONOTONE_OCTAVES))


def recoded(weight: Tensor, numbers: int) -> Tensor:
    """Weights [d f] of a linear layer that reads `numbers` periodic numbers first, for one that reads monotone ones.

    The new layer computes what the old one did: its sines and cosines are those of the old code, an octave added below and
    each divided by its amplitude.
    """
    plain, sines, cosines, rest = weight.split(
        [numbers, *[numbers * _PERIODIC_OCTAVES] * 2, weight.shape[1] - feature_count(numbers, "periodic")], dim=1
    )
    amplitude = _amplitudes(weight)

    def octaves(columns: Tensor) -> Tensor:
        each = rearrange(columns, "d (n k) -> d n k", n=numbers)
        return rearrange(nn.functional.pad(each, (1, 0)) / amplitude, "d n k -> d (n k)")

    return torch.cat([plain, octaves(sines), octaves(cosines), rest], dim=1)


def _octaves(like: Tensor) -> Tensor:
    return 2.0 ** torch.arange(_MONOTONE_OCTAVES, dtype=like.dtype, device=like.device)


def _amplitudes(like: Tensor) -> Tensor:
    return _octaves(like) ** -0.75


def mlp(width_in: int, width: int) -> nn.Sequential:
    """Features to a token."""
    return nn.Sequential(nn.Linear(width_in, width), nn.SiLU(), nn.Linear(width, width))
