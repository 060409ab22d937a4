"""The lane markings that a picture is asked to show, drawn where its camera sees them: a map beside the latents.

Boxes say where vehicles are; this says where the road is: of each frame of a clip, how far the camera has come along the dashes.
"""

from __future__ import annotations

import torch
from einops import rearrange
from torch import Tensor

from drivesim.models.conditions.conditions import Conditions
from drivesim.models.road_view import RoadView
from drivesim.scene.road import DASHES, LANE_WIDTH, SETTINGS
from drivesim.video_format import LATENT_FACTOR

CELL = LATENT_FACTOR  # pixels that a cell of the latents is drawn with, across and down
MARKING_MAP_CHANNELS = CELL * CELL
_LINE = 0.15  # m: width of a line


def marking_map(conditions: Conditions, height: int, width: int) -> Tensor:
    """The dashes between lanes of the road, as `CELL` x `CELL` pixels of each cell of the latents: float32 [b 64 h w], 0 to 1.

    A value is the share of the pixel that is painted, if every border of an own lane were a dashed line: which ones are, and
    which are solid or bare, the networks see or choose. Zero where place, road or camera are not given.
    """
    c = conditions
    given = (c["place"].given & c["road"].given & c["camera"].given)[:, None, None, None]
    painted = rearrange(_dashes(c, CELL * height, CELL * width), "b (h y) (w x) -> b (y x) h w", y=CELL, x=CELL)
    return torch.where(given, painted, 0.0)


def _dashes(c: Conditions, height: int, width: int) -> Tensor:
    """Share of each pixel that dashes cover [b h w], by box filters as wide and as long as the pixel on the road.

    Rows without a camera get some other one, so that their numbers are finite.
    """
    camera, road = c["camera"], c["road"]
    above, field = (torch.where(camera.given, camera[name], 1.0) for name in ("height", "field_of_view"))
    view = RoadView.of(above, camera["pitch"], field, road["curvature"], size=(height, width))
    ahead, left, depth = view.road_places()
    wide = depth / view.focal_x
    long = depth.square() / (view.camera.height * view.focal_y)
    table = torch.tensor([[LANE_WIDTH[s], *DASHES[s]] for s in SETTINGS], device=depth.device)
    lane, dash, period = table[road["setting"]].T[..., None, None]
    outermost = (road["ego_lane"][:, None, None] - 0.5) * lane
    border = torch.minimum(torch.round((outermost - left) / lane).clamp(min=0), road["lanes"][:, None, None])
    across = _covered(left - (outermost - border * lane), wide, _LINE)
    phase = (ahead + c["place"]["along"][:, None, None]) / period
    along = _covered((phase - torch.floor(phase) - 0.5) * period, long.clamp(max=1e3), dash)
    far = ((long / period - 0.5) / 1.5).clamp(0, 1)
    return torch.where(depth < torch.inf, across * torch.lerp(along, dash / period, far), 0.0)


def _covered(offset: Tensor, footprint: Tensor, length: Tensor | float) -> Tensor:
    """Share of footprints of this length, `offset` from the middle of something `length` long, that it covers."""
    low = torch.maximum(offset - footprint / 2, torch.as_tensor(-length / 2, device=offset.device))
    high = torch.minimum(offset + footprint / 2, torch.as_tensor(length / 2, device=offset.device))
    return (high - low).clamp(min=0) / footprint
