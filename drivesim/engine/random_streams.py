"""Unit noise of named random streams: the same whatever is made beside it, and on every device."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from drivesim.tensors import torch_stream


def unit_noise(shape: Sequence[int], seed: int, *key: int | str) -> Tensor:
    """The noise that sampling begins with."""
    return torch.randn(tuple(shape), generator=torch_stream(seed, *key))


def step_noise(shape: Sequence[int], seed: int, *key: int | str) -> Callable[[int], Tensor]:
    """The noise that a sampler with eta > 0 adds after each step: one stream, asked in order."""
    generator = torch_stream(seed, *key, "steps")
    return lambda step: torch.randn(tuple(shape), generator=generator)
