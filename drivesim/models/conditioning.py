"""What a picture can be asked to show, as tensors, and two ways in: tokens for cross-attention, a map of the boxes.

Five groups can be given or not, row by row: boxes, look, road, camera, place. The third way in, of the place, is
marking_map.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor, nn

from drivesim.models.layers.attention import TransformerBlock
from drivesim.models.layers.embeddings import fourier_features
from drivesim.scene.boxes import Boxes
from drivesim.scene.camera import Camera
from drivesim.scene.clip import TimeOfDay
from drivesim.scene.road import MAX_CURVATURE, MAX_LANES, SETTINGS, Road
from drivesim.scene.vehicles import KINDS
from drivesim.video_format import MAX_VEHICLES

MAX_BOXES = MAX_VEHICLES
BOX_MAP_CHANNELS = 6 + len(KINDS)
GROUPS: dict[str, tuple[str, ...]] = {
    "boxes": ("boxes", "kinds", "headings", "box_mask"),
    "look": ("night", "crowdedness"),
    "road": ("setting", "lanes", "ego_lane", "curvature"),
    "camera": ("camera_height", "pitch", "field_of_view"),
    "place": ("along",),
}
_OCTAVES = 6


@dataclass(frozen=True, eq=False)
class Conditions:
    """One row a picture (b; for clips b * f, frames innermost). A group that is not given is zero throughout.

    Boxes: `boxes` float [b n 4] (x1 y1 x2 y2, fractions of the frame), `kinds` int64 [b n], `headings` float [b n]
    (rad), `box_mask` bool [b n] (rows that are boxes), near to far. Look: `night` [b] (1 is night), `crowdedness` [b]
    (vehicles). Road: `setting` int64 [b], `lanes`, `ego_lane` [b], `curvature` [b] (1/m). Camera: `camera_height` [b]
    (m), `pitch`, `field_of_view` [b] (degrees). Place: `along` [b] (m), see scene.clip.EgoMotion. `*_given` bool [b]. Numbers
    are float32. Boxes may be given and yet none be there: an empty road.
    """

    boxes: Tensor
    kinds: Tensor
    headings: Tensor
    box_mask: Tensor
    boxes_given: Tensor
    night: Tensor
    crowdedness: Tensor
    look_given: Tensor
    setting: Tensor
    lanes: Tensor
    ego_lane: Tensor
    curvature: Tensor
    road_given: Tensor
    camera_height: Tensor
    pitch: Tensor
    field_of_view: Tensor
    camera_given: Tensor
    along: Tensor
    place_given: Tensor

    @classmethod
    def none(cls, rows: int) -> Self:
        """Nothing given, for `rows` pictures."""

        def zeros(*shape: int, dtype: torch.dtype = torch.float32) -> Tensor:
            return torch.zeros(rows, *shape, dtype=dtype)

        whole = {"kinds": torch.int64, "setting": torch.int64, "box_mask": torch.bool}
        whole |= {f"{group}_given": torch.bool for group in GROUPS}
        shapes = {"boxes": (MAX_BOXES, 4), "kinds": (MAX_BOXES,), "headings": (MAX_BOXES,), "box_mask": (MAX_BOXES,)}
        names = [field.name for field in fields(cls)]
        return cls(**{n: zeros(*shapes.get(n, ()), dtype=whole.get(n, torch.float32)) for n in names})

    def __len__(self) -> int:
        return len(self.boxes_given)

    def to(self, device: torch.device | str) -> Self:
        """The same on `device`."""
        return replace(self, **{f.name: getattr(self, f.name).to(device, non_blocking=True) for f in fields(self)})

    def rows(self, index: Tensor | slice) -> Self:
        """The rows of `index`, a slice or an integer or boolean tensor."""
        return replace(self, **{f.name: getattr(self, f.name)[index] for f in fields(self)})

    def repeat(self, frames: int) -> Self:
        """Every row `frames` times: the same conditions for all frames of a clip [(b f)]."""
        return replace(
            self, **{f.name: getattr(self, f.name).repeat_interleave(frames, dim=0) for f in fields(self)}
        )

    def drop(
        self,
        boxes: Tensor | bool = False,
        look: Tensor | bool = False,
        road: Tensor | bool = False,
        camera: Tensor | bool = False,
        place: Tensor | bool = False,
    ) -> Self:
        """Without the groups where told so: True for every row, or bool [b]. The same as never given, exactly."""
        changed: dict[str, Tensor] = {}
        groups = {"boxes": boxes, "look": look, "road": road, "camera": camera, "place": place}
        for group, dropped in groups.items():
            if dropped is False:
                continue
            keep = ~torch.as_tensor(dropped, device=self.night.device).expand(len(self))
            for name in (*GROUPS[group], f"{group}_given"):
                value: Tensor = getattr(self, name)
                changed[name] = torch.where(keep.reshape(-1, *[1] * (value.ndim - 1)), value, torch.zeros_like(value))
        return replace(self, **changed)


def build_conditions(
    boxes: Sequence[Boxes | None],
    time_of_day: TimeOfDay | Sequence[TimeOfDay] | None = None,
    crowdedness: float | Sequence[float] | None = None,
    road: Road | Sequence[Road] | None = None,
    camera: Camera | Sequence[Camera] | None = None,
    along: float | Sequence[float] | None = None,
) -> Conditions:
    """Conditions from the scene's value types, a row for each element of `boxes` (None: boxes not given there).

    The others are one value for all rows, a list with one a row, or None: not given. Look is given where both time of
    day and crowdedness are. Boxes out of view (NaN or empty) are left out; of more than MAX_BOXES the nearest are kept.
    Raises ValueError for a list of another length.
    """
    rows = len(boxes)
    nothing = Conditions.none(rows)
    out = {f.name: getattr(nothing, f.name).numpy() for f in fields(Conditions)}
    for row, table in enumerate(boxes):
        if table is None:
            continue
        near = near_to_far(table)
        n = len(near)
        out["boxes"][row, :n], out["kinds"][row, :n], out["headings"][row, :n] = near.box, near.kind, near.heading
        out["box_mask"][row, :n] = True
        out["boxes_given"][row] = True
    if time_of_day is not None and crowdedness is not None:
        out["night"][:] = [time == "night" for time in _each(time_of_day, rows)]
        out["crowdedness"][:] = _each(crowdedness, rows)
        out["look_given"][:] = True
    if road is not None:
        roads = _each(road, rows)
        out["setting"][:] = [SETTINGS.index(r.setting) for r in roads]
        out["lanes"][:] = [r.lanes for r in roads]
        out["ego_lane"][:] = [r.ego_lane for r in roads]
        out["curvature"][:] = [r.curvature for r in roads]
        out["road_given"][:] = True
    if camera is not None:
        cameras = _each(camera, rows)
        out["camera_height"][:] = [c.height for c in cameras]
        out["pitch"][:] = [c.pitch for c in cameras]
        out["field_of_view"][:] = [c.field_of_view for c in cameras]
        out["camera_given"][:] = True
    if along is not None:
        out["along"][:] = _each(along, rows)
        out["place_given"][:] = True
    return Conditions(**{name: torch.from_numpy(value) for name, value in out.items()})


def _each(value: Any, rows: int) -> Sequence[Any]:
    if not isinstance(value, list | tuple):
        return [value] * rows
    if len(value) != rows:
        raise ValueError(f"{len(value)} values for {rows} rows")
    return value


def near_to_far(boxes: Boxes) -> Boxes:
    """The MAX_BOXES nearest boxes in view, nearest first: by their cuboids, or lower edges where one is unknown."""
    size = boxes.box[:, 2:] - boxes.box[:, :2]
    boxes = boxes.take(np.flatnonzero((size > 0).all(axis=1)))  # NaN is not
    distance = np.hypot(boxes.cuboid[:, 0], boxes.cuboid[:, 1])
    key = distance if np.isfinite(distance).all() else -boxes.box[:, 3]
    return boxes.take(np.argsort(key, kind="stable")[:MAX_BOXES])


def box_map(conditions: Conditions, height: int, width: int) -> Tensor:
    """The boxes drawn at latent resolution: float32 [b m h w], m = BOX_MAP_CHANNELS.

    Channels: covered, x and y within the box (-1 to 1), sine and cosine of the heading, kind (one-hot), all weighted
    with the exact share of the cell that the box covers and painted far to near; last a constant, boxes given. All are
    zero where boxes are not given.
    """
    shown = (conditions.box_mask & conditions.boxes_given[:, None]).float()
    x1, y1, x2, y2 = conditions.boxes.unbind(-1)
    cover_x, place_x = _along(x1, x2, width)
    cover_y, place_y = _along(y1, y2, height)
    cover = shown[:, :, None, None] * cover_y[:, :, :, None] * cover_x[:, :, None, :]
    nearer = torch.cumprod(1.0 - cover, dim=1)  # what box i and all nearer ones leave open
    weight = cover * torch.cat([torch.ones_like(cover[:, :1]), nearer[:, :-1]], dim=1)
    kinds = nn.functional.one_hot(conditions.kinds, len(KINDS)).float()
    headings = torch.stack([conditions.headings.sin(), conditions.headings.cos()], dim=-1)
    features = torch.cat([headings, kinds], dim=-1)
    channels = [
        weight.sum(dim=1, keepdim=True),
        (weight * place_x[:, :, None, :]).sum(dim=1, keepdim=True),
        (weight * place_y[:, :, :, None]).sum(dim=1, keepdim=True),
        torch.einsum("bnhw,bnm->bmhw", weight, features),
        conditions.boxes_given[:, None, None, None].float().expand(-1, 1, height, width),
    ]
    return torch.cat(channels, dim=1)


def _along(low: Tensor, high: Tensor, cells: int) -> tuple[Tensor, Tensor]:
    """Along one axis, for intervals [b n]: covered share of each cell, and its place within (-1 to 1): [b n cells]."""
    edges = torch.arange(cells + 1, dtype=low.dtype, device=low.device) / cells
    overlap = torch.minimum(high[..., None], edges[1:]) - torch.maximum(low[..., None], edges[:-1])
    centre, half = (low + high)[..., None] / 2, (high - low)[..., None].clamp(min=1e-6) / 2
    place = ((edges[1:] + edges[:-1]) / 2 - centre) / half
    return (overlap * cells).clamp(0, 1), place.clamp(-1, 1)


class ConditionEncoder(nn.Module):
    """Conditions to tokens: each group embedded, all fused by a small transformer (Video LDM's box-conditioned model).

    A token for every box (none where they are not given) and five for the picture: boxes as such, night, crowdedness,
    road, camera; a learned null token stands for what is not given.
    """

    PICTURE_TOKENS = 5

    def __init__(self, width: int = 128, layers: int = 2, head_width: int = 32) -> None:
        super().__init__()
        self.kind = nn.Embedding(len(KINDS), width)
        self.setting = nn.Embedding(len(SETTINGS), width)
        self.box = _mlp(6 * (1 + 2 * _OCTAVES) + 2, width)
        self.night = _mlp(1, width)
        self.crowdedness = _mlp(1 + 2 * _OCTAVES, width)
        self.road = _mlp(3 * (1 + 2 * _OCTAVES), width)
        self.camera = _mlp(3 * (1 + 2 * _OCTAVES), width)
        self.role = nn.Parameter(0.5 * torch.randn(self.PICTURE_TOKENS, width))
        self.null = nn.Parameter(0.5 * torch.randn(self.PICTURE_TOKENS, width))
        self.blocks = nn.ModuleList(TransformerBlock(width, head_width) for _ in range(layers))
        self.norm = nn.LayerNorm(width)

    def forward(self, conditions: Conditions) -> tuple[Tensor, Tensor]:
        """Tokens [b n d] and their mask bool [b n] (true: a token), n = MAX_BOXES + 5."""
        c = conditions
        boxes = self.box_tokens(c)
        picture = self.picture_tokens(c)
        given = torch.stack([c.boxes_given, c.look_given, c.look_given, c.road_given, c.camera_given], dim=1)
        picture = torch.where(given[..., None], picture + self.role, self.null)
        tokens = torch.cat([boxes.to(picture.dtype), picture], dim=1)
        mask = torch.cat([c.box_mask & c.boxes_given[:, None], torch.ones_like(given)], dim=1)
        for block in self.blocks:
            tokens = block(tokens, mask)
        return self.norm(tokens), mask

    def box_tokens(self, c: Conditions) -> Tensor:
        """Corners, width and height (Fourier features), heading and kind of every box [b n d]."""
        x1, y1, x2, y2 = c.boxes.unbind(-1)
        shape = torch.stack([x1, y1, x2, y2, x2 - x1, y2 - y1], dim=-1)
        heading = torch.stack([c.headings.sin(), c.headings.cos()], dim=-1)
        tokens: Tensor = self.box(torch.cat([fourier_features(shape, _OCTAVES), heading], dim=-1)) + self.kind(c.kinds)
        return tokens

    def picture_tokens(self, c: Conditions) -> Tensor:
        """Night, crowdedness (0 to MAX_BOXES), road and camera, after a place for the boxes [b 5 d]."""
        crowd = c.crowdedness.clamp(0, MAX_BOXES)[:, None] / MAX_BOXES
        road = torch.stack([c.lanes / MAX_LANES, c.ego_lane / MAX_LANES, c.curvature / MAX_CURVATURE], dim=-1)
        view = 1.0 / torch.tan(c.field_of_view.clamp(10, 170) * (math.pi / 360))
        camera = torch.stack([c.camera_height / 3.0, c.pitch / 15.0, view / 3.0], dim=-1)
        night = self.night(2.0 * c.night[:, None] - 1.0)
        tokens = [
            torch.zeros_like(night),
            night,
            self.crowdedness(fourier_features(crowd, _OCTAVES)),
            self.road(fourier_features(road, _OCTAVES)) + self.setting(c.setting),
            self.camera(fourier_features(camera, _OCTAVES)),
        ]
        return torch.stack(tokens, dim=1)


def _mlp(width_in: int, width: int) -> nn.Sequential:
    return nn.Sequential(nn.Linear(width_in, width), nn.SiLU(), nn.Linear(width, width))
