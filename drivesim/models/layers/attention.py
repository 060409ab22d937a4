"""Attention and transformer blocks, over tokens [b n d] or the places of feature maps [b c h w]."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from einops import rearrange
from torch import Tensor, nn

from drivesim.models.layers.blocks import zero_initialised

_FEW = 256  # keys: more would make large tables of scores


def attend(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None = None) -> Tensor:
    """Scaled dot-product attention of [b heads n d]; `mask` bool, to be broadcast to [b heads m n] (true: attended to).

    On the CPU it is written out for few keys, for which the fused kernel takes half as long again, and where gradients are needed:
    that kernel's backward in bf16 is 2 to 5 times slower.
    """
    if q.device.type != "cpu" or (k.shape[-2] > _FEW and not torch.is_grad_enabled()):
        return F.scaled_dot_product_attention(q, k, v, mask)
    scores = (q * q.shape[-1] ** -0.5) @ k.transpose(-1, -2)
    if mask is not None:
        scores = scores.masked_fill(~mask, float("-inf"))
    return scores.softmax(dim=-1).to(v.dtype) @ v


def turned(x: Tensor, angles: Tensor) -> Tensor:
    """`x` [... n d], whose halves are pairs of numbers, each pair turned by its angle [n d/2] (RoPE, arXiv 2104.09864): products
    of two such depend on the difference of their angles alone."""
    cos, sin = angles.cos().to(x.dtype), angles.sin().to(x.dtype)
    a, b = x.chunk(2, dim=-1)
    return torch.cat([a * cos - b * sin, a * sin + b * cos], dim=-1)


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

    def forward(
        self, x: Tensor, tokens: Tensor | None = None, mask: Tensor | None = None, angles: Tensor | None = None
    ) -> Tensor:
        """`x` [b m d], `tokens` [b n k], `mask` bool [b n] or [b m n] (true: may be attended to) to [b m d].

        `angles` [m head_width/2]: queries and keys of `x` to itself are turned by them (see `turned`).
        """
        q = rearrange(self.query(x), "b m (heads d) -> b heads m d", heads=self.heads)
        key_value = self.key_value(x if tokens is None else tokens)
        k, v = rearrange(key_value, "b n (two heads d) -> two b heads n d", two=2, heads=self.heads)
        if angles is not None:
            q, k = turned(q, angles), turned(k, angles)
        if mask is not None:
            mask = mask[:, None, None] if mask.ndim == 2 else mask[:, None]
        attended = attend(q, k, v, mask)
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

    def forward(
        self,
        x: Tensor,
        tokens: Tensor | None = None,
        mask: Tensor | None = None,
        inner: Callable[[Tensor], Tensor] | None = None,
    ) -> Tensor:
        """`x` [b c h w], `tokens` [b n k] (None: no cross-attention), `mask` bool [b n] to [b c h w].

        What `inner` makes of a map [b c h w] is added before the feed-forward.
        """
        height = x.shape[2]
        h = rearrange(x, "b c h w -> b (h w) c")
        if len(self.own):
            norm, attention = self.own
            h = h + attention(norm(h))
        if len(self.cross) and tokens is not None:
            norm, attention = self.cross
            h = h + attention(norm(h), tokens, mask)
        if inner is not None:
            h = h + rearrange(inner(rearrange(h, "b (h w) c -> b c h w", h=height)), "b c h w -> b (h w) c")
        if self.feed_forward is not None:
            h = h + self.feed_forward(h)
        return rearrange(h, "b (h w) c -> b c h w", h=height)
