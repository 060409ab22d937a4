"""What a camera above a flat, evenly bending road sees where: rays of its cells, and the places on the road they meet."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True, eq=False)
class RoadView:
    """Cameras over roads: `height` m above the road, `pitch` rad, `field_of_view` rad, `curvature` 1/m, each [n 1 1].

    Angles and axes are those of scene.camera.Camera, road coordinates those of scene.road.Road with the camera at left = 0.
    `cells` (h, w) is the size of the picture.
    """

    height: Tensor
    pitch: Tensor
    field_of_view: Tensor
    curvature: Tensor
    cells: tuple[int, int]

    @classmethod
    def of(
        cls, camera_height: Tensor, pitch: Tensor, field_of_view: Tensor, curvature: Tensor, size: Sequence[int]
    ) -> RoadView:
        """From [n] each: m, degrees, degrees, 1/m, positive bends left; `size` is (h, w)."""
        rows = (camera_height, pitch.deg2rad(), field_of_view.deg2rad(), curvature)
        above, tilt, field, bend = (row.float()[:, None, None] for row in rows)
        return cls(above, tilt, field, bend, (int(size[0]), int(size[1])))

    @property
    def focal_x(self) -> Tensor:
        """Focal length in cells across [n 1 1]."""
        return self.cells[1] * 0.5 / torch.tan(self.field_of_view / 2)

    @property
    def focal_y(self) -> Tensor:
        """Focal length in cells down [n 1 1]; cells are as high as wide in a frame of the cameras' aspect."""
        return self.focal_x * 2 * self.cells[0] / self.cells[1]

    def offsets(self) -> tuple[Tensor, Tensor]:
        """Right [n 1 w] and down [n h 1] of each cell's ray, one unit ahead of the camera along its axis."""
        height, width = self.cells
        x = torch.arange(width, device=self.pitch.device) + (0.5 - width / 2)
        y = torch.arange(height, device=self.pitch.device)[:, None] + (0.5 - height / 2)
        return x / self.focal_x, y / self.focal_y

    def rays(self) -> tuple[Tensor, Tensor, Tensor]:
        """Ahead [n h 1], left [n 1 w] and up [n h 1] of the rays, of unit length along the camera's axis."""
        right, down = self.offsets()
        return (
            self.pitch.cos() + self.pitch.sin() * down,
            -right,
            self.pitch.sin() - self.pitch.cos() * down,
        )

    def road_places(self) -> tuple[Tensor, Tensor, Tensor]:
        """Where each cell's ray meets the road: m ahead along it and m left [n h w], and the depth of that place (m) [n h 1].

        The depth is along the camera's axis; it is infinite from the horizon up, where the first two are 0.
        """
        ahead, left, up = self.rays()
        depth = torch.where(up < 0, self.height / (-up).clamp(min=1e-6), torch.inf)
        below = torch.where(depth < torch.inf, depth, 0.0)
        x, y = (ahead * below).expand(-1, -1, self.cells[1]), left * below
        inward = 1 - self.curvature * y
        turn = self.curvature * x
        radius = torch.hypot(turn, inward)
        slope = turn / inward
        bent = torch.where(slope.abs() < 1e-3, 1 - slope.square() / 3, torch.atan(slope) / slope)
        return x / inward * bent, (2 * y - self.curvature * (x.square() + y.square())) / (1 + radius), depth


def arc(metres: Tensor, curvature: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Forward (m), left (m) and the turn (rad) of who drives `metres` along a road of this curvature (1/m)."""
    turn = metres * curvature
    return metres * torch.sinc(turn / math.pi), metres * turn / 2 * torch.sinc(turn / (2 * math.pi)).square(), turn
