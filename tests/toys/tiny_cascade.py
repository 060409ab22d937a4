"""A whole cascade of tiny, random models as checkpoint folders, and a scenario: the engine can be run in a second."""

from pathlib import Path

import torch
from torch import nn

from drivesim.checkpoint import FORMAT, Checkpoint, write_checkpoint
from drivesim.config import Config
from drivesim.engine.cascade import Cascade
from drivesim.engine.settings import (
    ImageSampling,
    InterpolationSampling,
    PredictionSampling,
    SamplingSettings,
    SuperResolutionSampling,
)
from drivesim.models.image_ldm import ImageLDM, ImageLDMConfig
from drivesim.models.latent_space import LatentSpace
from drivesim.models.layers.autoencoder import Autoencoder, AutoencoderConfig
from drivesim.models.super_resolution import SuperResolution, SuperResolutionConfig
from drivesim.models.video_ldm import VideoLDM, VideoLDMConfig

SETTINGS = SamplingSettings(
    image=ImageSampling(steps=3),
    prediction=PredictionSampling(steps=2),
    first_interpolation=InterpolationSampling(steps=1),
    interpolation=InterpolationSampling(steps=1),
    super_resolution=SuperResolutionSampling(steps=1, length=8, overlap=2),  # so that portions are blended
    height=16,
    precision="float32",
)
SCENARIO = """\
name: tiny
look: {time_of_day: day, crowdedness: 1}
vehicles:
  - {ahead: 14, left: 0, kind: sedan}
rollout: {seconds: 3, fps: 7.5, futures: 2, seed: 5}
"""

SECONDS = 1.2
"""Of rollouts of one window: nine frames, in two portions."""

UPSAMPLER = SuperResolutionConfig(widths=(8, 8), blocks=(1, 1), sharpener_width=8, sharpener_blocks=1)


def write_cascade(folder: Path, *, plain: bool = False, seed: int = 0) -> Path:
    """Writes the four checkpoints; every weight is random, those that start at zero too.

    As with the shipped ones, what makes pixels is shown the layout, and the decoder has temporal layers; not where it is `plain`.
    """
    torch.manual_seed(seed)
    image = ImageLDM(ImageLDMConfig(widths=(16, 16), blocks=1, head_width=8, token_width=32, encoder_layers=1))
    space = AutoencoderConfig(
        encoder_widths=(8, 8, 8),
        encoder_blocks=(1, 1, 1),
        decoder_widths=(8, 8, 8),
        decoder_blocks=(1, 1, 1),
        temporal=not plain,
        layout=not plain,
    )
    upsampler = UPSAMPLER.model_copy(update={"layout": not plain, "bodies": not plain})
    models: dict[str, tuple[nn.Module, Config]] = {
        "autoencoder": (LatentSpace(Autoencoder(space)), space),
        "image-ldm": (image, image.config),
        "video-ldm": (VideoLDM(config := VideoLDMConfig(context_widths=(8, 8), embedding_width=16, head_width=8), image), config),
        "super-resolution": (SuperResolution(upsampler), upsampler),
    }
    for name, (model, config) in models.items():
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.add_(0.05 * torch.randn_like(parameter))
        checkpoint = Checkpoint(format=FORMAT, kind=name, model=config.model_dump(mode="json"), training={})
        write_checkpoint(folder / name, checkpoint, model.state_dict(), {})
    return folder


def load_cascade(folder: Path) -> Cascade:
    """The cascade of `write_cascade`, on the CPU."""
    return Cascade.load(folder, torch.device("cpu"))
