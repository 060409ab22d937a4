"""Temporal layers for every block of a spatial U-Net, with context frames: they make an image model a video model."""

from __future__ import annotations

import math

import torch
from einops import rearrange
from torch import Tensor, nn

from drivesim.nn.blocks import Downsample
from drivesim.nn.embeddings import FrameEmbedding, TimeEmbedding, fourier_features
from drivesim.nn.temporal import AlphaMerge, TemporalAttention, TemporalConv
from drivesim.nn.unet import Mix

MAX_GIVEN = 2  # context frames the model is told the number of
_FPS_OCTAVES = 4


class ContextEncoder(nn.Module):
    """Learned downsampling of the context c_S = (given frames, m) to every level (Video LDM, sec. 3.2): see `nearest_given`."""

    def __init__(self, channels: int, width: int, levels: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(channels + 1, width, 3, padding=1)
        self.shrink = nn.ModuleList(Downsample(width, width) for _ in range(levels - 1))

    def forward(self, latents: Tensor, mask: Tensor) -> list[Tensor]:
        """`latents` [b f c h w], `mask` float [b f] (1: given) to [(b f) width h/2^l w/2^l] for every level l."""
        known = nearest_given(latents, mask)
        mask = mask[:, :, None, None, None].to(latents.dtype)
        marked = torch.cat([known, mask.expand_as(latents[:, :, :1])], dim=2)
        features = [nn.functional.silu(self.first(rearrange(marked, "b f c h w -> (b f) c h w")))]
        for shrink in self.shrink:
            features.append(nn.functional.silu(shrink(features[-1])))
        return features


def nearest_given(latents: Tensor, mask: Tensor) -> Tensor:
    """Each frame's nearest given frame, the earlier of two: [b f c h w] of `latents` [b f c h w] and `mask` float [b f].

    Given frames stand for themselves; where none is given, zeros. The paper leaves frames that are not given at zero;
    repeating what is known (as LaVie's interpolation does) lets every frame start from a copy, so that motion is what remains
    to be learned.
    """
    frame = torch.arange(mask.shape[1], device=mask.device)
    distance = (frame[:, None] - frame).abs() + 2.0 * len(frame) * (mask[:, None, :] < 0.5)
    nearest = distance.argmin(dim=2)
    picked = torch.gather(latents, 1, nearest[:, :, None, None, None].expand_as(latents))
    return picked * (mask.sum(dim=1) > 0)[:, None, None, None, None].to(latents.dtype)


class TemporalLayers(nn.Module):
    """A TemporalConv and a TemporalAttention for each spatial block of a U-Net (`block_shapes`: channels, level).

    They know the diffusion time, the frame rate (logarithm, Fourier features), the number of given frames (0, 1 or 2)
    and the given frames themselves. The embedding of the frame index is shared by the blocks of a level.
    """

    def __init__(
        self,
        block_shapes: list[tuple[int, int]],
        context_channels: int,
        context_width: int = 32,
        embedding_width: int = 256,
        head_width: int = 32,
    ) -> None:
        super().__init__()
        widths = {level: width for width, level in block_shapes}
        self.levels = [level for _, level in block_shapes]
        self.time = TimeEmbedding(64, embedding_width)
        self.given = nn.Embedding(MAX_GIVEN + 1, embedding_width)
        self.rate = nn.Linear(1 + 2 * _FPS_OCTAVES, embedding_width)
        self.context = ContextEncoder(context_channels, context_width, len(widths))
        self.positions = nn.ModuleList(FrameEmbedding(widths[level]) for level in sorted(widths))
        self.convolutions = nn.ModuleList(
            TemporalConv(width, embedding_width, context_width) for width, _ in block_shapes
        )
        self.attentions = nn.ModuleList(TemporalAttention(width, head_width) for width, _ in block_shapes)

    def embed(self, t: Tensor, mask: Tensor, fps: Tensor) -> Tensor:
        """Diffusion time `t` [b], number of frames given in `mask` [b f] and `fps` [b], embedded: [b e]."""
        given = mask.sum(dim=1).round().long().clamp(0, MAX_GIVEN)
        rate = torch.log(fps.float() / 30.0)[:, None] / math.log(16.0)  # 1.875 to 30 frames/s become -1 to 0
        embedding: Tensor = self.time(t) + self.given(given) + self.rate(fourier_features(rate, _FPS_OCTAVES))
        return embedding

    def mixer(self, t: Tensor, latents: Tensor, mask: Tensor, fps: Tensor) -> Mix:
        """The `mix` of UNet.forward for one batch of clips.

        `t` int64 [b]; context `latents` [b f c h w], of which `mask` float [b f] (1: given) says what may be seen;
        `fps` float [b].
        """
        frames = latents.shape[1]
        embedding = self.embed(t, mask, fps)
        context = self.context(latents, mask)
        positions = [position(frames) for position in self.positions]

        def mix(i: int, h: Tensor) -> Tensor:
            level = self.levels[i]
            h = self.convolutions[i](h, frames, embedding, context[level])
            mixed: Tensor = self.attentions[i](h, frames, positions[level])
            return mixed

        return mix

    def set_alpha_logit(self, value: float) -> None:
        """Sets every alpha to sigmoid(`value`); from about 20 on the image model is left as it is, bit for bit."""
        for module in self.modules():
            if isinstance(module, AlphaMerge):
                nn.init.constant_(module.logit, value)
