"""Where the road comes from in the picture when a camera drives along it."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

_LEAST_DEPTH = 0.05  # of a ray's length; what comes nearer to the camera's plane, or behind it, is out of the picture


def road_flow(
    metres: Tensor, camera_height: Tensor, pitch: Tensor, field_of_view: Tensor, curvature: Tensor, size: Sequence[int]
) -> Tensor:
    """How far from each cell of a picture the same place of the road is in another picture: float [n 2 h w] (x, y) in cells.

    `size` is (h, w), all others are [n]: `metres` driven from the other picture to this one, negative where the other is
    later; `camera_height` m above the road; `pitch` and `field_of_view` in degrees as those of scene.camera.Camera;
    `curvature` 1/m, positive bends left. The road is flat and bends evenly. What is above the horizon counts as far away: it
    turns with the road and does not come nearer. Flow leads out of the picture where the place is behind the other camera.
    """
    rows = (metres, camera_height, pitch.deg2rad(), field_of_view.deg2rad(), curvature)
    way, above, tilt, field, bend = (value.float()[:, None, None] for value in rows)
    height, width = size
    aspect, focal = width / height, 0.5 / torch.tan(field / 2)
    x = (torch.arange(width, device=metres.device) + 0.5) / width - 0.5
    y = (torch.arange(height, device=metres.device) + 0.5)[:, None] / height - 0.5
    right, down = x / focal, y / (focal * aspect)
    ahead, left, up = tilt.cos() + tilt.sin() * down, -right, tilt.sin() - tilt.cos() * down
    nearness = (-up).clamp(min=0) / above  # 1 / the length of the ray to the road
    turn = way * bend
    forward = way * torch.sinc(turn / math.pi)
    sideways = way * turn / 2 * torch.sinc(turn / (2 * math.pi)) ** 2
    was_ahead = turn.cos() * ahead - turn.sin() * left + forward * nearness
    was_left = turn.sin() * ahead + turn.cos() * left + sideways * nearness
    depth = (tilt.cos() * was_ahead + tilt.sin() * up).clamp(min=_LEAST_DEPTH)
    flow_x = (-was_left / depth - right) * focal * width
    flow_y = ((tilt.sin() * was_ahead - tilt.cos() * up) / depth - down) * (focal * aspect) * height
    flow = torch.stack([part.expand(len(metres), height, width) for part in (flow_x, flow_y)], dim=1)
    return flow.clamp(-2 * width, 2 * width)


def move(pictures: Tensor, flow: Tensor) -> Tensor:
    """Each cell of `pictures` [n c h w] as it is `flow` [n 2 h w] cells (x, y) from it, between cells bilinearly: float [n c h w].

    Places beyond the edge have the value of the nearest cell. `flow` must be finite.
    """
    height, width = pictures.shape[2:]
    y = torch.arange(height, device=flow.device)[:, None] + flow[:, 1]
    x = torch.arange(width, device=flow.device) + flow[:, 0]
    grid = torch.stack([(2 * x + 1) / width - 1, (2 * y + 1) / height - 1], dim=3)
    return F.grid_sample(pictures.float(), grid, padding_mode="border", align_corners=False)
