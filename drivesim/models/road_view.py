"""What cameras above flat, evenly bending roads see where, and where it comes from in the picture of another moment."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from drivesim.scene.geometry import ASPECT, Pinhole, arc, image_motion, lens, pixel_centres, plane_to_road


@dataclass(frozen=True, eq=False)
class RoadView:
    """`camera` at left = 0 of roads of `curvature` (1/m, positive left), each [n 1 1]; `size` (h, w) of the picture in cells."""

    camera: Pinhole[Tensor]
    curvature: Tensor
    size: tuple[int, int]

    @classmethod
    def of(
        cls, camera_height: Tensor, pitch: Tensor, field_of_view: Tensor, curvature: Tensor, size: Sequence[int]
    ) -> RoadView:
        """From [n] each: m, degrees, degrees, 1/m; `size` is (h, w)."""
        rows = (camera_height, pitch, field_of_view, curvature)
        above, tilt, field, bend = (row.float()[:, None, None] for row in rows)
        return cls(Pinhole(above, *lens(tilt, field, torch)), bend, (int(size[0]), int(size[1])))

    @property
    def focal_x(self) -> Tensor:
        """Focal length in cells across [n 1 1]."""
        return self.camera.focal * self.size[1]

    @property
    def focal_y(self) -> Tensor:
        """Focal length in cells down [n 1 1]; cells are as high as wide in a frame of the cameras' aspect."""
        return self.camera.focal * ASPECT * self.size[0]

    def places(self) -> tuple[Tensor, Tensor]:
        """Frame coordinates of the cells: u [w] and v [h 1]."""
        return pixel_centres(*self.size, like=self.curvature)

    def road_places(self) -> tuple[Tensor, Tensor, Tensor]:
        """Where each cell's ray meets the road: m ahead along it and m left [n h w], and the depth of that place (m) [n h 1].

        The depth is along the camera's axis; it is infinite from the horizon up, where the first two are 0.
        """
        x, y, depth = self.camera.ground(*self.places())
        ahead, left = plane_to_road(x.expand(-1, -1, self.size[1]), y, self.curvature)
        return ahead, left, depth


def road_flow(
    view: RoadView, metres: Tensor, roadside: tuple[Tensor, Tensor] | None = None, tall: float = 10.0
) -> Tensor:
    """How far from each cell of a picture the same place is in another picture: float [n 2 h w] (x, y) in cells.

    `metres` [n] are driven from the other picture to this one, negative where the other is later. The road is flat and bends
    evenly. `roadside` (left, right) [n] m: how far to either side of the camera all that stands beside the road does, as walls
    along it `tall` m high; without it, and above it, what is over the horizon counts as far away: it turns with the road and
    does not come nearer. Flow leads out of the picture where the place is behind the other camera.
    """
    height, width = view.size
    u, v = view.places()
    ahead, left, up = view.camera.rays(u, v)
    nearness = ((-up).clamp(min=0) / view.camera.height).expand(-1, -1, width)  # 1 / the depth of what is seen
    for offset in () if roadside is None else (roadside[0], -roadside[1]):
        wall = _wall_nearness(ahead, left, view.curvature, offset[:, None, None])
        low = up + view.camera.height * wall < tall * wall
        nearness = torch.where(low, torch.maximum(nearness, wall), nearness)
    way = arc(metres.float()[:, None, None], view.curvature)
    across, down = image_motion(view.camera, u, v, nearness, way)
    return torch.stack([across * width, down * height], dim=1).clamp(-2 * width, 2 * width)


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


def warp(pictures: Tensor, flow: Tensor) -> Tensor:
    """Each cell of `pictures` [n c h w] as it is `flow` [n 2 h w] cells (x, y) from it, between cells bilinearly: float [n c h w].

    Places beyond the edge have the value of the nearest cell. `flow` must be finite.
    """
    height, width = pictures.shape[2:]
    y = torch.arange(height, device=flow.device)[:, None] + flow[:, 1]
    x = torch.arange(width, device=flow.device) + flow[:, 0]
    grid = torch.stack([(2 * x + 1) / width - 1, (2 * y + 1) / height - 1], dim=3)
    return F.grid_sample(pictures.float(), grid, padding_mode="border", align_corners=False)
