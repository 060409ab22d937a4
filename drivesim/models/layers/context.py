"""The context network: from the given frames of a clip, features of every frame for the temporal layers, and an estimate of it."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import NamedTuple

import torch
from einops import rearrange
from torch import Tensor, nn

from drivesim.models.layers.attention import SpatialTransformer
from drivesim.models.layers.blocks import Downsample, ResidualBlock, Upsample, zero_initialised
from drivesim.models.layers.embeddings import cell_coordinates, fourier_features
from drivesim.models.layers.norms import group_norm

MOVED = 2  # given frames that are moved to each frame: one from before it, one from after it
_OCTAVES = 4
_SHORTEST, _LONGEST = 1 / 30, 5.0  # s: the scale of distances in time
_BEHIND = 4.0  # logits by which the shares of the other and the moved frames start behind that of the nearest


class NearestFrames(NamedTuple):
    """The two given frames that are nearest to each frame of a clip, the nearer first, the earlier of two equally near.

    `frames` [b f 2 c h w]; `seconds` [b f 2], signed time from the given frame to this one; `mask` float [b f 2]: 0 where
    fewer are given. The second repeats the first where only one is given; both are zero where none is.
    """

    frames: Tensor
    seconds: Tensor
    mask: Tensor


def nearest_given(latents: Tensor, mask: Tensor, fps: Tensor) -> NearestFrames:
    """Of clips `latents` [b f c h w] at `fps` [b], of which those frames are given where `mask` float [b f] is 1."""
    frame = torch.arange(mask.shape[1], device=mask.device)
    distance = (frame[:, None] - frame).abs() + 2.0 * len(frame) * (mask[:, None, :] < 0.5)
    index = torch.argsort(distance, dim=2, stable=True)
    index = index[:, :, [0, 1]] if len(frame) > 1 else index.expand(-1, -1, 2)
    there = (torch.arange(1, 3, device=mask.device) <= mask.sum(dim=1)[:, None].round()).to(latents.dtype)
    there = there[:, None, :].expand(-1, len(frame), -1)
    index = torch.where(there > 0, index, index[:, :, :1])
    rows = torch.arange(len(mask), device=mask.device)[:, None, None]
    seconds = (frame[:, None] - index) / fps.to(latents.dtype)[:, None, None] * there
    some = there[:, :, :1, None, None, None]
    return NearestFrames(torch.where(some > 0, latents[rows, index], torch.zeros_like(some)), seconds, there)


class ContextNetwork(nn.Module):
    """Learned downsampling of the context c_S (Video LDM, sec. 3.2), deep enough to move what is seen to where it will be.

    The paper downsamples the masked frames with a few convolutions and leaves motion to the temporal layers of a large
    model. Temporal layers see one place of all frames and a small frozen model was never taught to move things, so here a
    small U-Net looks at the two given frames nearest to each frame, the time that lies between, and where in the
    picture it is; at given frames moved along with the road where there are any; and at the maps of what is asked for. It does
    not know the diffusion time and runs once for all sampling steps. Its output is features for each level, and an estimate of
    the frame: the nearest given frame, the other one and the moved ones, in shares, and a change. A fresh network's is the
    nearest, but for 5 %.
    """

    def __init__(
        self,
        channels: int,
        map_channels: int,
        widths: tuple[int, ...],
        embedding_width: int,
        head_width: int,
        feature_channels: int = 0,
    ) -> None:
        super().__init__()
        self.widths = widths
        self.delay = nn.Sequential(
            nn.Linear(2 * (1 + 2 * _OCTAVES) + 2, embedding_width),
            nn.SiLU(),
            nn.Linear(embedding_width, embedding_width),
        )
        self.first = nn.Conv2d(2 * channels + 2, widths[0], 3, padding=1)
        self.road = zero_initialised(nn.Conv2d(MOVED * (channels + 1), widths[0], 3, padding=1))
        self.maps = zero_initialised(nn.Conv2d(map_channels, widths[0], 3, padding=1)) if map_channels else None
        self.entry = (
            zero_initialised(nn.Conv2d(feature_channels, widths[0], 3, padding=1, bias=False)) if feature_channels else None
        )
        self.down = nn.ModuleList(ResidualBlock(width, width, embedding_width) for width in widths)
        self.shrink = nn.ModuleList(Downsample(a, b) for a, b in pairwise(widths))
        self.match = nn.ModuleList(SpatialTransformer(width, head_width) for width in widths[1:])
        self.grow = nn.ModuleList(Upsample(b, a) for a, b in pairwise(widths))
        self.up = nn.ModuleList(ResidualBlock(2 * width, width, embedding_width) for width in widths[:-1])
        self.norm = group_norm(widths[0])
        self.share = zero_initialised(nn.Conv2d(widths[0], 2 + MOVED, 3, padding=1))
        self.estimate = zero_initialised(nn.Conv2d(widths[0], channels, 3, padding=1))

    def forward(
        self,
        latents: Tensor,
        mask: Tensor,
        fps: Tensor,
        moved: Tensor,
        moved_mask: Tensor,
        maps: Tensor,
        moved_seen: Tensor | None = None,
        features: Tensor | None = None,
        level: Tensor | None = None,
    ) -> tuple[list[Tensor], Tensor]:
        """Features [(b f) w h/2^l w/2^l] of every level l, and estimates [b f c h w]; arguments as of `nearest_given`.

        `moved` [b f MOVED c h w]: given frames, moved with the road, and zero where `moved_mask` float [b f MOVED] is 0;
        `moved_seen` float [b f MOVED h w]: the share of each cell of which that is known, if not of the whole picture. `maps`
        [(b f) m h w] draw what is asked for, zero where nothing is; `features` [(b f) k h w] are what the image model makes of
        the layout. `level` [b e]: the embedded level of the noise on given frames.
        """
        nearest = nearest_given(latents, mask, fps)
        embedding = self.delay(_delays(nearest))
        if level is not None:
            embedding = embedding + level.repeat_interleave(mask.shape[1], dim=0)
        pair = rearrange(nearest.frames, "b f two c h w -> (b f) (two c) h w")
        seen = moved_mask[..., None, None].expand(*moved_mask.shape, *moved.shape[4:]) if moved_seen is None else moved_seen
        road = torch.cat([moved, seen.to(moved.dtype)[:, :, :, None]], dim=3)
        road = rearrange(road, "b f k c h w -> (b f) (k c) h w")
        height, width = pair.shape[2:]
        places = cell_coordinates(height, width, "ends", pair.device, pair.dtype).expand(len(pair), 2, height, width)
        h = self.first(torch.cat([pair, places], dim=1)) + self.road(road)
        if self.maps is not None:
            h = h + self.maps(maps.to(pair.dtype))
        if self.entry is not None and features is not None:
            h = h + self.entry(features)
        skips: list[Tensor] = []
        for depth, block in enumerate(self.down):
            h = block(h if depth == 0 else self.shrink[depth - 1](h), embedding)
            if depth > 0:
                h = self.match[depth - 1](h)
            skips.append(h)
        levels = [h]
        for depth in reversed(range(len(self.up))):
            h = self.up[depth](torch.cat([self.grow[depth](h), skips[depth]], dim=1), embedding)
            levels.insert(0, h)
        h = nn.functional.silu(self.norm(h))
        choices = torch.cat([nearest.frames, moved], dim=2)
        shares = rearrange(self.share(h), "(b f) k h w -> b f k 1 h w", b=len(mask)).float()
        farther = nearest.mask[:, :, 1:, None, None].expand_as(seen[:, :, :1])
        others = torch.cat([farther, seen], dim=2)
        start = torch.cat([torch.zeros_like(others[:, :, :1]), torch.log(others) - _BEHIND], dim=2)
        shares = torch.softmax(shares + start[:, :, :, None], dim=2)
        change = rearrange(self.estimate(h), "(b f) c h w -> b f c h w", b=len(mask))
        return levels, (shares * choices).sum(dim=2) + change


class PlainContext(nn.Module):
    """Learned downsampling of the given frames and their mask as the paper has it (Video LDM, sec. 3.2): strided convolutions,
    which look at no other frame, at no motion and at nothing that is asked for. Its estimate is the nearest given frame."""

    def __init__(self, channels: int, widths: tuple[int, ...]) -> None:
        super().__init__()
        self.first = nn.Conv2d(channels + 1, widths[0], 3, padding=1)
        self.shrink = nn.ModuleList(Downsample(a, b) for a, b in pairwise(widths))

    def forward(self, latents: Tensor, mask: Tensor, fps: Tensor, *others: Tensor | None) -> tuple[list[Tensor], Tensor]:
        """As of ContextNetwork; what else that is told is not looked at."""
        shown = mask[:, :, None, None, None].to(latents.dtype)
        where = shown.expand(-1, -1, 1, *latents.shape[3:])
        h = self.first(torch.cat([latents * shown, where], dim=2).flatten(0, 1))
        levels = [h]
        for shrink in self.shrink:
            h = shrink(nn.functional.silu(h))
            levels.append(h)
        return levels, nearest_given(latents, mask, fps).frames[:, :, 0].float()


class RepeatedContext(nn.Module):
    """Given frames, each repeated until the next, beside the noisy ones, as LaVie interpolates (arXiv 2309.15103).

    Concatenated to the input of a U-Net they add to what its first convolution makes; so does `entry`, which starts at zero.
    """

    def __init__(self, channels: int, width: int) -> None:
        super().__init__()
        self.entry = zero_initialised(nn.Conv2d(channels, width, 3, padding=1, bias=False))

    def forward(self, latents: Tensor, mask: Tensor, fps: Tensor, *others: Tensor | None) -> tuple[list[Tensor], Tensor]:
        """As of ContextNetwork: no features, and as the estimate the repeated frames, zero before the first."""
        index = torch.where(mask > 0.5, torch.arange(mask.shape[1], device=mask.device), -1).cummax(dim=1).values
        frames = latents[torch.arange(len(mask), device=mask.device)[:, None], index.clamp(min=0)]
        return [], torch.where((index >= 0)[:, :, None, None, None], frames, torch.zeros_like(frames)).float()


def _delays(nearest: NearestFrames) -> Tensor:
    """The times to the given frames on a logarithmic scale, and which are there: [(b f) k]."""
    size = torch.log1p(nearest.seconds.abs() / _SHORTEST) / math.log1p(_LONGEST / _SHORTEST)
    delay = fourier_features((nearest.seconds.sign() * size).float().flatten(0, 1), _OCTAVES)
    return torch.cat([delay, nearest.mask.float().flatten(0, 1)], dim=1)
