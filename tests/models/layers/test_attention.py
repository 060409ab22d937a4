"""Attention: as defined, identity at the start, sets without order."""

import pytest
import torch
import torch.nn.functional as F

from drivesim.models.layers.attention import Attention, SpatialTransformer, TransformerBlock, attend


def test_a_transformer_starts_as_the_identity() -> None:
    x = torch.randn(2, 32, 4, 6)
    assert torch.equal(SpatialTransformer(32, 16, token_width=8)(x, torch.randn(2, 3, 8)), x)


def test_attention_written_out_equals_the_fused_kernel() -> None:
    q, k, v = (torch.randn(2, 4, n, 8) for n in (5, 7, 7))
    mask = torch.rand(2, 1, 1, 7) > 0.5
    mask[..., 0] = True
    for where in (None, mask):
        expected = F.scaled_dot_product_attention(q, k, v, where)
        torch.testing.assert_close(attend(q, k, v, where), expected)
        with torch.no_grad():
            torch.testing.assert_close(attend(q, k, v, where), expected)


def test_masked_tokens_do_not_matter_and_others_do() -> None:
    torch.manual_seed(0)
    layer = Attention(32, 16, token_width=8)
    torch.nn.init.normal_(layer.out.weight)
    x, tokens = torch.randn(2, 5, 32), torch.randn(2, 4, 8)
    mask = torch.tensor([[True, True, False, False]]).expand(2, 4)
    changed = tokens.clone()
    changed[:, 2:] = 1e3
    torch.testing.assert_close(layer(x, tokens, mask), layer(x, changed, mask))
    torch.testing.assert_close(layer(x, tokens, mask), layer(x, tokens[:, :2]))
    changed[:, 0] += 1
    assert not torch.allclose(layer(x, tokens, mask), layer(x, changed, mask))


def test_transformer_block_knows_no_order() -> None:
    torch.manual_seed(0)
    block = TransformerBlock(32, 16)
    for parameter in block.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    x, order = torch.randn(1, 6, 32), torch.randperm(6)
    torch.testing.assert_close(block(x[:, order]), block(x)[:, order], atol=1e-4, rtol=1e-4)


def test_wrong_head_width_is_refused() -> None:
    with pytest.raises(ValueError, match="head_width"):
        Attention(48, 32)
