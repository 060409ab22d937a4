"""Convolutional layers on [b c h w]: the residual block, its modulation by an embedding, half and twice the size."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from drivesim.models.layers.norms import group_norm

M = TypeVar("M", bound=nn.Module)

Hook = Callable[[int, Tensor], Tensor]
"""hook(i, h) is called with the output h [b c h w] of block or level i of a spatial network, and returns what replaces it.

An inner one is called within the transformer of block i, after its attention and before its feed-forward, and where there is no
transformer after the block; it returns what is added to h.
"""


def zero_initialised(module: M) -> M:
    """The same module with all parameters zero: a residual branch that ends in it starts as the identity."""
    for parameter in module.parameters():
        nn.init.zeros_(parameter)
    return module


def channels_last(model: M) -> M:
    """The same model with its convolutions laid out channels last, the faster layout for bf16 on CPUs."""
    for module in model.modules():
        if isinstance(module, nn.Conv2d):
            module.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        elif isinstance(module, nn.Conv3d):
            module.to(memory_format=torch.channels_last_3d)  # type: ignore[call-overload]
    return model


class Modulation(nn.Linear):
    """Scale and shift of normalised features by an embedding (FiLM, Perez et al. 2018; adaptive group norm)."""

    def __init__(self, embedding_width: int, width: int) -> None:
        super().__init__(embedding_width, 2 * width)

    def forward(self, h: Tensor, embedding: Tensor) -> Tensor:  # type: ignore[override]
        """`h` [b c h w], `embedding` [b e] to [b c h w]: (1 + scale) h + shift."""
        scale, shift = super().forward(F.silu(embedding)).to(h.dtype)[:, :, None, None].chunk(2, dim=1)
        return torch.addcmul(shift, h, 1 + scale)


class ResidualBlock(nn.Module):
    """Norm, SiLU, 3x3 convolution, twice; an embedding scales and shifts in between. A new block is the identity.

    `embedding_width` 0 is a block without embedding. `norm` makes a normalisation of so many channels.
    """

    def __init__(
        self,
        width_in: int,
        width: int,
        embedding_width: int = 0,
        norm: Callable[[int], nn.Module] = group_norm,
    ) -> None:
        super().__init__()
        self.norm1 = norm(width_in)
        self.conv1 = nn.Conv2d(width_in, width, 3, padding=1)
        self.modulation = Modulation(embedding_width, width) if embedding_width else None
        self.norm2 = norm(width)
        self.conv2 = zero_initialised(nn.Conv2d(width, width, 3, padding=1))
        self.skip = nn.Conv2d(width_in, width, 1) if width_in != width else nn.Identity()

    def forward(self, x: Tensor, embedding: Tensor | None = None) -> Tensor:
        """`x` [b c h w], `embedding` [b e] to [b width h w]."""
        h = self.norm2(self.conv1(F.silu(self.norm1(x))))
        if self.modulation is not None and embedding is not None:
            h = self.modulation(h, embedding)
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


class SubPixelUpsample(nn.Module):
    """Twice the size by pixel shuffle. All four sub-pixels start with the same weights: no checkerboard then."""

    def __init__(self, width_in: int, width: int, kernel: int = 3) -> None:
        super().__init__()
        self.conv = nn.Conv2d(width_in, 4 * width, kernel, padding=kernel // 2)
        with torch.no_grad():
            for parameter in self.conv.parameters():
                parameter.copy_(parameter[::4].repeat_interleave(4, dim=0))

    def forward(self, x: Tensor) -> Tensor:
        """[b c h w] to [b width 2h 2w]."""
        return F.pixel_shuffle(self.conv(x), 2)
