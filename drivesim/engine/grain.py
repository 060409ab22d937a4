"""Noise that moves with surfaces: details that are made of it, upsampling and between key frames, stay on what they are on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import cos, pi, sin
from typing import NamedTuple

import numpy as np
import torch
from einops import rearrange
from torch import Tensor

from drivesim.engine.layouts import FrameLayouts
from drivesim.engine.moments import KEY_TICKS
from drivesim.layout.flow import Flow

_SPACINGS = (KEY_TICKS, KEY_TICKS // 4)
"""Ticks from one anchor to the next: details last long on what is far, and what comes near is carried on by closer anchors."""


class GrainPart(NamedTuple):
    """Noise of an anchor (spacing, tick), moved by `flow` or, without, where it lies, times `amplitude` [h w]."""

    anchor: tuple[int, int]
    flow: Flow | None
    amplitude: np.ndarray


def grain(layouts: FrameLayouts, tick: int) -> list[GrainPart]:
    """What the noise of the frame of `tick` is made of: unit noise of anchors, frames of every so many, whose squares add up to 1.

    A frame between two anchors takes both, each as the layout says that what the frame shows has moved since, or will have;
    the nearer one counts more. Where a surface is larger than in an anchor, whose noise would be stretched, that one counts less.
    What is missing is filled up from anchors closer by, and then by noise (0, 0), which lies on the screen.
    """
    parts: list[GrainPart] = []
    rest = np.ones(layouts.size, np.float32)
    for spacing in _SPACINGS:
        before = tick - tick % spacing
        if tick == before:
            return [*parts, GrainPart((spacing, before), None, np.sqrt(rest))]
        anchors = before, before + spacing
        flows = [layouts.flow(tick, anchor) for anchor in anchors]
        variances = _variances((tick - before) / spacing, [whole_share(flow) for flow in flows])
        for anchor, flow, variance in zip(anchors, flows, variances, strict=True):
            parts.append(GrainPart((spacing, anchor), flow, np.sqrt(rest * variance)))
        rest = rest * np.maximum(1 - sum(variances), 0)
    return [*parts, GrainPart((0, 0), None, np.sqrt(rest))]


def surface_noise(parts: Sequence[GrainPart], scale: int, anchor_noise: Callable[[int, int], Tensor]) -> Tensor:
    """Unit noise [c H W] of these parts, `scale` times as large as the layout; `anchor_noise` draws that of an anchor."""
    total = torch.zeros(())
    for part in parts:
        drawn = anchor_noise(*part.anchor)
        moved = drawn if part.flow is None else _moved(drawn, part.flow, scale)
        places = rearrange(moved, "c (h y) (w x) -> c h y w x", y=scale, x=scale)
        total = total + torch.from_numpy(part.amplitude)[:, None, :, None] * places
    return total.flatten(3).flatten(1, 2)


def _variances(time: float, most: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Parts [h w] in unit variance of the anchors before and after, `time` of 0 to 1 on; each at most as much as `most` says."""
    parts = [share * limit for share, limit in zip((cos(time * pi / 2) ** 2, sin(time * pi / 2) ** 2), most, strict=True)]
    rest = (1 - sum(parts)) / np.maximum(sum(most), 1e-6)
    return [np.minimum(part + rest * limit, limit).astype(np.float32) for part, limit in zip(parts, most, strict=True)]


def whole_share(flow: Flow) -> np.ndarray:
    """Which share of the pixels of each place has a pixel of its own in the other frame: float32 [h w], 0 where it is not seen."""
    (down_y, down_x), (right_y, right_x) = (np.gradient(part) for part in (flow.down, flow.right))
    area = np.abs((1 + down_y) * (1 + right_x) - down_x * right_y)
    return (np.minimum(area, 1.0) * flow.seen).astype(np.float32)


def _moved(noise: Tensor, flow: Flow, scale: int) -> Tensor:
    """Noise [c H W] of the other frame as this one has it, in whole pixels. All pixels of a place move alike: they stay white."""
    _, height, width = noise.shape
    # without bounds a cast to whole numbers is not defined
    down = (scale * torch.from_numpy(flow.down)).round().clamp(-height, height).int()
    right = (scale * torch.from_numpy(flow.right)).round().clamp(-width, width).int()
    rows = torch.arange(height, dtype=torch.int32).view(-1, scale, 1) + down[:, None]
    columns = torch.arange(width, dtype=torch.int32).view(-1, scale) + right[..., None]
    place = width * rows.clamp(0, height - 1)[..., None] + columns.clamp(0, width - 1)[:, None]
    return noise.flatten(1).index_select(1, place.flatten()).view_as(noise)
