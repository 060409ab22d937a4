"""Whether what a decoder gets wrong stays on what it is on: errors that come and go are flicker."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from drivesim.dataset.layouts import is_known
from drivesim.layout.labelled_flow import labelled_flows
from drivesim.metrics.flicker import steadiness
from drivesim.models.road_view import warp
from drivesim.scene.clip import ClipLabels
from drivesim.video_format import LATENT_FACTOR


def flow_within(labels: ClipLabels, cells: Sequence[int], corner: Sequence[int], size: Sequence[int]) -> tuple[Tensor, Tensor]:
    """Flow [f-1 2 h w] in pixels from each frame of a clip but the first to the one before it, and where that is seen [f-1 1 h w].

    Of the cells from `corner` on, so many as `size` says, of pictures of so many `cells` (y, x).
    """
    height, width = (LATENT_FACTOR * side for side in cells)
    top, left = (LATENT_FACTOR * side for side in corner)
    rows, columns = (slice(LATENT_FACTOR * at, LATENT_FACTOR * (at + side)) for at, side in zip(corner, size, strict=True))
    part = (LATENT_FACTOR * size[0], LATENT_FACTOR * size[1])
    moved, seen = np.zeros((len(labels) - 1, 2, *part), np.float32), np.zeros((len(labels) - 1, 1, *part), np.float32)
    if len(labels) == 1 or not all(is_known(labels, frame) for frame in range(len(labels))):
        return torch.from_numpy(moved), torch.from_numpy(seen)
    y, x = np.mgrid[rows, columns]
    for k, flow in enumerate(labelled_flows(labels, range(len(labels) - 1), height, width)[0]):
        right, down = (shift[rows, columns] for shift in (flow.right, flow.down))
        across, along = x + right - left, y + down - top  # places in the part
        inside = (across >= 0) & (across <= part[1] - 1) & (along >= 0) & (along <= part[0] - 1)
        moved[k], seen[k] = np.where(inside, np.stack([right, down]), 0.0), inside & flow.seen[rows, columns]
    return torch.from_numpy(moved), torch.from_numpy(seen)


def unsteady_error(error: Tensor, flow: Tensor, seen: Tensor) -> Tensor:
    """By how much errors [b f 3 h w] differ from those of the frame before, moved by `flow` [b f-1 2 h w], where `seen`
    [b f-1 1 h w] is 1.

    L1 on pixels, and on means of 2x2. What is wrong alike in all frames is no flicker; what is wrong in each by itself is.
    """
    if flow.shape[1] == 0:
        return error.new_zeros(())
    before, now = error[:, :-1].float().flatten(0, 1), error[:, 1:].float().flatten(0, 1)
    shown = seen.flatten(0, 1)
    change = (now - warp(before, flow.flatten(0, 1))) * shown
    whole = change.shape[1] * shown.sum().clamp(min=1.0)
    return change.abs().sum() / whole + 4 * F.avg_pool2d(change, 2).abs().sum() / whole


def moved_flicker(clips: np.ndarray, labels: Sequence[ClipLabels]) -> float:
    """Flicker (see metrics.flicker.Steadiness) of clips uint8 [n f h w 3] with their labels, on average.

    NaN where none is known.
    """
    each = []
    for clip, known in zip(clips, labels, strict=True):
        if len(known) > 1 and all(is_known(known, frame) for frame in range(len(known))):
            flows, _ = labelled_flows(known, range(len(known) - 1), *clip.shape[1:3])
            each.append(steadiness(clip[:-1], clip[1:], flows).flicker)
    return float(np.nanmean(each)) if np.isfinite(each).any() else float("nan")
