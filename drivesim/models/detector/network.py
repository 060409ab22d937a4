"""The detector's network: a residual trunk, a feature pyramid, and one head for all levels (FCOS, arXiv 1904.01355)."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
import torch.nn.functional as F
from einops import rearrange
from pydantic import Field
from torch import Tensor, nn

from drivesim.config import Config
from drivesim.models.layers.blocks import Downsample, ResidualBlock
from drivesim.models.layers.norms import group_norm
from drivesim.scene.vehicles import KINDS

STRIDES = (4, 8, 16)  # px between the cells of each level
_RARE = 0.01  # score of every cell before training: most cells show no vehicle (arXiv 1708.02002, section 4.1)


class DetectorConfig(Config):
    """`widths` and `blocks` of the trunk's levels, whose cells are 4, 8 and 16 px apart; `head_width` of pyramid and head."""

    widths: tuple[int, int, int] = (48, 96, 128)
    blocks: tuple[int, int, int] = (2, 2, 2)
    head_width: int = Field(default=64, multiple_of=16)


class Cells(NamedTuple):
    """What the network says of every cell of all levels, l of them: `score` logit [b l]; `box` [b l 4], left, top, right and
    bottom in px of the frame; logits of `kind` [b l k]; `paint` [b l 3], sRGB in [0, 1]."""

    score: Tensor
    box: Tensor
    kind: Tensor
    paint: Tensor


def cell_centres(height: int, width: int) -> tuple[Tensor, Tensor]:
    """Centres (x, y) of all cells in px [l 2], and their strides [l], of a frame [height width]."""
    centres, strides = [], []
    for stride in STRIDES:
        y = (torch.arange(height // stride) + 0.5) * stride
        x = (torch.arange(width // stride) + 0.5) * stride
        centres.append(torch.stack(torch.meshgrid(x, y, indexing="xy"), dim=-1).flatten(0, 1))
        strides.append(torch.full((len(centres[-1]),), float(stride)))
    return torch.cat(centres), torch.cat(strides)


class DetectorNetwork(nn.Module):
    """Frames [b 3 h w] in [-1, 1] to Cells; height and width are multiples of the last stride."""

    def __init__(self, config: DetectorConfig) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3 * STRIDES[0] ** 2, config.widths[0], 3, padding=1)
        entries: list[nn.Module] = [nn.Identity()]
        entries += [Downsample(a, b) for a, b in zip(config.widths, config.widths[1:], strict=False)]
        self.levels = nn.ModuleList(
            nn.Sequential(entry, *(ResidualBlock(width, width) for _ in range(count)))
            for entry, width, count in zip(entries, config.widths, config.blocks, strict=True)
        )
        inner = config.head_width
        self.laterals = nn.ModuleList(nn.Sequential(group_norm(width), nn.Conv2d(width, inner, 1)) for width in config.widths)
        self.hidden = nn.Sequential(
            group_norm(inner), nn.SiLU(), nn.Conv2d(inner, inner, 3, padding=1), group_norm(inner), nn.SiLU()
        )
        self.head = nn.Conv2d(inner, 1 + 4 + len(KINDS) + 3, 3, padding=1)
        start = torch.zeros(self.head.out_channels)
        start[0] = -math.log((1 - _RARE) / _RARE)
        self.head.bias = nn.Parameter(start)

    def trunk(self, frames: Tensor) -> list[Tensor]:
        """Features [b c h/s w/s] of each level, the finest first."""
        h = self.stem(F.pixel_unshuffle(frames, STRIDES[0]))
        features = []
        for level in self.levels:
            h = level(h)
            features.append(h)
        return features

    def forward(self, frames: Tensor) -> Cells:
        """See the class."""
        return self.cells(self.trunk(frames))

    def cells(self, trunk: list[Tensor]) -> Cells:
        """What the head makes of the trunk's features."""
        outputs, above = [], None
        pairs = list(zip(self.laterals, trunk, strict=True))
        for lateral, features in reversed(pairs):
            h = lateral(features)
            above = h if above is None else h + F.interpolate(above, scale_factor=2.0, mode="nearest")
            outputs.append(rearrange(self.head(self.hidden(above)), "b c h w -> b (h w) c"))
        values = torch.cat(outputs[::-1], dim=1).float()
        score, reach, kind, paint = values.split((1, 4, len(KINDS), 3), dim=-1)
        height, width = (STRIDES[0] * side for side in trunk[0].shape[-2:])
        centres, strides = (x.to(score.device) for x in cell_centres(height, width))
        reach = torch.exp(reach.clamp(max=6.0)) * 2 * strides[:, None]
        box = torch.cat([centres - reach[..., :2], centres + reach[..., 2:]], dim=-1)
        return Cells(score[..., 0], box, kind, torch.sigmoid(paint))
