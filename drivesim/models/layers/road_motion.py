"""Where what a camera sees comes from in the picture when it drives along a road."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from drivesim.models.layers.road_view import RoadView, arc

_LEAST_DEPTH = 0.05  # of a ray's length; what comes nearer to the camera's plane, or behind it, is out of the picture


def road_flow(
    view: RoadView, metres: Tensor, roadside: tuple[Tensor, Tensor] | None = None, tall: float = 10.0
) -> Tensor:
    """How far from each cell of a picture the same place is in another picture: float [n 2 h w] (x, y) in cells.

    `metres` [n] are driven from the other picture to this one, negative where the other is later. The road is flat and bends
    evenly. `roadside` (left, right) [n] m: how far to either side of the camera all that stands beside the road does, as walls
    along it `tall` m high; without it, and above it, what is over the horizon counts as far away: it turns with the road and
    does not come nearer. Flow leads out of the picture where the place is behind the other camera.
    """
    width = view.cells[1]
    ahead, left, up = view.rays()
    right, down = view.offsets()
    nearness = ((-up).clamp(min=0) / view.height).expand(-1, -1, width)  # 1 / the depth of what is seen
    for offset in () if roadside is None else (roadside[0], -roadside[1]):
        wall = _wall_nearness(ahead, left, view.curvature, offset[:, None, None])
        low = up + view.height * wall < tall * wall
        nearness = torch.where(low, torch.maximum(nearness, wall), nearness)
    forward, sideways, turn = arc(metres.float()[:, None, None], view.curvature)
    was_ahead = turn.cos() * ahead - turn.sin() * left + forward * nearness
    was_left = turn.sin() * ahead + turn.cos() * left + sideways * nearness
    depth = (view.pitch.cos() * was_ahead + view.pitch.sin() * up).clamp(min=_LEAST_DEPTH)
    flow_x = (-was_left / depth - right) * view.focal_x
    flow_y = ((view.pitch.sin() * was_ahead - view.pitch.cos() * up) / depth - down) * view.focal_y
    return torch.stack([flow_x, flow_y], dim=1).clamp(-2 * width, 2 * width)


def _wall_nearness(ahead: Tensor, left: Tensor, curvature: Tensor, offset: Tensor) -> Tensor:
    """1 / depth at which rays meet a wall along the road, `offset` m left of the camera: [n h w], 0 where they do not.

    The wall is a circle around the road's centre. With D = offset (1 - curvature offset / 2) a ray meets it at the depth z that
    solves curvature / 2 (ahead^2 + left^2) z^2 - left z + D = 0.
    """
    side = torch.where(offset < 0, -1.0, 1.0)
    reach = side * offset * (1 - curvature * offset / 2)
    bend, toward = side * curvature / 2 * (ahead.square() + left.square()), side * left
    inside = toward.square() - 4 * bend * reach
    found = (toward + inside.clamp(min=0).sqrt()) / (2 * reach)
    return torch.where((inside >= 0) & (found > 0), found, 0.0)


def move(pictures: Tensor, flow: Tensor) -> Tensor:
    """Each cell of `pictures` [n c h w] as it is `flow` [n 2 h w] cells (x, y) from it, between cells bilinearly: float [n c h w].

    Places beyond the edge have the value of the nearest cell. `flow` must be finite.
    """
    height, width = pictures.shape[2:]
    y = torch.arange(height, device=flow.device)[:, None] + flow[:, 1]
    x = torch.arange(width, device=flow.device) + flow[:, 0]
    grid = torch.stack([(2 * x + 1) / width - 1, (2 * y + 1) / height - 1], dim=3)
    return F.grid_sample(pictures.float(), grid, padding_mode="border", align_corners=False)
