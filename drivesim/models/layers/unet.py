"""The spatial U-Net: denoises pictures or latents one frame at a time, and has a hook for temporal layers."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from drivesim.config import Config
from drivesim.models.layers.attention import SpatialTransformer
from drivesim.models.layers.blocks import Downsample, Hook, ResidualBlock, Upsample, zero_initialised
from drivesim.models.layers.embeddings import TimeEmbedding
from drivesim.models.layers.norms import group_norm


class UNetConfig(Config):
    """`widths` of the levels, the finest (level 0) first; each level halves the size.

    Levels from `attention_from` on have self-attention, levels from `cross_attention_from` on attend to the tokens.
    `token_width` 0 is a network without tokens.
    """

    in_channels: int
    out_channels: int
    widths: tuple[int, ...] = (64, 128, 192)
    blocks: int = 2
    attention_from: int = 1
    cross_attention_from: int = 1
    head_width: int = 32
    token_width: int = 0


class SpatialBlock(nn.Module):
    """A residual block and, where the level has one, a transformer."""

    def __init__(self, width_in: int, level: int, config: UNetConfig, embedding_width: int) -> None:
        super().__init__()
        width = config.widths[level]
        token_width = config.token_width if level >= config.cross_attention_from else 0
        attends = level >= config.attention_from
        self.residual = ResidualBlock(width_in, width, embedding_width)
        self.transformer = (
            SpatialTransformer(width, config.head_width, token_width, attends) if attends or token_width else None
        )

    def forward(
        self,
        x: Tensor,
        embedding: Tensor,
        tokens: Tensor | None,
        mask: Tensor | None,
        inner: Callable[[Tensor], Tensor] | None = None,
    ) -> Tensor:
        """`x` [b c h w], `embedding` [b e], `tokens` [b n k], `mask` bool [b n] to [b width h w]; `inner`: see Hook."""
        h: Tensor = self.residual(x, embedding)
        if self.transformer is not None:
            return self.transformer(h, tokens, mask, inner)
        return h if inner is None else h + inner(h)


class UNet(nn.Module):
    """U-Net with `blocks` spatial blocks a level on the way down, one in the middle, `blocks` a level on the way up.

    `block_shapes` lists (channels, level) of every spatial block in the order of computation. The mean of the tokens
    also joins the embedding of the diffusion time, so that what concerns the whole picture reaches every block.
    """

    def __init__(self, config: UNetConfig) -> None:
        super().__init__()
        self.config = config
        widths, levels = config.widths, len(config.widths)
        embedding_width = 4 * widths[0]
        self.time = TimeEmbedding(widths[0], embedding_width)
        self.summary = nn.Linear(config.token_width, embedding_width) if config.token_width else None
        self.conv_in = nn.Conv2d(config.in_channels, widths[0], 3, padding=1)

        def block(width_in: int, level: int) -> SpatialBlock:
            return SpatialBlock(width_in, level, config, embedding_width)

        self.down = nn.ModuleList(
            nn.ModuleList(block(widths[level], level) for _ in range(config.blocks)) for level in range(levels)
        )
        self.shrink = nn.ModuleList(Downsample(widths[level], widths[level + 1]) for level in range(levels - 1))
        self.middle = block(widths[-1], levels - 1)
        self.up = nn.ModuleList(
            nn.ModuleList(block(2 * widths[level], level) for _ in range(config.blocks)) for level in range(levels)
        )
        self.grow = nn.ModuleList(Upsample(widths[level + 1], widths[level]) for level in range(levels - 1))
        self.norm_out = group_norm(widths[0])
        self.conv_out = zero_initialised(nn.Conv2d(widths[0], config.out_channels, 3, padding=1))

    @property
    def block_shapes(self) -> list[tuple[int, int]]:
        """(channels, level) of every spatial block, in order."""
        levels = range(len(self.config.widths))
        way_down = [level for level in levels for _ in range(self.config.blocks)]
        return [(self.config.widths[level], level) for level in [*way_down, levels[-1], *reversed(way_down)]]

    def embed(self, t: Tensor, tokens: Tensor | None, mask: Tensor | None) -> Tensor:
        """Embedding of the diffusion time and of the tokens' mean: [b e]."""
        embedding: Tensor = self.time(t)
        if self.summary is None or tokens is None:
            return embedding
        if mask is None:
            return embedding + self.summary(tokens.mean(dim=1))
        weight = mask[..., None].to(tokens.dtype)
        return embedding + self.summary((tokens * weight).sum(dim=1) / weight.sum(dim=1).clamp(min=1))

    def forward(
        self,
        x: Tensor,
        t: Tensor,
        tokens: Tensor | None = None,
        token_mask: Tensor | None = None,
        hook: Hook | None = None,
        entry: Tensor | None = None,
        inner: Hook | None = None,
    ) -> Tensor:
        """Network output [b out_channels h w] for noisy `x` [b in_channels h w] at diffusion time `t` int64 [b].

        `h` and `w` are multiples of 2^(levels - 1); `tokens` [b n token_width], `token_mask` bool [b n]. The hook
        is called after every spatial block, the `inner` one within. `entry` [b widths[0] h w] is added to the first
        convolution's output.
        """
        embedding = self.embed(t, tokens, token_mask)

        def run(i: int, block: nn.Module, h: Tensor) -> Tensor:
            out: Tensor = block(h, embedding, tokens, token_mask, None if inner is None else partial(inner, i))
            return out if hook is None else hook(i, out)

        h = self.conv_in(x)
        if entry is not None:
            h = h + entry.to(h.dtype)
        skips: list[Tensor] = []
        i = 0
        for level, blocks in enumerate(self.down):
            for block in blocks:  # type: ignore[attr-defined]
                h = run(i, block, h)
                skips.append(h)
                i += 1
            if level < len(self.shrink):
                h = self.shrink[level](h)
        h = run(i, self.middle, h)
        i += 1
        for level in reversed(range(len(self.up))):
            for block in self.up[level]:  # type: ignore[attr-defined]
                h = run(i, block, torch.cat([h, skips.pop()], dim=1))
                i += 1
            if level > 0:
                h = self.grow[level - 1](h)
        out: Tensor = self.conv_out(F.silu(self.norm_out(h)))
        return out
