"""Given frames as the layout says that they move: what stands by the ego's motion, vehicles by their own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d

from drivesim.models.backbone import LatentCodec
from drivesim.models.road_view import warp
from drivesim.models.video_ldm import Context
from drivesim.video_format import LATENT_FACTOR

LEAST_SEEN = 0.25  # share of a cell that the given frame must show for the cell to be moved


@torch.no_grad()
def move_frames(space: LatentCodec, pictures: Tensor, flow: Tensor, seen: Tensor) -> tuple[Tensor, Tensor]:
    """Pictures [n 3 H W] in [-1, 1] as they are `flow` [n 2 H W] pixels (x, y) from each pixel: latents [n c h w], seen [n h w].

    `seen` bool [n H W]: pixels whose place is in the picture and not hidden there; of cells the share that is. What is seen too
    little is zero in both: nothing is said of it.
    """
    share = avg_pool2d(seen.float(), LATENT_FACTOR)
    share = torch.where(share >= LEAST_SEEN, share, 0.0)
    reach = 2 * pictures.shape[3]
    latents = space.encode(warp(pictures, flow.clamp(-reach, reach)))
    return latents * (share > 0)[:, None], share


def with_moved(context: Context, moved: Tensor, seen: Tensor) -> Context:
    """The context with frames `moved` [b f MOVED c h w] by the layout, of which `seen` [b f MOVED h w] is known.

    Frames of which nothing is known so stay as they are.
    """
    found = seen.flatten(3).amax(dim=3) > 0
    whole = context.moved_mask[..., None, None].expand_as(seen)
    return replace(
        context,
        moved=torch.where(found[..., None, None, None], moved, context.moved),
        moved_mask=torch.where(found, 1.0, context.moved_mask),
        moved_seen=torch.where(found[..., None, None], seen, whole),
    )


def moved_sources(frames: int, given: Sequence[int]) -> list[tuple[int | None, int | None]]:
    """For each frame of a clip the last given frame before it, and the first one after it."""
    return [
        (max((g for g in given if g < frame), default=None), min((g for g in given if g > frame), default=None))
        for frame in range(frames)
    ]
