"""What the groups of the layout have in common: some of its planes, of the frame's size, and how networks read them."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from drivesim.layout.planes import Plane
from drivesim.models.conditions.conditions import Conditions
from drivesim.models.conditions.group import Dropout, Field, FieldValues, Group, GroupEncoder
from drivesim.models.conditions.numbers import NumberCode
from drivesim.models.layers.norms import group_norm
from drivesim.scene.classes import SceneClass
from drivesim.scene.clip import ClipLabels
from drivesim.video_format import LATENT_FACTOR

if TYPE_CHECKING:
    from drivesim.scenario.scenario import Scenario

_FIRST, _FEATURES = 32, 48  # channels
_RUNS = {1: torch.uint8, 2: torch.int16, 4: torch.int32, 8: torch.int64}  # so many pixels side by side as one number


class LayoutGroup(Group):
    """Planes of the layout, as one field "planes". Neither scenario nor labels alone tell of them: who has the layout gives it.

    `members` names what each plane may hold besides 0, None where it holds a share of 255.
    """

    members: ClassVar[tuple[tuple[int, ...] | None, ...]]
    dropout = Dropout(picture=0.1, clip=0.1)

    def of_scenario(self, scenario: Scenario, seconds: float) -> FieldValues | None:
        """Nothing: see `of_layout`."""
        return None

    def of_labels(self, labels: ClipLabels, frame: int) -> FieldValues | None:
        """Nothing: see `of_layout`."""
        return None

    @abstractmethod
    def of_layout(self, planes: np.ndarray) -> FieldValues:
        """What the layout of a picture says, its planes uint8 [p h w] (see layout.planes)."""

    def encoder(self, width: int, code: NumberCode) -> GroupEncoder:
        """Strided convolutions."""
        return LayoutEncoder(self.name, width, self.members)


def planes_field(count: int) -> Mapping[str, Field]:
    """The fields of a group of so many planes."""
    return {"planes": Field("see layout.planes.Plane", (count, 1, 1), torch.uint8)}


def classes_and_nearness(planes: np.ndarray, classes: tuple[SceneClass, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Of what stands: 1 + index into `classes`, and nearness where it is one of these; 0 elsewhere, uint8 [h w] each."""
    table = np.zeros(256, np.uint8)
    table[list(classes)] = 1 + np.arange(len(classes))
    shown = table[planes[Plane.SCENE_CLASS]]
    return shown, np.where(shown > 0, planes[Plane.NEARNESS], 0)


class LayoutEncoder(GroupEncoder):
    """The features of a LayoutNetwork, where the group is given."""

    feature_channels = _FEATURES

    def __init__(self, group: str, width: int, members: tuple[tuple[int, ...] | None, ...]) -> None:
        super().__init__(group, width)
        self.network = LayoutNetwork(members)

    def features(self, conditions: Conditions, height: int, width: int) -> Tensor:
        """[b feature_channels h w]."""
        rows = conditions[self.group]
        planes = rows["planes"]
        if planes.shape[2:] == (1, 1):  # nowhere given
            return torch.zeros(len(planes), _FEATURES, height, width, device=planes.device)
        h: Tensor = self.network(planes.expand(-1, -1, LATENT_FACTOR * height, LATENT_FACTOR * width))
        return torch.where(rows.given[:, None, None, None], h, torch.zeros((), dtype=h.dtype, device=h.device))


class LayoutNetwork(nn.Module):
    """Two strided convolutions from the frame's size to that of the latents, the first on blocks of 4 x 4 pixels."""

    def __init__(self, members: tuple[tuple[int, ...] | None, ...]) -> None:
        super().__init__()
        self.members = members
        half = LATENT_FACTOR // 2
        self.first = nn.Conv2d(picture_channels(members), _FIRST, half, stride=half)
        self.norm = group_norm(_FIRST)
        self.shrink = nn.Conv2d(_FIRST, _FEATURES, 3, stride=2, padding=1)
        self.norm_out = group_norm(_FEATURES)

    def forward(self, planes: Tensor) -> Tensor:
        """Planes uint8 [b p 8h 8w] to features [b k h w]."""
        h = nn.functional.silu(self.norm(self.first(plane_pictures(planes, self.members, self.first.weight))))
        return nn.functional.silu(self.norm_out(self.shrink(h)))


def plane_pictures(planes: Tensor, members: tuple[tuple[int, ...] | None, ...], like: Tensor) -> Tensor:
    """Planes uint8 [b p h w] as shares and one-hot codes [b c h w], laid out channels last: see `picture_dtype`."""
    pictures = planes.new_zeros(len(planes), *planes.shape[2:], picture_channels(members), 1, dtype=picture_dtype(like))
    draw_pictures(planes, members, pictures)
    return pictures[..., 0].movedim(-1, 1)


def draw_pictures(planes: Tensor, members: tuple[tuple[int, ...] | None, ...], pictures: Tensor) -> None:
    """Shares and one-hot codes of planes uint8 [b p h w], into zeros `pictures` [b h/y w/x c y*x], whose places are y x x pixels.

    x is 1, 2, 4 or 8. Only rows of places in which a plane holds something are written: many show little of most planes.
    """
    (count, kinds, height, width), (rows, columns) = planes.shape, pictures.shape[1:3]
    across = width // columns
    runs = planes.contiguous().view(_RUNS[across]).view(count, kinds, rows, height // rows, columns)  # moved as wholes: fast
    places = runs.permute(1, 0, 2, 4, 3).contiguous().view(torch.uint8)
    start = 0
    for plane, values in zip(places.view(kinds, *pictures.shape[:3], -1), members, strict=True):
        filled = plane.amax(dim=(0, 2, 3)).nonzero()
        if len(filled):
            band = slice(int(filled[0]), int(filled[-1]) + 1)
            shown, into = plane[:, band], pictures[:, band]
            if values is None:
                into[..., start, :] = shown.to(pictures.dtype) / 255
            else:
                codes = torch.tensor(values, dtype=torch.uint8, device=planes.device)
                into[..., start : start + len(values), :] = shown[..., None, :] == codes[:, None]
        start += 1 if values is None else len(values)


def picture_dtype(like: Tensor) -> torch.dtype:
    """The type that autocast computes with, or else that of `like`."""
    device = like.device.type
    return torch.get_autocast_dtype(device) if torch.is_autocast_enabled(device) else like.dtype


def picture_channels(members: tuple[tuple[int, ...] | None, ...]) -> int:
    """How many channels `plane_pictures` makes."""
    return sum(1 if values is None else len(values) for values in members)
