"""All groups that a model is shown: their tokens fused by a small transformer, and their maps."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor, nn

from drivesim.models.conditions.all_groups import GROUPS
from drivesim.models.conditions.conditions import Conditions
from drivesim.models.conditions.group import GroupEncoder
from drivesim.models.conditions.numbers import NumberCode
from drivesim.models.layers.attention import TransformerBlock


class ConditionEncoder(nn.Module):
    """Conditions to tokens (as in Video LDM's box-conditioned model) and maps, from the encoders of its `groups`."""

    def __init__(
        self,
        groups: Sequence[str],
        width: int = 128,
        layers: int = 2,
        code: NumberCode = "monotone",
        head_width: int = 32,
    ) -> None:
        super().__init__()
        self.groups = nn.ModuleDict({name: GROUPS[name].encoder(width, code) for name in groups})
        self.blocks = nn.ModuleList(TransformerBlock(width, head_width) for _ in range(layers))
        self.norm = nn.LayerNorm(width)

    def _encoders(self) -> Iterator[GroupEncoder]:
        for encoder in self.groups.values():
            assert isinstance(encoder, GroupEncoder)
            yield encoder

    @property
    def map_channels(self) -> int:
        """Channels of the maps of all groups together."""
        return sum(encoder.map_channels for encoder in self._encoders())

    def forward(self, conditions: Conditions) -> tuple[Tensor, Tensor]:
        """Tokens [b n d] and their mask bool [b n] (true: a token): first those of objects, then those of the picture."""
        objects = [found for encoder in self._encoders() if (found := encoder.objects(conditions)) is not None]
        picture = torch.cat([encoder(conditions) for encoder in self._encoders() if encoder.token_count], dim=1)
        everywhere = torch.ones(picture.shape[:2], dtype=torch.bool, device=picture.device)
        tokens = torch.cat([*(made.to(picture.dtype) for made, _ in objects), picture], dim=1)
        mask = torch.cat([*(shown for _, shown in objects), everywhere], dim=1)
        for block in self.blocks:
            tokens = block(tokens, mask)
        return self.norm(tokens), mask

    @property
    def feature_channels(self) -> int:
        """Channels of the features of all groups together."""
        return sum(encoder.feature_channels for encoder in self._encoders())

    def features(self, conditions: Conditions, height: int, width: int) -> Tensor:
        """The features [b feature_channels h w] of the groups that have some, for latents of this size."""
        return torch.cat(
            [encoder.features(conditions, height, width) for encoder in self._encoders() if encoder.feature_channels], dim=1
        )

    def maps(self, conditions: Conditions, height: int, width: int) -> list[Tensor]:
        """The maps [b m h w] of each group that has some, for latents of this size."""
        return [encoder.maps(conditions, height, width) for encoder in self._encoders() if encoder.map_channels]
