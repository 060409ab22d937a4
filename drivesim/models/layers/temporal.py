"""Temporal layers (Video LDM, sec. 3.1): spatial layers see pictures [(b f) c h w], these see clips of f frames.

Each ends in the merge out = alpha z + (1 - alpha) z' of its input z (the spatial layers') and its own output z', with one
learned alpha in [0, 1] a layer. alpha = 1 is the spatial network exactly; so is the start, because z' = z then.

U-Nets of latents have TemporalConv and TemporalAttention (see video_unet). Networks that work on crops of pixels, the decoder
and the upsampler, have TemporalLevels, which are exactly convolutional like them.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from einops import rearrange
from torch import Tensor, nn

from drivesim.models.layers.attention import Attention
from drivesim.models.layers.blocks import Hook, Modulation, zero_initialised
from drivesim.models.layers.norms import PixelNorm, group_norm

MAX_INNER = 96


class AlphaMerge(nn.Module):
    """alpha z + (1 - alpha) z', alpha = sigmoid(logit), a scalar so that clips of any length work."""

    def __init__(self) -> None:
        super().__init__()
        self.logit = nn.Parameter(torch.zeros(()))

    def forward(self, spatial: Tensor, temporal: Tensor) -> Tensor:
        """Both [...], the same shape; bit for bit `spatial` where alpha rounds to 1."""
        return torch.lerp(temporal.to(spatial.dtype), spatial, torch.sigmoid(self.logit).to(spatial.dtype))


class TemporalConv(nn.Module):
    """Residual block of a 3D convolution in two factors, (3, 1, 1) over frames and (1, 3, 3) within them.

    The paper's reaches over frames only; frozen spatial layers of a large model move what it finds, those of a small one
    do not. Context features are concatenated to the input of the first factor, which runs as a 2D one of (3, 1) over
    [b c f (h w)]; an embedding scales and shifts between the two. Either may be left out with a width of 0. Between the two
    are at most `inner_width` channels. With a `reach` of 0 instead of 1 frame either way no frame sees another here.
    """

    def __init__(
        self, width: int, embedding_width: int = 0, context_width: int = 0, inner_width: int = MAX_INNER, reach: int = 1
    ) -> None:
        super().__init__()
        self.norm1 = group_norm(width)
        inner = min(width, inner_width)
        self.conv1 = nn.Conv2d(width + context_width, inner, (2 * reach + 1, 1), padding=(reach, 0))
        self.modulation = Modulation(embedding_width, inner) if embedding_width else None
        self.norm2 = group_norm(inner)
        self.conv2 = zero_initialised(nn.Conv2d(inner, width, 3, padding=1))
        self.merge = AlphaMerge()

    def forward(
        self, z: Tensor, frames: int, embedding: Tensor | None = None, context: Tensor | None = None
    ) -> Tensor:
        """`z` [(b f) c h w], `embedding` [b e], `context` [(b f) k h w] to [(b f) c h w]."""
        clip = rearrange(z, "(b f) c h w -> b c f (h w)", f=frames)
        h = F.silu(self.norm1(clip))
        if context is not None:
            h = torch.cat([h, rearrange(context, "(b f) k h w -> b k f (h w)", f=frames).to(h.dtype)], dim=1)
        h = self.norm2(self.conv1(h))
        if self.modulation is not None and embedding is not None:
            h = self.modulation(h, embedding)
        h = self.conv2(rearrange(F.silu(h), "b c f (h w) -> (b f) c h w", h=z.shape[2]))
        out: Tensor = self.merge(z, z + h)
        return out


class TemporalAttention(nn.Module):
    """Self-attention of every place among the frames of its clip, then, with a `text_width`, cross-attention to a text.

    Who attends to the text knows its frame, so that the text can say what happens when. With `rotary` attention among frames turns
    by their angles (FrameAngles), instead of adding an embedding of their index (FrameEmbedding).
    """

    def __init__(self, width: int, head_width: int = 32, text_width: int = 0, rotary: bool = False) -> None:
        super().__init__()
        self.rotary = rotary
        self.norm = nn.LayerNorm(width)
        self.attention = Attention(width, head_width)
        self.text = TextAttention(width, head_width, text_width) if text_width else None
        self.merge = AlphaMerge()

    def forward(
        self, z: Tensor, frames: int, position: Tensor, text: Tensor | None = None, near: Tensor | None = None
    ) -> Tensor:
        """`z` [(b f) c h w], `position` [f c] (FrameEmbedding) or [f d/2] (FrameAngles), `text` [b n k] to [(b f) c h w].

        `near` bool [1 f f]: which frames see which (see `near_frames`).
        """
        height, width = z.shape[2:]
        places = rearrange(z, "(b f) c h w -> (b h w) f c", f=frames)
        h = among_frames(self.attention, self.norm(places), position, self.rotary, near)
        position = places.new_zeros(()) if self.rotary else position
        if self.text is not None and text is not None:
            h = h + self.text(places + h, position, text)
        h = rearrange(h, "(b h w) f c -> (b f) c h w", h=height, w=width)
        out: Tensor = self.merge(z, z + h)
        return out


class InnerAttention(nn.Module):
    """Self-attention of every place among the frames of its clip, to stand in the transformer of an image model, as LaVie has it
    (arXiv 2309.15103). What it adds starts at zero; nothing is merged.

    What the temporal layers know joins the features that are attended to: an embedding, and those of given frames where there
    are some (`context_width` above 0).
    """

    def __init__(
        self, width: int, embedding_width: int, context_width: int = 0, head_width: int = 32, rotary: bool = False
    ) -> None:
        super().__init__()
        self.rotary = rotary
        self.norm = nn.LayerNorm(width)
        self.embedding = nn.Linear(embedding_width, width)
        self.context = nn.Linear(context_width, width) if context_width else None
        self.attention = Attention(width, head_width)

    def forward(
        self, z: Tensor, frames: int, position: Tensor, embedding: Tensor, context: Tensor | None = None, near: Tensor | None = None
    ) -> Tensor:
        """`z` [(b f) c h w], `embedding` [b e], `context` [(b f) k h w] to what is added to z; else as of TemporalAttention."""
        height, width = z.shape[2:]
        places = self.norm(rearrange(z, "(b f) c h w -> (b h w) f c", f=frames))
        places = places + self.embedding(F.silu(embedding)).repeat_interleave(height * width, dim=0)[:, None]
        if self.context is not None and context is not None:
            places = places + self.context(rearrange(context, "(b f) k h w -> (b h w) f k", f=frames))
        h = among_frames(self.attention, places, position, self.rotary, near)
        return rearrange(h, "(b h w) f c -> (b f) c h w", h=height, w=width)


def among_frames(attention: Attention, places: Tensor, position: Tensor, rotary: bool, near: Tensor | None) -> Tensor:
    """`attention` of normalised `places` [n f c] among frames, whose `position` is turned by or added."""
    if rotary:
        return attention(places, mask=near, angles=position)
    return attention(places + position, mask=near)


def near_frames(frames: int, distance: int | None) -> Tensor | None:
    """Which frames of a clip attend to which, bool [1 f f]: those at most `distance` away; None where no two are farther apart.

    So masked, attention slides over a clip of any length as a convolution does (Video LDM, app. on convolution in time: 8 frames).
    """
    if distance is None or frames <= distance + 1:
        return None
    index = torch.arange(frames)
    return ((index[:, None] - index).abs() <= distance)[None]


class TextAttention(nn.Module):
    """Cross-attention of all places of all frames of a clip to the tokens of a text; what it adds starts at zero."""

    def __init__(self, width: int, head_width: int, text_width: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.attention = Attention(width, head_width, text_width)

    def forward(self, places: Tensor, position: Tensor, text: Tensor) -> Tensor:
        """`places` [(b p) f c], `position` [f c], `text` [b n k] to what is added to the places."""
        clips = rearrange(self.norm(places) + position, "(b p) f c -> b (p f) c", b=len(text))
        return rearrange(self.attention(clips, text), "b (p f) c -> (b p) f c", f=places.shape[1])


class TemporalConv3d(nn.Module):
    """Residual block of a 3x3x3 convolution, symmetric in time, to `inner` channels, and a 1x3x3 one back.

    A frame sees its two neighbours; the ends of a clip are padded with zeros.
    """

    def __init__(self, width: int, inner: int) -> None:
        super().__init__()
        self.norm1, self.conv1 = PixelNorm(width), nn.Conv3d(width, inner, 3, padding=1)
        self.norm2, self.conv2 = PixelNorm(inner), zero_initialised(nn.Conv2d(inner, width, 3, padding=1))
        self.merge = AlphaMerge()

    def forward(self, z: Tensor, frames: int) -> Tensor:
        """`z` [(b f) c h w] to the same shape."""
        clip = rearrange(self.norm1(z), "(b f) c h w -> b c f h w", f=frames)
        h = rearrange(self.conv1(F.silu(clip)), "b c f h w -> (b f) c h w")
        out: Tensor = self.merge(z, z + self.conv2(F.silu(self.norm2(h))))
        return out


class TemporalLevels(nn.Module):
    """A TemporalConv3d for every level of a network that upsamples; `widths` and `inner` of the levels, the coarsest first."""

    def __init__(self, widths: Sequence[int], inner: Sequence[int]) -> None:
        super().__init__()
        self.layers = nn.ModuleList(TemporalConv3d(a, b) for a, b in zip(widths, inner, strict=True))

    @property
    def reach(self) -> int:
        """A frame depends on frames at most so many away."""
        return len(self.layers)

    @property
    def last_weight(self) -> Tensor:
        """Of the last convolution, where losses can be compared (see gradient_ratio)."""
        convolution = self.layers[-1].conv2
        assert isinstance(convolution, nn.Conv2d)
        return convolution.weight

    def hook(self, frames: int) -> Hook:
        """The hook for clips of `frames` frames, laid out as [(b f) ...]."""

        def hook(i: int, h: Tensor) -> Tensor:
            merged: Tensor = self.layers[i](h, frames)
            return merged

        return hook
