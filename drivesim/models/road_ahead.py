"""Given frames as the road takes them to where the camera is at other frames: context that already streams."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from drivesim.models.backbone import LatentCodec
from drivesim.models.conditions.conditions import Conditions
from drivesim.models.road_view import RoadView, road_flow, warp
from drivesim.models.video_ldm import Context
from drivesim.scene.road import LANE_WIDTH, ROADSIDE, SETTINGS

REACH = 60.0  # m: what is left of a given frame after a longer way is a blur at the horizon
_FAR = 1e4  # m: walls that nobody sees


@torch.no_grad()
def move_along(space: LatentCodec, context: Context, conditions: Conditions, metres: Tensor) -> Context:
    """The context with what each frame would show if all that a given frame shows stood still on the road and along it.

    Two answers for each frame: of the last given frame before it and of the first one after it. `metres` float [b f] are driven
    so far at each frame, NaN where that is not known; `conditions` has a row for each frame (b * f). Pictures are moved, since
    latents do not move by parts of their cells: the given frame is decoded, moved under the camera of its conditions, and
    encoded again. Frames stay without where the way or the camera is not known, no frame is given on that side, and after
    more than REACH.
    """
    frames = torch.arange(metres.shape[1], device=metres.device)
    before = torch.where(context.mask > 0, frames, -1).cummax(dim=1).values
    after = torch.where(context.mask > 0, frames, len(frames)).flip(1).cummin(dim=1).values.flip(1)
    source = torch.stack([before, after], dim=2)
    there = (source >= 0) & (source < len(frames)) & (source != frames[:, None])
    source = source.clamp(0, len(frames) - 1)
    way = metres[:, :, None] - metres.gather(1, source.flatten(1)).reshape(source.shape)
    made = there & (way.abs() <= REACH) & conditions["camera"].given.reshape(*metres.shape, 1)
    if not made.any():
        return context
    clip, frame, _ = made.nonzero(as_tuple=True)
    sources, number = torch.unique(clip * len(frames) + source[made], return_inverse=True)
    shown = space.decode(context.latents.flatten(0, 1)[sources].float())
    seen = conditions.rows(clip * len(frames) + frame)
    camera = seen["camera"]
    curvature = seen["road"]["curvature"]
    view = RoadView.of(camera["height"], camera["pitch"], camera["field_of_view"], curvature, size=shown.shape[2:])
    moved = torch.zeros_like(context.moved)
    moved[made] = space.encode(warp(shown[number], road_flow(view, way[made], _roadside(seen)))).to(moved.dtype)
    return replace(context, moved=moved, moved_mask=made.to(context.mask.dtype))


def _roadside(conditions: Conditions) -> tuple[Tensor, Tensor]:
    """How far left and right of the camera things stand beside the road [n] (m): oncoming lanes are as many as own ones."""
    road = conditions["road"]
    lanes, ego_lane = road["lanes"], road["ego_lane"]
    tables = (torch.tensor([table[s] for s in SETTINGS], device=lanes.device) for table in (LANE_WIDTH, ROADSIDE))
    lane, beside = (table[road["setting"]] for table in tables)
    left, right = (ego_lane - 0.5 + lanes) * lane + beside, (lanes - ego_lane + 0.5) * lane + beside
    return torch.where(road.given, left, _FAR), torch.where(road.given, right, _FAR)
