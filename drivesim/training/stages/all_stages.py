"""All stages by name: their recipes, what they rest on, what they write, with the house's own models or on a public backbone."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from drivesim.config import InputError
from drivesim.models.stable_diffusion import clip_decoder, clip_upscaler
from drivesim.models.stable_diffusion.folder import check_folder
from drivesim.models.stable_diffusion.upscaler import check_upscaler
from drivesim.training.stage import Recipe, Stage
from drivesim.training.stages.autoencoder import AutoencoderRecipe, AutoencoderStage
from drivesim.training.stages.decoder import DecoderRecipe, DecoderStage
from drivesim.training.stages.detector import DetectorRecipe, DetectorStage
from drivesim.training.stages.driving import DrivingRecipe, DrivingStage
from drivesim.training.stages.fine_tuning import FineTuningRecipe, FineTuningStage
from drivesim.training.stages.image_ldm import ImageLDMRecipe, ImageLDMStage
from drivesim.training.stages.public_decoder import PublicDecoderRecipe, PublicDecoderStage
from drivesim.training.stages.public_upscaler import PublicUpscalerRecipe, PublicUpscalerStage
from drivesim.training.stages.super_resolution import SuperResolutionRecipe, SuperResolutionStage
from drivesim.training.stages.text_video import TextVideoRecipe, TextVideoStage
from drivesim.training.stages.video_ldm import VideoLDMRecipe, VideoLDMStage
from drivesim.video_format import STAGE_NAMES, TrainedName

RECIPES: dict[TrainedName, type[Recipe]] = {
    "autoencoder": AutoencoderRecipe,
    "image-ldm": ImageLDMRecipe,
    "video-ldm": VideoLDMRecipe,
    "super-resolution": SuperResolutionRecipe,
    "decoder": DecoderRecipe,
    "detector": DetectorRecipe,
}
BACKBONE_RECIPES: dict[TrainedName, type[Recipe]] = {
    "image-ldm": FineTuningRecipe,
    "video-ldm": TextVideoRecipe,
    "decoder": PublicDecoderRecipe,
    "super-resolution": PublicUpscalerRecipe,
}
"""Of stages that a public backbone can take the house's own models' place in."""


def recipe_type(name: TrainedName, backbone: Path | None, values: Mapping[str, Any]) -> type[Recipe]:
    """The recipe of a stage, on a public backbone where one is given; InputError for stages that cannot have one.

    `values` of the recipe: with `scenarios` a backbone learns the conditions of scenarios instead of captions.
    """
    if backbone is None:
        return RECIPES[name]
    if name == "image-ldm" and values.get("scenarios"):
        return DrivingRecipe
    if name not in BACKBONE_RECIPES:
        raise InputError(f"--backbone {backbone}: {name} has none; it is for {' and '.join(BACKBONE_RECIPES)}")
    return BACKBONE_RECIPES[name]


def build_stage(name: TrainedName, values: dict[str, Any], checkpoints: Path, backbone: Path | None = None) -> Stage:
    """The stage `name` with the recipe `values`, without data; stages that rest on another read it from `checkpoints`.

    On a public `backbone` they rest on that alone. InputError for sizes that make no network, and for networks that do not fit
    each other.
    """
    recipe = recipe_type(name, backbone, values).parse(values, "recipe")
    try:
        return _stage_of(recipe, checkpoints, backbone)
    except (ValueError, RuntimeError) as error:  # by the layers' own constructors
        raise InputError(f"recipe of {name}: its model cannot be built ({error}); choose other sizes") from error


def _stage_of(recipe: Recipe, checkpoints: Path, backbone: Path | None) -> Stage:
    if backbone is not None:
        if isinstance(recipe, FineTuningRecipe):
            return FineTuningStage(recipe, backbone)
        if isinstance(recipe, DrivingRecipe):
            return DrivingStage(recipe, backbone)
        if isinstance(recipe, PublicDecoderRecipe):
            return PublicDecoderStage(recipe, backbone)
        if isinstance(recipe, PublicUpscalerRecipe):
            return PublicUpscalerStage(recipe, backbone)
        assert isinstance(recipe, TextVideoRecipe)
        return TextVideoStage(recipe, backbone)
    if isinstance(recipe, AutoencoderRecipe):
        return AutoencoderStage(recipe)
    if isinstance(recipe, ImageLDMRecipe):
        return ImageLDMStage(recipe, checkpoints)
    if isinstance(recipe, VideoLDMRecipe):
        return VideoLDMStage(recipe, checkpoints)
    if isinstance(recipe, DecoderRecipe):
        return DecoderStage(recipe, checkpoints)
    if isinstance(recipe, DetectorRecipe):
        return DetectorStage(recipe)
    assert isinstance(recipe, SuperResolutionRecipe)
    return SuperResolutionStage(recipe, checkpoints)


RESTS_ON: dict[TrainedName, tuple[TrainedName, ...]] = {
    "autoencoder": (),
    "image-ldm": ("autoencoder",),
    "video-ldm": STAGE_NAMES[:2],
    "super-resolution": ("autoencoder",),
    "decoder": STAGE_NAMES[:2],
    "detector": (),
}
"""The stages whose checkpoints training a stage reads."""


FRESH_FIELDS: dict[TrainedName, tuple[str, ...]] = {
    "autoencoder": ("latent_channels", "temporal", "layout", "bodies"),
    "image-ldm": ("latent_channels", "number_code"),
    "video-ldm": ("context_noise",),
    "super-resolution": (),
    "decoder": (),
    "detector": (),
}
"""Fields of a stage's model that a run has from its recipe alone, where it goes on from other weights, too: it grows in them."""


def kind_of(name: TrainedName, backbone: Path | None) -> str:
    """The kind of checkpoint that a stage writes."""
    if backbone is not None and name in ("decoder", "super-resolution"):
        return clip_decoder.KIND if name == "decoder" else clip_upscaler.KIND
    return "autoencoder" if name == "decoder" else name


def check_backbone(name: TrainedName, backbone: Path) -> None:
    """InputError unless `backbone` is a folder that the stage trains in: the x4 upscaler, or else a Stable Diffusion."""
    if name == "super-resolution":
        check_upscaler(backbone)
    else:
        check_folder(backbone)


def trained_part(name: TrainedName) -> str:
    """The part of a backbone's folder that a stage trains, or trains temporal layers in."""
    return "vae" if name == "decoder" else "unet"
