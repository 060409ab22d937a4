"""Temporal layers for every block of a spatial U-Net, with context frames: they make an image model a video model."""

from __future__ import annotations

import math
from typing import Literal, NamedTuple

import torch
from torch import Tensor, nn

from drivesim.models.layers.blocks import Hook, zero_initialised
from drivesim.models.layers.context import ContextNetwork, PlainContext, RepeatedContext
from drivesim.models.layers.embeddings import (
    FrameAngles,
    FrameEmbedding,
    LevelEmbedding,
    TimeEmbedding,
    fourier_features,
)
from drivesim.models.layers.temporal import MAX_INNER, InnerAttention, TemporalAttention, TemporalConv, near_frames
from drivesim.video_format import FRAME_RATES

MAX_GIVEN = 2  # given frames that the embedding of their number tells apart
_FPS_OCTAVES = 4


class ContextFeatures(NamedTuple):
    """A context as the temporal layers take it, the same at all diffusion times.

    `mask` float [b f] (1: given), `fps` float [b], `features` [(b f) k h/2^l w/2^l] of every level l, where there are some, the
    context network's `estimate` of the frames [b f c h w], the embedded level of the noise on given frames [b e], where it is told,
    and what is added to the first convolution's output, `entry` [(b f) w h w], of repeated frames.
    """

    mask: Tensor
    fps: Tensor
    features: list[Tensor]
    estimate: Tensor
    level: Tensor | None
    entry: Tensor | None = None


class TemporalLayers(nn.Module):
    """A TemporalConv and a TemporalAttention for each spatial block of a U-Net (`block_shapes`: channels, level); with `inside` an
    InnerAttention for each, which reads no text but its mean, and whose hook is an inner one.

    They know the diffusion time, the frame rate (logarithm, Fourier features), the number of given frames (0, 1 or 2), with
    `context_noise` the level of the noise on these, and, through a ContextNetwork with a width for each level, the given frames
    themselves; with a `text_width`, a text, by the mean of its tokens and by attention to them. The embedding of the frame index
    is shared by the blocks of a level. `reach`, `rotary`: see TemporalConv, TemporalAttention; `context`: by a ContextNetwork,
    PlainContext or RepeatedContext.
    Frames attend to those at most `distance` away (None: to all). Norms average over the whole clip even so, as the paper's do.
    """

    def __init__(
        self,
        block_shapes: list[tuple[int, int]],
        context_channels: int,
        map_channels: int,
        context_widths: tuple[int, ...] = (48, 96, 128),
        embedding_width: int = 128,
        head_width: int = 32,
        feature_channels: int = 0,
        context_noise: bool = False,
        text_width: int = 0,
        inner_width: int = MAX_INNER,
        reach: int = 1,
        rotary: bool = False,
        context: Literal["network", "plain", "repeated"] = "network",
        distance: int | None = None,
        inside: bool = False,
    ) -> None:
        super().__init__()
        widths = {level: width for width, level in block_shapes}
        if len(context_widths) != len(widths):
            raise ValueError(f"{len(context_widths)} context widths for a U-Net of {len(widths)} levels")
        self.levels, self.distance, self.inside = [level for _, level in block_shapes], distance, inside
        self.time = TimeEmbedding(64, embedding_width)
        self.given = nn.Embedding(MAX_GIVEN + 1, embedding_width)
        self.rate = nn.Linear(1 + 2 * _FPS_OCTAVES, embedding_width)
        self.level = LevelEmbedding(embedding_width) if context_noise else None
        self.context: nn.Module
        if context == "repeated":
            self.context = RepeatedContext(context_channels, block_shapes[0][0])
            context_widths, context_channels = (0,) * len(widths), 0
        elif context == "plain":
            self.context = PlainContext(context_channels, context_widths)
        else:
            self.context = ContextNetwork(
                context_channels, map_channels, context_widths, embedding_width, head_width, feature_channels
            )
        context_channels_of = {level: width + (context_channels if level == 0 else 0) for level, width in enumerate(context_widths)}
        self.positions = nn.ModuleList(
            FrameAngles(head_width) if rotary else FrameEmbedding(widths[level]) for level in sorted(widths)
        )
        self.convolutions = nn.ModuleList(
            TemporalConv(width, embedding_width, context_channels_of[level], inner_width, reach)
            for width, level in ([] if inside else block_shapes)
        )
        self.attentions = nn.ModuleList(
            InnerAttention(width, embedding_width, context_channels_of[level], head_width, rotary)
            if inside
            else TemporalAttention(width, head_width, text_width, rotary)
            for width, level in block_shapes
        )
        self.summary = zero_initialised(nn.Linear(text_width, embedding_width)) if text_width else None

    def embed(self, t: Tensor, mask: Tensor, fps: Tensor) -> Tensor:
        """Diffusion time `t` [b], number of frames given in `mask` [b f] and `fps` [b], embedded: [b e]."""
        given = mask.sum(dim=1).round().long().clamp(0, MAX_GIVEN)
        rate = torch.log(fps.float() / FRAME_RATES[-1])[:, None] / math.log(FRAME_RATES[-1] / FRAME_RATES[0])  # -1 to 0
        embedding: Tensor = self.time(t) + self.given(given) + self.rate(fourier_features(rate, _FPS_OCTAVES))
        return embedding

    def encode_context(
        self,
        latents: Tensor,
        mask: Tensor,
        fps: Tensor,
        moved: Tensor,
        moved_mask: Tensor,
        maps: Tensor,
        moved_seen: Tensor | None = None,
        layout: Tensor | None = None,
        level: Tensor | None = None,
    ) -> ContextFeatures:
        """Features of context `latents` [b f c h w], of which those frames are given where `mask` float [b f] is 1.

        `fps` float [b]; `moved`, `moved_mask`, `maps`, `moved_seen` and `layout` (its `features`) as of ContextNetwork; `level`
        float [b] of the noise on given frames, None where there is none.
        """
        told = None if self.level is None or level is None else self.level(level)
        features, estimate = self.context(latents, mask, fps, moved, moved_mask, maps, moved_seen, layout, told)
        if isinstance(self.context, RepeatedContext):
            return ContextFeatures(mask, fps, features, estimate, told, self.context.entry(estimate.flatten(0, 1)))
        features[0] = torch.cat([features[0], estimate.flatten(0, 1).to(features[0].dtype)], dim=1)
        return ContextFeatures(mask, fps, features, estimate, told)

    def hook(self, t: Tensor, context: ContextFeatures, text: Tensor | None = None) -> Hook:
        """The hook of a backbone, `inside` the inner one, for one batch of clips at `t` int64 [b], with the tokens of their `text`
        [b n k], if any."""
        frames = context.mask.shape[1]
        embedding = self.embed(t, context.mask, context.fps)
        if context.level is not None:
            embedding = embedding + context.level
        if self.summary is not None and text is not None:
            embedding = embedding + self.summary(text.mean(dim=1))
        positions = [position(frames).to(t.device) for position in self.positions]
        near = near_frames(frames, self.distance)
        near = None if near is None else near.to(t.device)

        def hook(i: int, h: Tensor) -> Tensor:
            level = self.levels[i]
            features = context.features[level] if context.features else None
            if self.inside:
                added: Tensor = self.attentions[i](h, frames, positions[level], embedding, features, near)
                return added
            h = self.convolutions[i](h, frames, embedding, features)
            attended: Tensor = self.attentions[i](h, frames, positions[level], text, near)
            return attended

        return hook


class TemporalBlocks(nn.Module):
    """A TemporalConv for each block of a U-Net, and a TemporalAttention for those of levels from `attention_from` on.

    For U-Nets that see beside the noise, frame by frame, what the frames are to show: the upscaler's. They know the diffusion time
    and the level of the noise on what is seen, another diffusion time.
    """

    def __init__(
        self, block_shapes: list[tuple[int, int]], attention_from: int, embedding_width: int, head_width: int, inner_width: int
    ) -> None:
        super().__init__()
        self.levels = [level for _, level in block_shapes]
        self.time, self.noise = TimeEmbedding(64, embedding_width), TimeEmbedding(64, embedding_width)
        widths = {level: width for width, level in block_shapes if level >= attention_from}
        self.positions = nn.ModuleDict({str(level): FrameEmbedding(width) for level, width in sorted(widths.items())})
        self.convolutions = nn.ModuleList(
            TemporalConv(width, embedding_width, inner_width=inner_width) for width, _ in block_shapes
        )
        self.attentions = nn.ModuleDict({
            str(i): TemporalAttention(width, head_width) for i, (width, level) in enumerate(block_shapes) if level in widths
        })  # fmt: skip

    def hook(self, t: Tensor, noise_level: Tensor, frames: int) -> Hook:
        """The hook for clips of `frames` frames, laid out as [(b f) ...], at `t` and `noise_level` int64 [b]."""
        embedding = self.time(t) + self.noise(noise_level)
        positions = {level: position(frames) for level, position in self.positions.items()}

        def hook(i: int, h: Tensor) -> Tensor:
            merged: Tensor = self.convolutions[i](h, frames, embedding)
            if str(i) in self.attentions:
                merged = self.attentions[str(i)](merged, frames, positions[str(self.levels[i])])
            return merged

        return hook
