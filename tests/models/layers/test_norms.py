"""Norms: any width, crops of pixels, and gradients behind frozen layers."""

import pytest
import torch

from drivesim.models.layers.norms import PixelNorm, group_norm


@pytest.mark.parametrize("width", [3, 16, 24, 48, 64, 192])
def test_group_norm_takes_any_width(width: int) -> None:
    assert group_norm(width)(torch.randn(1, width, 2, 2)).shape == (1, width, 2, 2)


def test_group_norm_after_a_frozen_layer_can_be_trained() -> None:
    """torch's own crashes here (the process dies)."""
    norm = group_norm(32)
    x = torch.randn(36, 32, 8, 8)
    norm(x).square().sum().backward()
    expected = norm.weight.grad.clone()
    norm.zero_grad()
    norm(x.contiguous(memory_format=torch.channels_last)).square().sum().backward()
    torch.testing.assert_close(norm.weight.grad, expected)


def test_pixel_norm_does_not_look_beyond_the_pixel() -> None:
    norm, x = PixelNorm(8), torch.randn(2, 8, 4, 6)
    torch.testing.assert_close(norm(x)[..., 1:3], norm(x[..., 1:3]))
    torch.testing.assert_close(norm(x).mean(dim=1), torch.zeros(2, 4, 6), atol=1e-6, rtol=0)
    torch.testing.assert_close(norm(x).var(dim=1, unbiased=False), torch.ones(2, 4, 6), atol=1e-3, rtol=0)
