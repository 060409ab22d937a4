"""Spatial layers of the U-Nets: residual block, resampling, attention, transformer; on [b c h w] or [b n d]."""

from __future__ import annotations

import math
from typing import TypeVar

import torch
import torch.nn.functional as F
from einops import rearrange
from torch import Tensor, nn

M = TypeVar("M", bound=nn.Module)


def zero_initialised(module: M) -> M:
    """The same module with all parameters zero: a residual branch that ends in it starts as the identity."""
    for parameter in module.parameters():
        nn.init.zeros_(parameter)
    return module


class GroupNorm(nn.GroupNorm):
    """GroupNorm whose input always needs a gradient where its parameters do.

    torch's CPU kernel crashes in the backward pass for channels_last input that needs none, such as the output of a
    frozen layer.
    """

    def forward(self, x: Tensor) -> Tensor:
        """[b c ...] to the same."""
        if x.device.type == "cpu" and torch.is_grad_enabled() and self.weight.requires_grad and not x.requires_grad:
            x = x.detach().requires_grad_()
        return super().forward(x)


def group_norm(width: int) -> GroupNorm:
    """GroupNorm in groups of 16 channels; with narrower ones the CPU kernels for channels_last are far slower."""
    return GroupNorm(math.gcd(width, max(1, width // 16)), width)


class ResBlock(nn.Module):
    """Two 3x3 convolutions with GroupNorm and SiLU; an embedding scales and shifts between them.

    `embedding_width` 0 is a block without embedding.
    """

    def __init__(self, width_in: int, width: int, embedding_width: int = 0) -> None:
        super().__init__()
        self.norm1 = group_norm(width_in)
        self.conv1 = nn.Conv2d(width_in, width, 3, padding=1)
        self.modulation = nn.Linear(embedding_width, 2 * width) if embedding_width else None
        self.norm2 = group_norm(width)
        self.conv2 = zero_initialised(nn.Conv2d(width, width, 3, padding=1))
        self.skip = nn.Conv2d(width_in, width, 1) if width_in != width else nn.Identity()

    def forward(self, x: Tensor, embedding: Tensor | None = None) -> Tensor:
        """`x` [b c h w], `embedding` [b e] to [b width h w]."""
        h = self.norm2(self.conv1(F.silu(self.norm1(x))))
        if self.modulation is not None and embedding is not None:
            scale, shift = self.modulation(F.silu(embedding)).to(h.dtype)[:, :, None, None].chunk(2, dim=1)
            h = torch.addcmul(shift, h, 1 + scale)
        out: Tensor = self.skip(x) + self.conv2(F.silu(h))
        return out


class Downsample(nn.Conv2d):
    """Half the size, by a strided 3x3 convolution."""

    def __init__(self, width_in: int, width: int) -> None:
        super().__init__(width_in, width, 3, stride=2, padding=1)


class Upsample(nn.Module):
    """Twice the size: nearest neighbour, then a 3x3 convolution."""

    def __init__(self, width_in: int, width: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(width_in, width, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """[b c h w] to [b width 2h 2w]."""
        out: Tensor = self.conv(F.interpolate(x, scale_factor=2.0, mode="nearest"))
        return out


def attend(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None = None) -> Tensor:
    """Scaled dot-product attention of [b heads n d]; `mask` bool, to be broadcast to [b heads m n] (true: attended to).

    Where gradients are needed on the CPU it is written out: the fused kernel's backward in bf16 is 2 to 5 times slower.
    """
    if q.device.type != "cpu" or not torch.is_grad_enabled():
        return F.scaled_dot_product_attention(q, k, v, mask)
    scores = (q * q.shape[-1] ** -0.5) @ k.transpose(-1, -2)
    if mask is not None:
        scores = scores.masked_fill(~mask, float("-inf"))
    return scores.softmax(dim=-1).to(v.dtype) @ v


class Attention(nn.Module):
    """Multi-head attention of `x` to `tokens`, or to itself where none are given; the output starts at zero."""

    def __init__(self, width: int, head_width: int = 32, token_width: int | None = None) -> None:
        super().__init__()
        if width % head_width:
            raise ValueError(f"width {width} is not a multiple of head_width {head_width}")
        self.heads = width // head_width
        self.query = nn.Linear(width, width, bias=False)
        self.key_value = nn.Linear(token_width or width, 2 * width, bias=False)
        self.out = zero_initialised(nn.Linear(width, width))

    def forward(self, x: Tensor, tokens: Tensor | None = None, mask: Tensor | None = None) -> Tensor:
        """`x` [b m d], `tokens` [b n k], `mask` bool [b n] (true: may be attended to) to [b m d]."""
        q = rearrange(self.query(x), "b m (heads d) -> b heads m d", heads=self.heads)
        key_value = self.key_value(x if tokens is None else tokens)
        k, v = rearrange(key_value, "b n (two heads d) -> two b heads n d", two=2, heads=self.heads)
        attended = attend(q, k, v, None if mask is None else mask[:, None, None, :])
        out: Tensor = self.out(rearrange(attended, "b heads m d -> b m (heads d)"))
        return out


class FeedForward(nn.Sequential):
    """LayerNorm, Linear, GELU, Linear; the output starts at zero."""

    def __init__(self, width: int, multiple: int) -> None:
        super().__init__(
            nn.LayerNorm(width),
            nn.Linear(width, multiple * width),
            nn.GELU(approximate="tanh"),
            zero_initialised(nn.Linear(multiple * width, width)),
        )


class TransformerBlock(nn.Module):
    """Pre-norm self-attention among `x` with an optional mask, then feed-forward; a set of tokens has no order here."""

    def __init__(self, width: int, head_width: int = 32, multiple: int = 4) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.attention = Attention(width, head_width)
        self.feed_forward = FeedForward(width, multiple)

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """`x` [b n d], `mask` bool [b n] to [b n d]."""
        x = x + self.attention(self.norm(x), None, mask)
        out: Tensor = x + self.feed_forward(x)
        return out


class SpatialTransformer(nn.Module):
    """Self-attention among the places of a feature map, cross-attention to tokens, feed-forward.

    Latent Diffusion, sec. 3.3.
    `token_width` 0 has no cross-attention; `self_attention` False has cross-attention alone, which is cheap.
    """

    def __init__(self, width: int, head_width: int = 32, token_width: int = 0, self_attention: bool = True) -> None:
        super().__init__()
        self.own = nn.ModuleList([nn.LayerNorm(width), Attention(width, head_width)] if self_attention else [])
        self.cross = nn.ModuleList(
            [nn.LayerNorm(width), Attention(width, head_width, token_width)] if token_width else []
        )
        self.feed_forward = FeedForward(width, 2) if self_attention else None

    def forward(self, x: Tensor, tokens: Tensor | None = None, mask: Tensor | None = None) -> Tensor:
        """`x` [b c h w], `tokens` [b n k] (None: no cross-attention), `mask` bool [b n] to [b c h w]."""
        height = x.shape[2]
        h = rearrange(x, "b c h w -> b (h w) c")
        if len(self.own):
            norm, attention = self.own
            h = h + attention(norm(h))
        if len(self.cross) and tokens is not None:
            norm, attention = self.cross
            h = h + attention(norm(h), tokens, mask)
        if self.feed_forward is not None:
            h = h + self.feed_forward(h)
        return rearrange(h, "b (h w) c -> b c h w", h=height)
