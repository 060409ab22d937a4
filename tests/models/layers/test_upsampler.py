"""The upsampler's layers at full size: nothing at the start, and noise that becomes texture only where features say so."""

from __future__ import annotations

import torch

from drivesim.models.layers.upsampler import FineLayers, UpsamplerUNet

T = torch.tensor([500])


def normal(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def test_layers_at_full_size_add_nothing_at_the_start() -> None:
    torch.manual_seed(0)
    plain, fine = UpsamplerUNet(4, (8, 8), (1, 1)), UpsamplerUNet(4, (8, 8), (1, 1), fine=4)
    torch.nn.init.normal_(plain.head.weight)
    fine.load_state_dict(plain.state_dict(), strict=False)
    x, low = normal(1, 3, 32, 64), normal(1, 3, 8, 16)
    with torch.no_grad():
        assert torch.equal(plain(x, T, low, T), fine(x, T, low, T)) and plain(x, T, low, T).shape == x.shape


def test_what_they_make_of_noise_is_told_place_by_place() -> None:
    """With a shift far below zero the noise of a place is cut off by the SiLU; elsewhere it passes, to the pixel."""
    layers, x, told = FineLayers(1, 2), normal(1, 3, 8, 16), torch.zeros(1, 1, 2, 4)
    with torch.no_grad():
        torch.nn.init.normal_(layers.head.weight)
        layers.scale.weight.zero_()
        layers.scale.bias.fill_(1.0)
        layers.shift.weight.fill_(-1000.0)
        layers.shift.bias.zero_()
        told[..., 2:] = 1.0
        made, other = layers(x, told), layers(normal(1, 3, 8, 16, seed=1), told)
    assert torch.allclose(made[..., 10:], other[..., 10:], atol=1e-5)  # middle and head reach two pixels
    assert (made - other)[..., :8].abs().mean() > 0.01
