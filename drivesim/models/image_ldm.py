"""The image latent diffusion model: latents of single frames from boxes, look, road, camera and place, or from nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal, Self

import torch
from pydantic import Field, field_validator
from torch import Tensor, nn

from drivesim.checkpoint import load_strictly, read_checkpoint, weights_hash
from drivesim.config import Config
from drivesim.diffusion.denoiser import Prediction
from drivesim.diffusion.schedule import NoiseSchedule
from drivesim.models.backbone import BackboneShape, DrivingModel, Encoded
from drivesim.models.conditions.all_groups import GROUPS
from drivesim.models.conditions.conditions import Conditions
from drivesim.models.conditions.encoder import ConditionEncoder
from drivesim.models.conditions.layout.layout_group import LayoutNetwork
from drivesim.models.conditions.numbers import NumberCode
from drivesim.models.conditions.older import OLDER_FIELDS, current_names, recoded_numbers, with_details
from drivesim.models.layers.blocks import Hook, channels_last, zero_initialised
from drivesim.models.layers.embeddings import cell_coordinates
from drivesim.models.layers.unet import UNet, UNetConfig
from drivesim.models.wider_latents import wider_image_model

KIND = "image-ldm"


class ImageLDMConfig(Config):
    """Architecture and diffusion process; `widths`, `blocks`, attention as in UNetConfig.

    The default process is v-prediction on the cosine schedule with zero terminal SNR. Latents of 16x32 keep their
    large-scale structure (day or night, the road's shape) under the noise at which the papers' linear schedule ends, so
    a model trained on that one never learns to make brightness and layout from pure noise, where sampling starts. Zero
    terminal SNR closes the gap; v is defined there, epsilon is not; cosine spends fewer steps on almost pure noise.

    `groups` are the groups of conditions that the network is shown, by name (conditions.all_groups.GROUPS); `number_code` says
    how it is told numbers (conditions.numbers).
    """

    latent_channels: int = 8
    widths: tuple[int, ...] = (64, 128, 192)
    blocks: int = 2
    attention_from: int = 1
    cross_attention_from: int = 1
    head_width: int = 32
    token_width: int = 128
    encoder_layers: int = 2
    prediction: Prediction = "v"
    schedule: Literal["cosine", "linear"] = "cosine"
    zero_terminal_snr: bool = True
    groups: tuple[str, ...] = Field(default_factory=lambda: tuple(GROUPS))
    number_code: NumberCode = "monotone"

    @field_validator("groups")
    @classmethod
    def _known(cls, groups: tuple[str, ...]) -> tuple[str, ...]:
        if unknown := [name for name in groups if name not in GROUPS]:
            raise ValueError(f"no such group: {', '.join(unknown)}; there are {', '.join(GROUPS)}")
        return groups

    def noise_schedule(self) -> NoiseSchedule:
        """The schedule of 1000 steps that this says."""
        schedule = NoiseSchedule.cosine() if self.schedule == "cosine" else NoiseSchedule.linear()
        return schedule.zero_terminal_snr() if self.zero_terminal_snr else schedule


class ImageLDM(DrivingModel):
    """Condition encoder and U-Net, which sees the noisy latents, the maps of the conditions and each cell's coordinates.

    Layout maps join its first convolution through a convolution that starts at zero.

    `weights` is the sha256 of the checkpoint that it was loaded from, `base` the fingerprint of the latent space that it
    was trained in; None where it was not.
    """

    def __init__(self, config: ImageLDMConfig) -> None:
        super().__init__()
        self.config = config
        self.weights: str | None = None
        self.base: str | None = None
        self.schedule, self.prediction = config.noise_schedule(), config.prediction
        self.encoder = ConditionEncoder(config.groups, config.token_width, config.encoder_layers, config.number_code)
        self.unet = UNet(
            UNetConfig(
                in_channels=config.latent_channels + self.map_channels,
                out_channels=config.latent_channels,
                widths=config.widths,
                blocks=config.blocks,
                attention_from=config.attention_from,
                cross_attention_from=config.cross_attention_from,
                head_width=config.head_width,
                token_width=config.token_width,
            )
        )
        features = self.encoder.feature_channels
        self.entry = zero_initialised(nn.Conv2d(features, config.widths[0], 3, padding=1, bias=False)) if features else None

    @classmethod
    def load(cls, folder: Path) -> Self:
        """The model of a checkpoint folder, in eval mode; InputError if it is missing, damaged or of another kind."""
        checkpoint, tensors = read_checkpoint(folder, KIND)
        config = ImageLDMConfig.parse(OLDER_FIELDS | checkpoint.model, folder / "config.json")
        model = load_strictly(cls(config), with_details(current_names(tensors)), folder)
        model.weights, model.base = weights_hash(folder), checkpoint.base
        return channels_last(model.eval())

    def fitted(self, model: dict[str, Any], tensors: dict[str, Tensor]) -> dict[str, Tensor]:
        """Tensors of a checkpoint whose configuration is `model`, as this model can start from them.

        They have its names, its code of numbers and its latent channels; where it is shown more groups they are fewer, or
        shorter, than its own.
        """
        named = current_names(tensors)
        old, channels = ImageLDMConfig.parse(OLDER_FIELDS | model, "config.json").latent_channels, self.config.latent_channels
        if old < channels:
            named = wider_image_model(named, old, channels)
        if (OLDER_FIELDS | model)["number_code"] == "periodic" and self.config.number_code == "monotone":
            return recoded_numbers(named, self.state_dict())
        return named

    @property
    def map_channels(self) -> int:
        """Channels of Encoded.maps."""
        return self.encoder.map_channels + 2

    @property
    def groups(self) -> tuple[str, ...]:
        """The groups of conditions that it is shown, by name."""
        return self.config.groups

    @property
    def token_width(self) -> int:
        """Width of the tokens that its U-Net attends to."""
        return self.config.token_width

    @property
    def shape(self) -> BackboneShape:
        """What temporal layers are built by; its tokens are no text."""
        blocks, features = tuple(self.unet.block_shapes), self.encoder.feature_channels
        return BackboneShape(self.config.latent_channels, blocks, self.map_channels, features)

    @property
    def networks(self) -> tuple[nn.Module, ...]:
        """Where the work is done: the U-Net, and what reads layout maps."""
        readers = [module for module in self.encoder.modules() if isinstance(module, LayoutNetwork)]
        return (self.unet, *readers, *([] if self.entry is None else [self.entry]))

    def encode(self, conditions: Conditions, height: int, width: int) -> Encoded:
        """The conditions as the U-Net takes them, for latents of this size; the same at all diffusion times."""
        tokens, mask = self.encoder(conditions)
        maps = self.encoder.maps(conditions, height, width)
        where = cell_coordinates(height, width, "centres", tokens.device).expand(len(tokens), 2, height, width)
        maps.insert(1, where)  # second, where the first weights have them
        if self.entry is None:
            return Encoded(tokens, mask, torch.cat(maps, dim=1))
        features = self.encoder.features(conditions, height, width)
        return Encoded(tokens, mask, torch.cat(maps, dim=1), features, self.entry(features))

    def network(
        self, x: Tensor, t: Tensor, encoded: Encoded, hook: Hook | None = None, inner: Hook | None = None
    ) -> Tensor:
        """Network output [b c h w] for noisy latents `x` [b c h w] at `t` int64 [b]; hooks as in UNet.forward."""
        inputs = torch.cat([x, encoded.maps.to(x.dtype)], dim=1)
        out: Tensor = self.unet(inputs, t, encoded.tokens, encoded.mask, hook, encoded.entry, inner)
        return out
