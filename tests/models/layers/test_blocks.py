"""Convolutional blocks: identity at the start, modulation as defined, either norm."""

from collections.abc import Callable

import pytest
import torch
from torch import nn

from drivesim.models.layers.blocks import Modulation, ResidualBlock, SubPixelUpsample
from drivesim.models.layers.norms import PixelNorm, group_norm


@pytest.mark.parametrize("norm", [group_norm, PixelNorm])
def test_a_residual_block_starts_as_the_identity(norm: Callable[[int], nn.Module]) -> None:
    x = torch.randn(2, 32, 4, 6)
    assert torch.equal(ResidualBlock(32, 32, 16, norm)(x, torch.randn(2, 16)), x)
    assert ResidualBlock(32, 48, 16, norm)(x, torch.randn(2, 16)).shape == (2, 48, 4, 6)


def test_an_embedding_scales_and_shifts() -> None:
    modulation, h = Modulation(3, 2), torch.randn(1, 2, 4, 4)
    nn.init.zeros_(modulation.weight)
    modulation.bias.data = torch.tensor([0.5, -1.0, 10.0, 20.0])  # two scales, two shifts
    expected = h * torch.tensor([1.5, 0.0])[:, None, None] + torch.tensor([10.0, 20.0])[:, None, None]
    torch.testing.assert_close(modulation(h, torch.randn(1, 3)), expected)


def test_upsampling_starts_without_checkerboard() -> None:
    made = SubPixelUpsample(6, 3)(torch.randn(1, 6, 4, 4))
    assert torch.equal(made[..., ::2, ::2], made[..., 1::2, 1::2])
