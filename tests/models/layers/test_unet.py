"""The spatial U-Net: shapes, tokens, the hook for temporal layers, precision, compilation."""

import pytest
import torch
from torch import Tensor, nn

from drivesim.models.layers.unet import UNet, UNetConfig

SMALL = UNetConfig(in_channels=5, out_channels=3, widths=(16, 32), blocks=1, head_width=16, token_width=8)


def perturbed(config: UNetConfig) -> UNet:
    torch.manual_seed(0)
    network = UNet(config)
    for parameter in network.parameters():
        nn.init.normal_(parameter, std=0.1)
    return network.eval()


def test_default_size_and_output_start() -> None:
    network = UNet(UNetConfig(in_channels=22, out_channels=8, token_width=128))
    assert 9e6 < sum(p.numel() for p in network.parameters()) < 11e6
    out = network(torch.randn(1, 22, 16, 32), torch.tensor([3]), torch.randn(1, 4, 128))
    assert out.shape == (1, 8, 16, 32)
    assert not out.any()


@pytest.mark.parametrize("tokens", [True, False])
@pytest.mark.parametrize("size", [(8, 8), (6, 10)])
def test_any_channels_and_sizes_with_and_without_tokens(size: tuple[int, int], tokens: bool) -> None:
    network = perturbed(SMALL.model_copy(update={"token_width": 8 if tokens else 0}))
    out = network(torch.randn(2, 5, *size), torch.tensor([1, 2]), torch.randn(2, 4, 8) if tokens else None)
    assert out.shape == (2, 3, *size)
    assert out.isfinite().all()


def test_time_and_tokens_matter_and_masked_tokens_do_not() -> None:
    network = perturbed(SMALL)
    x, t, tokens = torch.randn(1, 5, 8, 8), torch.tensor([10]), torch.randn(1, 4, 8)
    mask = torch.tensor([[True, True, True, False]])
    out = network(x, t, tokens, mask)
    assert not torch.allclose(out, network(x, torch.tensor([500]), tokens, mask))
    hidden, shown = tokens.clone(), tokens.clone()
    hidden[:, 3] = 9
    shown[:, 0] = 9
    torch.testing.assert_close(out, network(x, t, hidden, mask))
    assert not torch.allclose(out, network(x, t, shown, mask))


@pytest.mark.parametrize("levels", [{"attention_from": 9}, {"cross_attention_from": 0}])
def test_attention_levels_are_a_choice(levels: dict[str, int]) -> None:
    network = perturbed(SMALL.model_copy(update=levels))
    x, t = torch.randn(1, 5, 8, 8), torch.tensor([10])
    assert not torch.allclose(network(x, t, torch.zeros(1, 1, 8)), network(x, t, torch.ones(1, 1, 8)))


def test_the_hook_sees_every_block_once_in_order_with_the_announced_shape() -> None:
    network = perturbed(SMALL.model_copy(update={"widths": (16, 32, 48), "blocks": 2}))
    seen: list[tuple[int, int]] = []

    def hook(i: int, h: Tensor) -> Tensor:
        assert i == len(seen)
        seen.append((h.shape[1], {16: 0, 8: 1, 4: 2}[h.shape[2]]))
        return h

    x, t = torch.randn(1, 5, 16, 16), torch.tensor([10])
    assert torch.equal(network(x, t, hook=hook), network(x, t))
    assert seen == network.block_shapes
    assert not torch.allclose(network(x, t, hook=lambda i, h: h * 1.5), network(x, t))


def test_bf16_autocast_and_channels_last_agree_with_float32() -> None:
    network = perturbed(SMALL)
    x, t, tokens = torch.randn(2, 5, 8, 8), torch.tensor([1, 700]), torch.randn(2, 4, 8)
    expected = network(x, t, tokens).detach()
    network = network.to(memory_format=torch.channels_last)
    torch.testing.assert_close(network(x, t, tokens), expected, atol=1e-4, rtol=1e-4)
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        low = network(x, t, tokens).float()
    assert float((low - expected).norm() / expected.norm()) < 0.05


def test_traces_as_one_graph() -> None:
    network = perturbed(SMALL)
    x, t, tokens, mask = torch.randn(1, 5, 8, 8), torch.tensor([3]), torch.randn(1, 4, 8), torch.ones(1, 4).bool()
    compiled = torch.compile(network, backend="eager", fullgraph=True)
    torch.testing.assert_close(compiled(x, t, tokens, mask), network(x, t, tokens, mask))
