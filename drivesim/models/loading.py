"""Image models and latent spaces of checkpoint folders, the house's own or fine-tuned public ones."""

from __future__ import annotations

from pathlib import Path

from drivesim.checkpoint import require_checkpoint
from drivesim.config import read_json
from drivesim.models.backbone import DrivingModel, LatentCodec
from drivesim.models.image_ldm import ImageLDM
from drivesim.models.latent_space import LatentSpace
from drivesim.models.stable_diffusion.driving import DrivingDiffusion
from drivesim.models.stable_diffusion.latents import PublicLatents


def load_image_model(folder: Path) -> DrivingModel:
    """The image model of a checkpoint folder, in eval mode; InputError if it is missing, damaged or of another kind."""
    return DrivingDiffusion.of_checkpoint(folder) if _holds(folder, "unet") else ImageLDM.load(folder)


def load_latent_codec(folder: Path) -> LatentCodec:
    """The latent space of a checkpoint folder, in eval mode; InputError if it is missing, damaged or of another kind."""
    return PublicLatents.of_checkpoint(folder) if _holds(folder, "vae") else LatentSpace.load(folder)


def _holds(folder: Path, part: str) -> bool:
    """Whether the configuration of a checkpoint's model is that of a part of diffusers."""
    config = read_json(require_checkpoint(folder) / "config.json")
    return isinstance(config, dict) and isinstance(model := config.get("model"), dict) and part in model
