"""The four models of the cascade on one device."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Self, TypeVar

import torch

from drivesim.checkpoint import require_checkpoint, weight_files
from drivesim.checksums import file_hash
from drivesim.config import InputError
from drivesim.engine.settings import SamplingSettings, TextSampling
from drivesim.models.backbone import DrivingModel, LatentCodec
from drivesim.models.conditions.all_groups import LAYOUT_GROUPS
from drivesim.models.conditions.conditions import Conditions
from drivesim.models.layers.blocks import channels_last
from drivesim.models.loading import load_image_model, load_latent_codec
from drivesim.models.super_resolution import SuperResolution
from drivesim.models.video_ldm import VideoLDM
from drivesim.tensors import computes_bfloat16
from drivesim.video_format import LATENT_FACTOR, STAGE_NAMES

S = TypeVar("S", SamplingSettings, TextSampling)


@dataclass(frozen=True)
class Cascade:
    """The models, in eval mode and on `device`; `video` sits on top of `image`."""

    latent_space: LatentCodec
    image: DrivingModel
    video: VideoLDM[Conditions]
    super_resolution: SuperResolution
    device: torch.device

    @classmethod
    def load(cls, checkpoints: Path, device: torch.device, transfer: bool = False) -> Self:
        """The cascade of a folder with one checkpoint a stage; InputError if one is missing, damaged or no match.

        With `transfer` temporal layers may have been trained on top of another image LDM than that beside them: first frames, in
        which they have no part, show an image LDM before a video LDM is trained on top of it.
        """
        latent_space, image, video, super_resolution = (checkpoints / name for name in STAGE_NAMES)
        space, backbone = load_latent_codec(latent_space), load_image_model(image)
        backbone.check_latents(space.fingerprint())
        temporal = VideoLDM.load(video, backbone, transfer)
        temporal.check_predicts(video)
        temporal.check_decoder(space.decoder_fingerprint())
        return cls(
            space.to(device),
            backbone.to(device),
            channels_last(temporal).eval().to(device),
            SuperResolution.load(super_resolution).eval().to(device),
            device,
        )

    def check_height(self, height: int) -> None:
        """InputError for decoded frames of a height, px, that the networks cannot halve as often as they do."""
        halved = 2 ** max(level for _, level in self.image.shape.blocks)
        cell = math.lcm(LATENT_FACTOR * halved, self.super_resolution.multiple)
        if height % cell:
            raise InputError(f"--height {height}: these weights make frames of multiples of {cell} pixels")

    @property
    def is_shown_layout(self) -> bool:
        """Whether the networks that make latents are shown layout planes."""
        return not LAYOUT_GROUPS.keys().isdisjoint(self.image.groups)

    def sampling(self, precision: str) -> AbstractContextManager[None]:
        """`sampling_on` its device."""
        return sampling_on(self.device, precision)


@contextmanager
def sampling_on(device: torch.device, precision: str) -> Iterator[None]:
    """Within it nothing is recorded for gradients, kernels are deterministic and `precision` (not auto) holds.

    Not for use around a generator's yield: a consumer would inherit it.
    """
    cudnn = torch.backends.cudnn
    before = cudnn.deterministic, cudnn.benchmark
    cudnn.deterministic, cudnn.benchmark = True, False
    try:
        low = torch.autocast(device.type, torch.bfloat16, enabled=precision == "bfloat16")
        with torch.inference_mode(), low:
            yield
    finally:
        cudnn.deterministic, cudnn.benchmark = before


def settle_precision(settings: S, device: torch.device) -> S:
    """The settings with a precision that is not auto: bfloat16 on GPUs and on CPUs that compute with it."""
    if settings.precision != "auto":
        return settings
    return settings.model_copy(update={"precision": "bfloat16" if computes_bfloat16(device) else "float32"})


def weights_of(checkpoints: Path) -> dict[str, str]:
    """sha256 of every file that decides pixels, by name (image-ldm/weights-00.safetensors); InputError if one is missing."""
    return {
        f"{stage}/{file.name}": file_hash(file)
        for stage in STAGE_NAMES
        for file in (require_checkpoint(checkpoints / stage) / "config.json", *weight_files(checkpoints / stage))
    }
