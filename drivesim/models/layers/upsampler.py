"""The network of pixel-space super-resolution: a U-Net on pixel-unshuffled frames, at the size of the low resolution.

Exactly convolutional and without attention, so that it trains on patches and runs at any size. The finest level, where
most of the cost is, is narrower than the frames that it denoises: 16 pixels of 3 colours fold into 48 channels. So
noise, which v contains and which has full rank, takes a 1x1 path of its own around the U-Net.
"""

from __future__ import annotations

from functools import partial
from itertools import pairwise

import torch
import torch.nn.functional as F
from einops import rearrange
from torch import Tensor, nn

from drivesim.models.layers.blocks import Hook, ResidualBlock, SubPixelUpsample, zero_initialised
from drivesim.models.layers.embeddings import TimeEmbedding
from drivesim.models.layers.norms import PixelNorm

_EMBEDDING_WIDTH = 192
_block = partial(ResidualBlock, norm=PixelNorm)


class Sharpener(nn.Module):
    """What a picture at low resolution tells of its details at `factor` times the size, without diffusion; nothing at the start.

    With a guide of `guides` channels at that size, the details of a place are linear in it besides, as in guided filtering (He et
    al. 2013), with coefficients that the network tells: what changes at the edges of the guide is as sharp as these are.
    """

    def __init__(self, factor: int, width: int, blocks: int, guides: int = 0) -> None:
        super().__init__()
        self.factor = factor
        self.stem = nn.Conv2d(3, width, 3, padding=1)
        self.blocks = nn.Sequential(*(_block(width, width) for _ in range(blocks)))
        self.norm = PixelNorm(width)
        self.head = zero_initialised(nn.Conv2d(width, 3 * factor**2, 3, padding=1))
        self.coefficients = zero_initialised(nn.Conv2d(width, 3 * guides, 1)) if guides else None

    def forward(self, low: Tensor, added: Tensor | None = None, guide: Tensor | None = None) -> Tensor:
        """`low` [b 3 h w] to what its bicubic upsampling lacks [b 3 factor*h factor*w], fp32.

        `added` [b width h w] goes to what the stem makes of `low`; `guide` [b h w guides factor^2].
        """
        h = self.stem(low)
        h = F.silu(self.norm(self.blocks(h if added is None else h + added)))
        details = F.pixel_shuffle(self.head(h), self.factor).float()
        if self.coefficients is None or guide is None:
            return details
        coefficients = rearrange(self.coefficients(h), "b (c k) h w -> (b h w) c k", c=3)
        guided = torch.bmm(coefficients, guide.flatten(0, 2)).float()
        size = {"b": len(low), "h": low.shape[2], "y": self.factor}
        return details + rearrange(guided, "(b h w) c (y x) -> b c (h y) (w x)", **size)


class FineLayers(nn.Module):
    """Convolutions at full size that make texture of the noise there, as features of every place tell; nothing at the start.

    What pixels of a place are told changes smoothly: their texture knows no grid, and moves with the noise.
    """

    def __init__(self, width: int, fine: int) -> None:
        super().__init__()
        self.scale, self.shift = (nn.Conv2d(width, fine, 1) for _ in range(2))
        self.stem = nn.Conv2d(3, fine, 5, padding=2)
        self.middle = nn.Conv2d(fine, fine, 3, padding=1)
        self.head = zero_initialised(nn.Conv2d(fine, 3, 3, padding=1))

    def forward(self, x: Tensor, h: Tensor) -> Tensor:
        """Noisy `x` [b 3 y*h y*w] and features `h` [b width h w] of its places to what is added to the output, like `x`."""
        size = x.shape[2], x.shape[3]
        scale, shift = (F.interpolate(told(h), size, mode="bilinear") for told in (self.scale, self.shift))
        out: Tensor = self.head(F.silu(self.middle(F.silu(torch.addcmul(shift, self.stem(x), scale)))))
        return out


class UpsamplerUNet(nn.Module):
    """`widths` of the levels, the finest first, and residual blocks of each on the way down and again on the way up.

    `factor` x `factor` pixels fold into one place of the finest level; with `fine` channels there are FineLayers besides.
    The coarsest level has its blocks once. The hook is called after every level on the way up; the coarsest is 0.
    """

    def __init__(self, factor: int, widths: tuple[int, ...], blocks: tuple[int, ...], fine: int = 0) -> None:
        super().__init__()
        self.factor, channels = factor, 3 * factor**2
        self.time = TimeEmbedding(64, _EMBEDDING_WIDTH)
        self.level = TimeEmbedding(64, _EMBEDDING_WIDTH)
        self.stem = nn.Conv2d(channels + 3, widths[0], 3, padding=1)

        def level(width: int, count: int) -> nn.ModuleList:
            return nn.ModuleList(_block(width, width, _EMBEDDING_WIDTH) for _ in range(count))

        sizes = list(zip(widths, blocks, strict=True))
        self.down = nn.ModuleList(level(*size) for size in sizes)
        self.shrink = nn.ModuleList(nn.Conv2d(a, b, 3, stride=2, padding=1) for a, b in pairwise(widths))
        self.grow = nn.ModuleList(SubPixelUpsample(b, a, kernel=1) for a, b in pairwise(widths))
        self.join = nn.ModuleList(nn.Conv2d(2 * width, width, 1) for width in widths[:-1])
        self.up = nn.ModuleList(level(*size) for size in sizes[:-1])
        self.norm = PixelNorm(widths[0])
        self.head = zero_initialised(nn.Conv2d(widths[0], channels, 3, padding=1))
        self.gain = nn.Linear(_EMBEDDING_WIDTH, channels)
        self.around = zero_initialised(nn.Conv2d(channels, channels, 1))
        self.fine = FineLayers(widths[0], fine) if fine else None

    def forward(self, x: Tensor, t: Tensor, low: Tensor, level: Tensor, hook: Hook | None = None) -> Tensor:
        """Network output [b 3 factor*h factor*w] for noisy `x` like it at `t` int64 [b].

        `low` [b 3 h w] is the low resolution, noise-augmented at `level` int64 [b]. 2^(levels - 1) divides h and w.
        """
        embedding = self.time(t) + self.level(level)
        folded = F.pixel_unshuffle(x, self.factor)
        h = self.stem(torch.cat([folded, low.to(x.dtype)], dim=1))
        skips: list[Tensor] = []
        for i, blocks in enumerate(self.down):
            h = h if i == 0 else self.shrink[i - 1](h)
            for block in blocks:  # type: ignore[attr-defined]
                h = block(h, embedding)
            skips.append(h)
        h = skips.pop()
        coarsest = len(self.down) - 1
        h = h if hook is None else hook(0, h)
        for i in reversed(range(coarsest)):
            h = self.join[i](torch.cat([self.grow[i](h), skips.pop()], dim=1))
            for block in self.up[i]:  # type: ignore[attr-defined]
                h = block(h, embedding)
            h = h if hook is None else hook(coarsest - i, h)
        gain = 1 + self.gain(F.silu(embedding))[:, :, None, None]
        h = F.silu(self.norm(h))
        out = F.pixel_shuffle(self.head(h) + self.around(folded * gain), self.factor)
        return out if self.fine is None else out + self.fine(x, h)
