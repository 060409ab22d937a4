"""Embeddings: sinusoids of an integer position, Fourier features of a bounded number, the coordinates of cells."""

from __future__ import annotations

import math
from typing import Literal

import torch
from torch import Tensor, nn


def sinusoidal(position: Tensor, width: int, longest: float = 10_000.0) -> Tensor:
    """Cosines and sines of `position` [...] at `width` / 2 wavelengths, 2 pi to 2 pi `longest`: float32 [... width]."""
    half = width // 2
    frequency = torch.exp(-math.log(longest) / half * torch.arange(half, dtype=torch.float32, device=position.device))
    angle = position.float()[..., None] * frequency
    return torch.cat([angle.cos(), angle.sin()], dim=-1)


def fourier_features(x: Tensor, octaves: int) -> Tensor:
    """Each number of `x` [... d], about -1 to 1, with its sines and cosines: [... d (1 + 2 octaves)]."""
    frequency = math.pi * 2.0 ** torch.arange(octaves, dtype=x.dtype, device=x.device)
    angle = (x[..., None] * frequency).flatten(-2)
    return torch.cat([x, angle.sin(), angle.cos()], dim=-1)


def cell_coordinates(
    height: int,
    width: int,
    at: Literal["centres", "ends"],
    device: torch.device,
    dtype: torch.dtype = torch.float32,
) -> Tensor:
    """x and y of every cell of a picture, -1 to 1: [2 h w]. Roads and horizons have their place in the frame.

    -1 and 1 are the edges of the picture with "centres", so that a place has the same numbers at any resolution: the one to
    choose. With "ends" they are the middles of the outermost cells, which the context network was trained with.
    """
    if at == "centres":
        across = (torch.arange(width, device=device) + 0.5) * (2 / width) - 1
        down = (torch.arange(height, device=device) + 0.5) * (2 / height) - 1
    else:
        across, down = (torch.linspace(-1, 1, count, device=device, dtype=dtype) for count in (width, height))
    return torch.stack([across.expand(height, width), down[:, None].expand(height, width)]).to(dtype)


class TimeEmbedding(nn.Module):
    """Diffusion time: sinusoid, Linear, SiLU, Linear."""

    def __init__(self, sinusoid_width: int, width: int) -> None:
        super().__init__()
        self.sinusoid_width = sinusoid_width
        self.mlp = nn.Sequential(nn.Linear(sinusoid_width, width), nn.SiLU(), nn.Linear(width, width))

    def forward(self, t: Tensor) -> Tensor:
        """`t` int64 [b] to [b width]."""
        embedded: Tensor = self.mlp(sinusoidal(t, self.sinusoid_width))
        return embedded


class LevelEmbedding(nn.Linear):
    """Level of a noise that a network is told, 0 to 1, by sines: no noise is exactly zero, and a fresh embedding always is."""

    OCTAVES = 5

    def __init__(self, width: int) -> None:
        super().__init__(self.OCTAVES, width, bias=False)
        nn.init.zeros_(self.weight)

    def forward(self, level: Tensor) -> Tensor:
        """`level` [b] to [b width]."""
        frequency = math.pi / 2 * 2.0 ** torch.arange(self.OCTAVES, dtype=level.dtype, device=level.device)
        return super().forward((level[:, None] * frequency).sin())


class FrameAngles(nn.Module):
    """Index of the frame in its clip as angles by which attention turns queries and keys (RoPE); nothing is learned."""

    def __init__(self, head_width: int, longest: float = 100.0) -> None:
        super().__init__()
        self.head_width, self.longest = head_width, longest

    def forward(self, frames: int) -> Tensor:
        """Angles of frames 0 to `frames` - 1 at wavelengths of 2 pi to 2 pi `longest` frames: [f head_width/2]."""
        half = self.head_width // 2
        frequency = torch.exp(-math.log(self.longest) / half * torch.arange(half, dtype=torch.float32))
        return torch.arange(frames)[:, None] * frequency


class FrameEmbedding(nn.Module):
    """Index of the frame in its clip (Video LDM): sinusoid, Linear C to 4C, SiLU, Linear to C."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.width = width
        self.inner = nn.Linear(width, 4 * width)
        self.outer = nn.Linear(4 * width, width)

    def forward(self, frames: int) -> Tensor:
        """Embeddings of frames 0 to `frames` - 1: [f width]."""
        index = torch.arange(frames, device=self.inner.weight.device)
        embedded: Tensor = self.outer(nn.functional.silu(self.inner(sinusoidal(index, self.width))))
        return embedded
