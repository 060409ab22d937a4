"""A public Stable Diffusion that is told what scenarios say: layout, boxes, look and the other conditions of the house.

Its text is the same for all pictures. Conditions are more tokens behind those of the text; maps and layout join its first
convolution through one that starts at zero, as in the image LDM. It is a checkpoint of kind image-ldm, and stands in its place.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Self

import torch
from torch import Tensor, nn

from drivesim.checkpoint import load_strictly, read_checkpoint, weights_hash
from drivesim.config import Config
from drivesim.models.backbone import BackboneShape, DrivingModel, Encoded
from drivesim.models.conditions.conditions import Conditions
from drivesim.models.conditions.encoder import ConditionEncoder
from drivesim.models.conditions.layout.layout_group import LayoutNetwork
from drivesim.models.conditions.numbers import NumberCode
from drivesim.models.layers.blocks import Hook, zero_initialised
from drivesim.models.layers.embeddings import cell_coordinates
from drivesim.models.stable_diffusion.folder import check_packages, part_config
from drivesim.models.stable_diffusion.hooks import BlockHooks, EntryHook, unet_blocks
from drivesim.models.stable_diffusion.network import StableDiffusion
from drivesim.models.stable_diffusion.process import diffusion_process

KIND = "image-ldm"


class DrivingDiffusionConfig(Config):
    """`unet` and `scheduler` as diffusers has them; `text` of all pictures, of `text_length` tokens; else as of ImageLDMConfig."""

    unet: dict[str, Any]
    scheduler: dict[str, Any]
    text: str
    text_length: int
    groups: tuple[str, ...]
    token_width: int = 128
    encoder_layers: int = 2
    number_code: NumberCode = "monotone"


class DrivingDiffusion(DrivingModel):
    """UNet2DConditionModel, condition encoder, and where both meet.

    Tokens of conditions start at zero and are hidden in pictures of which nothing is asked: these are the public model's, under the
    text, and so is the null branch of guidance.
    """

    text: Tensor

    def __init__(self, config: DrivingDiffusionConfig, unet: Any) -> None:
        super().__init__()
        self.config = config
        self.weights = self.base = None
        self.unet = unet
        self.schedule, self.prediction = diffusion_process(config.scheduler, Path("scheduler_config.json"))
        self.encoder = ConditionEncoder(config.groups, config.token_width, config.encoder_layers, config.number_code)
        self.tokens = zero_initialised(nn.Linear(config.token_width, self.token_width))
        channels = self.encoder.map_channels + 2 + self.encoder.feature_channels
        self.entry = zero_initialised(nn.Conv2d(channels, unet.config.block_out_channels[0], 3, padding=1, bias=False))
        self.register_buffer("text", torch.zeros(config.text_length, self.token_width))
        self._blocks = unet_blocks(unet)
        self._hooks, self._first = BlockHooks(self._blocks), EntryHook(unet)

    @classmethod
    def of_backbone(
        cls, folder: Path, text: str, groups: tuple[str, ...], token_width: int = 128, encoder_layers: int = 2
    ) -> Self:
        """A Stable Diffusion folder with fresh conditions; InputError as of StableDiffusion.load."""
        public = StableDiffusion.load(folder)
        with torch.no_grad():
            tokens = public.text(public.text.ids([text]))[0]
        config = DrivingDiffusionConfig(
            unet=json.loads(public.unet.to_json_string()), scheduler=part_config(folder, "scheduler"), text=text,
            text_length=len(tokens), groups=groups, token_width=token_width, encoder_layers=encoder_layers,
        )  # fmt: skip
        model = cls(config, public.unet)
        model.text.copy_(tokens)
        return model

    @classmethod
    def of_checkpoint(cls, folder: Path) -> Self:
        """That of a checkpoint folder, in eval mode; InputError if it is missing, damaged or of another kind."""
        check_packages(folder)
        from diffusers import UNet2DConditionModel

        checkpoint, tensors = read_checkpoint(folder, KIND)
        config = DrivingDiffusionConfig.parse(checkpoint.model, folder / "config.json")
        model = load_strictly(cls(config, UNet2DConditionModel.from_config(config.unet)), tensors, folder)
        model.weights, model.base = weights_hash(folder), checkpoint.base
        return model.eval()

    @property
    def groups(self) -> tuple[str, ...]:
        """The groups of conditions that it is shown, by name."""
        return self.config.groups

    @property
    def token_width(self) -> int:
        """Width of the tokens that its U-Net attends to."""
        width: int = self.unet.config.cross_attention_dim
        return width

    @property
    def shape(self) -> BackboneShape:
        """What temporal layers are built by; they are not told the tokens."""
        blocks = tuple((block.channels, block.level) for block in self._blocks)
        maps, features = self.encoder.map_channels + 2, self.encoder.feature_channels
        return BackboneShape(self.unet.config.in_channels, blocks, maps, features)

    @property
    def networks(self) -> tuple[nn.Module, ...]:
        """Where the work is done: the U-Net, and what reads layout maps."""
        return (self.unet, *(module for module in self.encoder.modules() if isinstance(module, LayoutNetwork)), self.entry)

    def encode(self, conditions: Conditions, height: int, width: int) -> Encoded:
        """The conditions as the U-Net takes them, for latents of this size; the same at all diffusion times."""
        tokens, mask = self.encoder(conditions)
        rows = len(tokens)
        asked = torch.stack([conditions[group].given for group in self.groups]).any(dim=0)
        text = self.text.expand(rows, -1, -1)
        everywhere = torch.ones(text.shape[:2], dtype=torch.bool, device=text.device)
        where = cell_coordinates(height, width, "centres", tokens.device).expand(rows, 2, height, width)
        maps = torch.cat([*self.encoder.maps(conditions, height, width), where], dim=1)
        features = self.encoder.features(conditions, height, width) if self.encoder.feature_channels else None
        entry = self.entry(maps if features is None else torch.cat([maps, features.to(maps.dtype)], dim=1))
        return Encoded(
            torch.cat([text, self.tokens(tokens).to(text.dtype)], dim=1),
            torch.cat([everywhere, mask & asked[:, None]], dim=1),
            maps,
            features,
            torch.where(asked[:, None, None, None], entry, torch.zeros((), dtype=entry.dtype, device=entry.device)),
        )

    def network(
        self, x: Tensor, t: Tensor, encoded: Encoded, hook: Hook | None = None, inner: Hook | None = None
    ) -> Tensor:
        """Network output [b c h w] for noisy latents `x` [b c h w] at `t` int64 [b]."""
        self._hooks.hook, self._hooks.inner, self._first.entry = hook, inner, encoded.entry
        out: Tensor = self.unet(
            x, t, encoder_hidden_states=encoded.tokens, encoder_attention_mask=encoded.mask, return_dict=False
        )[0]
        return out
