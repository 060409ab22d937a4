"""Normalisation: by groups of channels over the whole picture, or by all channels of one pixel."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn


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


class PixelNorm(nn.Module):
    """Layer normalisation over the channels of every pixel of [b c ...].

    Networks that have no other are exactly convolutional: trained on crops, they do the same to the inside of a whole frame
    or clip. The statistics of GroupNorm differ between a crop and a frame, and between one portion of a clip and the next.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))
        self.bias = nn.Parameter(torch.zeros(width))

    def forward(self, x: Tensor) -> Tensor:
        """[b c ...] to the same."""
        return F.layer_norm(x.movedim(1, -1), (x.shape[1],), self.weight, self.bias, eps=1e-5).movedim(-1, 1)
