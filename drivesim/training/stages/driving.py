"""Image LDM on a public backbone for scenarios: a Stable Diffusion learns layout, boxes and look from labelled frames."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field, field_validator

from drivesim.models.conditions.all_groups import GROUPS
from drivesim.models.stable_diffusion.driving import DrivingDiffusion
from drivesim.models.stable_diffusion.latents import PublicLatents
from drivesim.training.stage import seeded
from drivesim.training.stages.image_ldm import ConditionedRecipe, ConditionedStage


class DrivingRecipe(ConditionedRecipe):
    """As of ConditionedRecipe. `scenarios` tells it from FineTuningRecipe, which learns captions.

    `text`: what the text encoder is told of all frames. `token_width`, `encoder_layers`: of the condition encoder.
    `checkpointing`: blocks are computed once more in the backward pass, which spares most of the memory.
    """

    scenarios: Literal[True]
    batch: int = Field(8, ge=1)
    learning_rate: float = 5e-5
    text: str = "a photo of the road ahead, from a car"
    groups: tuple[str, ...] = Field(default_factory=lambda: tuple(GROUPS))
    token_width: int = Field(128, ge=32, multiple_of=32)
    encoder_layers: int = Field(2, ge=0)
    checkpointing: bool = False

    @field_validator("groups")
    @classmethod
    def _known(cls, groups: tuple[str, ...]) -> tuple[str, ...]:
        if unknown := [name for name in groups if name not in GROUPS]:
            raise ValueError(f"no such group: {', '.join(unknown)}; there are {', '.join(GROUPS)}")
        return groups


class DrivingStage(ConditionedStage):
    """Trains the U-Net and what tells it of conditions; the autoencoder and the text stay as they are."""

    def __init__(self, recipe: DrivingRecipe, backbone: Path) -> None:
        self.codec = PublicLatents.load(backbone)
        with seeded(recipe.seed):
            model = DrivingDiffusion.of_backbone(
                backbone, recipe.text, recipe.groups, recipe.token_width, recipe.encoder_layers
            )
        if recipe.checkpointing:
            model.unet.enable_gradient_checkpointing()
        super().__init__(recipe, self.codec, model, model.config)
