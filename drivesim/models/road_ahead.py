"""Given frames as the road takes them to where the camera is at other frames: context that already streams."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from drivesim.models.conditioning import Conditions
from drivesim.models.latent_space import LatentSpace
from drivesim.models.video_ldm import Context
from drivesim.nn.road_motion import move, road_flow

REACH = 60.0  # m: what is left of a given frame after a longer way is a blur at the horizon


@torch.no_grad()
def move_along(space: LatentSpace, context: Context, conditions: Conditions, metres: Tensor) -> Context:
    """The context with what each frame would show if all that the last given frame before it shows were painted on the road.

    `metres` float [b f] are driven so far at each frame, NaN where that is not known; `conditions` has a row for each frame
    (b * f). Pictures are moved, since latents do not move by parts of their cells: the given frame is decoded, moved with the
    road under the camera of its conditions, and encoded again. Frames stay without where the way or the camera is not known,
    no given frame comes before them, and after more than REACH.
    """
    frames = torch.arange(metres.shape[1], device=metres.device)
    last = torch.where(context.mask > 0, frames, -1).cummax(dim=1).values
    way = metres - metres.gather(1, last.clamp(min=0))
    made = (last >= 0) & (last < frames) & (way >= 0) & (way <= REACH) & conditions.camera_given.reshape(metres.shape)
    if not made.any():
        return context
    clip, frame = made.nonzero(as_tuple=True)
    sources, number = torch.unique(clip * len(frames) + last[clip, frame], return_inverse=True)
    shown = space.decode(context.latents.flatten(0, 1)[sources].float())
    row = clip * len(frames) + frame
    view = conditions.rows(row)
    flow = road_flow(
        way[made], view.camera_height, view.pitch, view.field_of_view, view.curvature, size=shown.shape[2:]
    )
    moved = torch.zeros_like(context.latents)
    moved[made] = space.encode(move(shown[number], flow)).to(moved.dtype)
    return replace(context, moved=moved, told=made.to(context.mask.dtype))
