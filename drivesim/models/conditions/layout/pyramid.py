"""The layout for networks that make pixels: features of its maps at each of the sizes that such a network works at."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from drivesim.models.conditions.conditions import Conditions, GroupRows
from drivesim.models.conditions.layout.layout_group import LayoutGroup, draw_pictures, picture_channels, picture_dtype
from drivesim.models.layers.blocks import Hook, zero_initialised

_WIDTHS = (32, 48, 64, 64)  # channels, the finest size first


class LayoutFeatures(NamedTuple):
    """Features `levels` [b c h w], the finest first; all maps as `pictures` [b h w c fold^2] of places of fold x fold pixels."""

    levels: list[Tensor]
    pictures: Tensor


class LayoutPyramid(nn.Module):
    """Strided convolutions over the maps of all groups: features at `levels` sizes, each half as large as the one before.

    The maps are as large as the pictures that the network makes; `fold` x `fold` pixels are one place of the finest level, which
    sees `kernel` x `kernel` places. Exactly convolutional, so that crops do.
    """

    def __init__(self, groups: Mapping[str, LayoutGroup], levels: int, fold: int, kernel: int = 3) -> None:
        super().__init__()
        self.members = {name: group.members for name, group in groups.items()}
        self.fold = fold
        self.channels = sum(picture_channels(members) + 1 for members in self.members.values())
        sizes = _WIDTHS[:levels]
        self.stem = nn.Conv2d(self.channels * fold**2, sizes[0], kernel, padding=kernel // 2)
        self.shrink = nn.ModuleList(nn.Conv2d(a, b, 3, stride=2, padding=1) for a, b in pairwise(sizes))

    def forward(self, conditions: Conditions) -> LayoutFeatures | None:
        """Of the pictures of all rows; None if no group is given. Zero in rows that have none."""
        rows = {name: conditions[name] for name in self.members}
        sizes = [row["planes"].shape[-2:] for row in rows.values() if row["planes"].shape[-1] > 1]
        if not sizes:
            return None
        pictures = self._pictures(rows, *sizes[0])
        h = F.silu(self.stem(pictures.flatten(3).movedim(-1, 1)))
        levels = [h]
        for shrink in self.shrink:
            levels.append(h := F.silu(shrink(h)))
        shown = torch.stack([row.given for row in rows.values()]).any(dim=0)[:, None, None, None]
        return LayoutFeatures([level * shown for level in levels], pictures)

    def _pictures(self, rows: Mapping[str, GroupRows], height: int, width: int) -> Tensor:
        """All planes, after those of each group whether it is given, by places of fold x fold pixels: [b h w c fold^2]."""
        fold, dtype = self.fold, picture_dtype(self.stem.weight)
        given = torch.stack([row.given for row in rows.values()]).to(dtype)
        shape = given.shape[1], height // fold, width // fold, self.stem.in_channels // fold**2, fold**2
        pictures = torch.zeros(*shape, dtype=dtype, device=given.device)
        start = 0
        for told, (name, members) in zip(given, self.members.items(), strict=True):
            end = start + picture_channels(members)
            draw_pictures(rows[name]["planes"].expand(-1, -1, height, width), members, pictures[..., start:end, :])
            pictures[..., end, :] = told[:, None, None, None]
            start = end + 1
        return pictures


class LayoutEntries(nn.Module):
    """Where the features of a pyramid enter a network: into levels of these `widths`, the finest first. Nothing, at the start."""

    def __init__(self, widths: Sequence[int]) -> None:
        super().__init__()
        self.levels = nn.ModuleList(
            zero_initialised(nn.Conv2d(a, b, 1, bias=False)) for a, b in zip(_WIDTHS, widths, strict=False)
        )

    def forward(self, features: LayoutFeatures | None) -> list[Tensor] | None:
        """What to add to each level [b c h w], the finest first."""
        return None if features is None else [entry(level) for entry, level in zip(self.levels, features.levels, strict=False)]


def layout_hook(added: Sequence[Tensor] | None, then: Hook | None) -> Hook | None:
    """The hook of a network whose levels count from the coarsest: adds what is to be added to a level, and calls `then`."""
    if added is None:
        return then

    def hook(i: int, h: Tensor) -> Tensor:
        h = h + added[-1 - i]
        return h if then is None else then(i, h)

    return hook
