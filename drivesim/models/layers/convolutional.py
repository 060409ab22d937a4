"""Layers that are exactly convolutional: trained on crops, they do the same to the inside of a whole frame or clip.

Normalisation is per pixel, over channels, where GroupNorm would take in the whole picture: its statistics differ
between a crop and a frame, and between one portion of a clip and the next.
"""

from __future__ import annotations

from typing import TypeVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from drivesim.models.layers.blocks import zero_initialised

M = TypeVar("M", bound=nn.Module)


def channels_last(model: M) -> M:
    """The same model with its convolutions laid out channels last, the faster layout for bf16 on CPUs."""
    for module in model.modules():
        if isinstance(module, nn.Conv2d):
            module.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        elif isinstance(module, nn.Conv3d):
            module.to(memory_format=torch.channels_last_3d)  # type: ignore[call-overload]
    return model


class PixelNorm(nn.Module):
    """Layer normalisation over the channels of every pixel of [b c ...]."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))
        self.bias = nn.Parameter(torch.zeros(width))

    def forward(self, x: Tensor) -> Tensor:
        return F.layer_norm(x.movedim(1, -1), (x.shape[1],), self.weight, self.bias, eps=1e-5).movedim(-1, 1)


class ResidualBlock(nn.Module):
    """Norm, SiLU, 3x3 convolution, twice; the output starts at zero. An embedding scales and shifts in between."""

    def __init__(self, width: int, embedding_width: int = 0) -> None:
        super().__init__()
        self.norm1, self.conv1 = PixelNorm(width), nn.Conv2d(width, width, 3, padding=1)
        self.modulation = nn.Linear(embedding_width, 2 * width) if embedding_width else None
        self.norm2, self.conv2 = PixelNorm(width), zero_initialised(nn.Conv2d(width, width, 3, padding=1))

    def forward(self, x: Tensor, embedding: Tensor | None = None) -> Tensor:
        """`x` [b c h w], `embedding` [b e] to [b c h w]."""
        h = self.norm2(self.conv1(F.silu(self.norm1(x))))
        if self.modulation is not None and embedding is not None:
            scale, shift = self.modulation(F.silu(embedding)).to(h.dtype)[:, :, None, None].chunk(2, dim=1)
            h = torch.addcmul(shift, h, 1 + scale)
        out: Tensor = x + self.conv2(F.silu(h))
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


class TemporalBlock(nn.Module):
    """The residual branch of a clip: a 3x3x3 convolution, symmetric in time, then 1x3x3; the output starts at zero.

    A frame sees its two neighbours; the ends of a clip are padded with zeros.
    """

    def __init__(self, width: int, inner: int) -> None:
        super().__init__()
        self.norm1, self.conv1 = PixelNorm(width), nn.Conv3d(width, inner, 3, padding=1)
        self.norm2, self.conv2 = PixelNorm(inner), zero_initialised(nn.Conv2d(inner, width, 3, padding=1))

    def forward(self, x: Tensor, frames: int) -> Tensor:
        """`x` [(b f) c h w] to what is to be added to it, the same shape."""
        clip = self.norm1(x).unflatten(0, (-1, frames)).transpose(1, 2)
        h = self.conv1(F.silu(clip)).transpose(1, 2).flatten(0, 1)
        out: Tensor = self.conv2(F.silu(self.norm2(h)))
        return out
