"""Boxes: vehicles as rectangles of the frame, each with its kind, heading, size and paint. A token each, and a map of all."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from drivesim.models.conditions.conditions import Conditions
from drivesim.models.conditions.group import Dropout, Field, FieldValues, Group, GroupEncoder
from drivesim.models.conditions.numbers import NumberCode, feature_count, mlp, number_features
from drivesim.models.layers.blocks import zero_initialised
from drivesim.scene.boxes import Boxes
from drivesim.scene.clip import ClipLabels
from drivesim.scene.vehicles import KINDS
from drivesim.video_format import MAX_VEHICLES

if TYPE_CHECKING:
    from drivesim.scenario.scenario import Scenario

BOX_MAP_CHANNELS = 6 + len(KINDS)
DETAILS = 8
"""Numbers of size and paint, each with one that says whether it is known."""
_N = MAX_VEHICLES


class BoxGroup(Group):
    """The vehicles of one frame, nearest first; of more than MAX_VEHICLES the nearest."""

    name = "boxes"
    fields: ClassVar = {
        "box": Field("x1 y1 x2 y2, fractions of the frame", (_N, 4)),
        "kind": Field("index in scene.vehicles.KINDS", (_N,), torch.int64),
        "heading": Field("rad in the ego frame, 0 drives away, NaN where unknown", (_N,)),
        "size": Field("length, width and height in metres, and 1; zeros where unknown", (_N, 4)),
        "paint": Field("sRGB in [0, 1], and 1; zeros where unknown", (_N, 4)),
        "present": Field("whether this place holds a vehicle", (_N,), torch.bool),
    }
    dropout = Dropout(picture=0.35, clip=0.0)

    def of_scenario(self, scenario: Scenario, seconds: float) -> FieldValues | None:
        """A scenario places vehicles in its first frame."""
        return None if seconds else self.of_table(scenario.scene_boxes())

    def of_labels(self, labels: ClipLabels, frame: int) -> FieldValues | None:
        """Of this frame."""
        table = labels.boxes[frame]
        return None if table is None else self.of_table(table)

    def of_table(self, table: Boxes) -> FieldValues:
        """The boxes of a table that are in view."""
        near = near_to_far(table)
        room = _N - len(near)
        return {
            "box": np.pad(near.box, ((0, room), (0, 0))),
            "kind": np.pad(near.kind, (0, room)),
            "heading": np.pad(near.heading, (0, room)),
            "size": np.pad(_known(near.cuboid[:, 3:6]), ((0, room), (0, 0))),
            "paint": np.pad(_known(near.paint), ((0, room), (0, 0))),
            "present": np.arange(_N) < len(near),
        }

    def encoder(self, width: int, code: NumberCode) -> GroupEncoder:
        """A token for every box, one that says whether boxes are given, and the map."""
        return BoxEncoder(width, code)


def near_to_far(boxes: Boxes) -> Boxes:
    """The MAX_VEHICLES nearest boxes in view, nearest first: by their cuboids, or lower edges where one is unknown."""
    size = boxes.box[:, 2:] - boxes.box[:, :2]
    boxes = boxes.take(np.flatnonzero((size > 0).all(axis=1)))  # NaN is not
    distance = np.hypot(boxes.cuboid[:, 0], boxes.cuboid[:, 1])
    key = distance if np.isfinite(distance).all() else -boxes.box[:, 3]
    return boxes.take(np.argsort(key, kind="stable")[:MAX_VEHICLES])


def _known(values: np.ndarray) -> np.ndarray:
    """Values [n 3] and 1 where all three are known, else zeros [n 4]."""
    known = np.isfinite(values).all(axis=1, keepdims=True)
    return np.where(known, np.concatenate([values, known], axis=1), 0)


def box_map(conditions: Conditions, height: int, width: int) -> Tensor:
    """The boxes drawn at latent resolution: float32 [b m h w], m = BOX_MAP_CHANNELS.

    Channels: covered, x and y within the box (-1 to 1), sine and cosine of the heading (zeros if unknown), kind
    (one-hot), all weighted with the exact share of the cell that the box covers and painted far to near; last a
    constant, boxes given. All are zero where boxes are not given.
    """
    c = conditions["boxes"]
    shown = (c["present"] & c.given[:, None]).float()
    x1, y1, x2, y2 = c["box"].unbind(-1)
    cover_x, place_x = _along(x1, x2, width)
    cover_y, place_y = _along(y1, y2, height)
    cover = shown[:, :, None, None] * cover_y[:, :, :, None] * cover_x[:, :, None, :]
    nearer = torch.cumprod(1.0 - cover, dim=1)  # what box i and all nearer ones leave open
    weight = cover * torch.cat([torch.ones_like(cover[:, :1]), nearer[:, :-1]], dim=1)
    kinds = nn.functional.one_hot(c["kind"], len(KINDS)).float()
    features = torch.cat([_direction(c["heading"]), kinds], dim=-1)
    channels = [
        weight.sum(dim=1, keepdim=True),
        (weight * place_x[:, :, None, :]).sum(dim=1, keepdim=True),
        (weight * place_y[:, :, :, None]).sum(dim=1, keepdim=True),
        torch.einsum("bnhw,bnm->bmhw", weight, features),
        c.given[:, None, None, None].float().expand(-1, 1, height, width),
    ]
    return torch.cat(channels, dim=1)


def _direction(heading: Tensor) -> Tensor:
    """Sine and cosine of headings [...]: [... 2], zeros where one is not known."""
    return torch.stack([heading.sin(), heading.cos()], dim=-1).nan_to_num()


def _along(low: Tensor, high: Tensor, cells: int) -> tuple[Tensor, Tensor]:
    """Along one axis, for intervals [b n]: covered share of each cell, and its place within (-1 to 1): [b n cells]."""
    edges = torch.arange(cells + 1, dtype=low.dtype, device=low.device) / cells
    overlap = torch.minimum(high[..., None], edges[1:]) - torch.maximum(low[..., None], edges[:-1])
    centre, half = (low + high)[..., None] / 2, (high - low)[..., None].clamp(min=1e-6) / 2
    place = ((edges[1:] + edges[:-1]) / 2 - centre) / half
    return (overlap * cells).clamp(0, 1), place.clamp(-1, 1)


class BoxEncoder(GroupEncoder):
    """A token for every box, one that says whether boxes are given, and the map of all boxes."""

    token_count = 1
    map_channels = BOX_MAP_CHANNELS

    def __init__(self, width: int, code: NumberCode) -> None:
        super().__init__(BoxGroup.name, width)
        self.code = code
        self.kind = nn.Embedding(len(KINDS), width)
        self.box = mlp(feature_count(6, code) + 2, width)
        self.details = nn.Sequential(
            nn.Linear(DETAILS, width, bias=False), nn.SiLU(), zero_initialised(nn.Linear(width, width, bias=False))
        )

    def objects(self, conditions: Conditions) -> tuple[Tensor, Tensor]:
        """Corners, width and height, heading, kind, size and paint of every box [b n d], and which are there bool [b n].

        Size and paint are added by an encoder that starts at zero and adds nothing where both are unknown.
        """
        c = conditions[self.group]
        x1, y1, x2, y2 = c["box"].unbind(-1)
        shape = torch.stack([x1, y1, x2, y2, x2 - x1, y2 - y1], dim=-1)
        numbers = torch.cat([number_features(shape, self.code), _direction(c["heading"])], dim=-1)
        details = self.details(torch.cat([c["size"], c["paint"]], dim=-1))
        return self.box(numbers) + self.kind(c["kind"]) + details, c["present"] & c.given[:, None]

    def tokens(self, conditions: Conditions) -> Tensor:
        """Its role alone tells it from the null token [b 1 d]."""
        return torch.zeros(len(conditions), 1, self.role.shape[1], device=self.role.device)

    def maps(self, conditions: Conditions, height: int, width: int) -> Tensor:
        """[b m h w]."""
        return box_map(conditions, height, width)
