"""What a group of conditions says of itself: its fields, where they come from, how it is dropped and how networks read it.

A new group is one module with a subclass of Group, and its line in the list of all_groups.py. What it reads must be there: a
field of the scenario's sections (scenario/sections.py), and one of the labels (scene/clip.py, kept by dataset/label_tables.py).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import torch
from torch import Tensor, nn

from drivesim.models.conditions.conditions import Conditions
from drivesim.models.conditions.numbers import NumberCode
from drivesim.scene.clip import ClipLabels

if TYPE_CHECKING:
    from drivesim.scenario.scenario import Scenario

FieldValues = Mapping[str, Any]  # a number or numpy array for each field of a group, of one picture


@dataclass(frozen=True)
class Field:
    """One tensor of a group: its `unit` in words, and `shape` and `dtype` for one picture.

    An axis of length 1 takes any length where the group is given: a map of the frame's size has the shape (channels, 1, 1).
    """

    unit: str
    shape: tuple[int, ...] = ()
    dtype: torch.dtype = torch.float32


@dataclass(frozen=True)
class Dropout:
    """Chance that training leaves a group out of a `picture`, and of all frames of a `clip`.

    0 leaves the choice to the stage, which may give some frames of a clip and not others.
    """

    picture: float = 0.08
    clip: float = 0.1


class GroupEncoder(nn.Module):
    """How the networks read one group: tokens for cross-attention, maps beside the latents, features of layout maps.

    A subclass says how many of which it makes (`token_count`, `map_channels`, `feature_channels`) and overrides `tokens`, `maps`
    and `features`; it may have parameters of its own. All are told all groups, since a map may depend on several (markings on
    road and camera).
    """

    token_count = 0
    map_channels = 0
    feature_channels = 0

    def __init__(self, group: str, width: int) -> None:
        super().__init__()
        self.group = group
        if self.token_count:
            self.role = nn.Parameter(0.5 * torch.randn(self.token_count, width))
            self.null = nn.Parameter(0.5 * torch.randn(self.token_count, width))

    def tokens(self, conditions: Conditions) -> Tensor:
        """[b token_count d]; what it says of rows where the group is not given does not matter."""
        raise NotImplementedError

    def maps(self, conditions: Conditions, height: int, width: int) -> Tensor:
        """Maps of the latents' size: [b map_channels h w], zero in rows where the group is not given."""
        raise NotImplementedError

    def features(self, conditions: Conditions, height: int, width: int) -> Tensor:
        """Learned features of the latents' size: [b feature_channels h w], zero in rows where the group is not given."""
        raise NotImplementedError

    def objects(self, conditions: Conditions) -> tuple[Tensor, Tensor] | None:
        """Tokens [b n d] of things that there may be any number of, and their mask bool [b n] (true: a token)."""
        return None

    def forward(self, conditions: Conditions) -> Tensor:
        """The tokens [b token_count d], learned null tokens in their place where the group is not given."""
        given = conditions[self.group].given[:, None, None]
        return torch.where(given, self.tokens(conditions) + self.role, self.null)


class Group(ABC):
    """One group of conditions. It is given or not as a whole, picture by picture."""

    name: ClassVar[str]
    fields: ClassVar[Mapping[str, Field]]
    dropout: ClassVar[Dropout] = Dropout()

    @abstractmethod
    def of_scenario(self, scenario: Scenario, seconds: float) -> FieldValues | None:
        """What a scenario says of the picture `seconds` after its first frame; None if it says nothing."""

    @abstractmethod
    def of_labels(self, labels: ClipLabels, frame: int) -> FieldValues | None:
        """What is known of a frame of a clip; None if any of it is not known."""

    @abstractmethod
    def encoder(self, width: int, code: NumberCode) -> GroupEncoder:
        """A new encoder that makes tokens of `width`."""
