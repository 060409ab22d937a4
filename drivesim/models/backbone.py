"""Backbones: what temporal layers, sampling and training need of an image model, whoever made it.

Two fulfil it: the house's own image LDM, and public Stable Diffusion (models.stable_diffusion). Each has conditions of a type of
its own, which nobody else looks into.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Generic, TypeVar

import torch
from torch import Tensor, nn

from drivesim.diffusion.denoiser import Denoise, Prediction, denoiser
from drivesim.diffusion.schedule import NoiseSchedule
from drivesim.models.layers.blocks import Hook

C = TypeVar("C")


@dataclass(frozen=True, eq=False)
class Encoded:
    """Conditions as a U-Net takes them: `tokens` [b n d], `mask` bool [b n] (None: all), `maps` [b m h w] beside the latents.

    Of layout maps, None where the model has no group that shows some: `features` [b k h w], and what the model makes of these
    for the first convolution, `entry` [b widths[0] h w].
    """

    tokens: Tensor
    mask: Tensor | None
    maps: Tensor
    features: Tensor | None = None
    entry: Tensor | None = None


@dataclass(frozen=True)
class BackboneShape:
    """What temporal layers are built by: channels of latents, (channels, level) of every block after which the hook is called, in
    the order of computation (level 0 is the finest), and channels of `Encoded.maps` and `Encoded.features`.

    `text_width`: width of the tokens where these are a text, which temporal layers read, too; 0 where they are none.
    """

    latent_channels: int
    blocks: tuple[tuple[int, int], ...]
    map_channels: int = 0
    feature_channels: int = 0
    text_width: int = 0


class Backbone(nn.Module, ABC, Generic[C]):
    """An image model of latents whose U-Net calls a hook after each block, under conditions `C` of a row a picture.

    `weights` is the sha256 of the weights that it was loaded from; None where it was not.
    """

    weights: str | None
    schedule: NoiseSchedule
    prediction: Prediction

    @property
    @abstractmethod
    def shape(self) -> BackboneShape:
        """What temporal layers are built by."""

    @property
    @abstractmethod
    def networks(self) -> tuple[nn.Module, ...]:
        """Where the work is done."""

    @abstractmethod
    def encode(self, conditions: C, height: int, width: int) -> Encoded:
        """The conditions as the U-Net takes them, for latents of this size; the same at all diffusion times."""

    @abstractmethod
    def network(self, x: Tensor, t: Tensor, encoded: Encoded, hook: Hook | None = None) -> Tensor:
        """Network output [b c h w] for noisy latents `x` [b c h w] at `t` int64 [b]."""

    def forward(self, x: Tensor, t: Tensor, conditions: C, hook: Hook | None = None) -> Tensor:
        """`network` under conditions that are encoded on the way."""
        return self.network(x, t, self.encode(conditions, x.shape[2], x.shape[3]), hook)

    def denoise(self, conditions: C) -> Denoise:
        """(x_t [b c h w], t [b]) -> x_0 under these conditions (b rows), which are encoded once, in the first call."""
        encode = lru_cache(maxsize=1)(partial(self.encode, conditions))

        def network(x: Tensor, t: Tensor) -> Tensor:
            return self.network(x, t, encode(x.shape[2], x.shape[3]))

        return denoiser(network, self.schedule, self.prediction)


class LatentCodec(nn.Module, ABC):
    """Frames to latents of about unit variance and back, one by one: what training and sampling need of an autoencoder."""

    @abstractmethod
    def encode(self, frames: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """Frames [b 3 h w] in [-1, 1] to latents [b c h/8 w/8]: means, or samples given a generator."""

    @abstractmethod
    def decode(self, latents: Tensor) -> Tensor:
        """Latents [b c h w] to frames [b 3 8h 8w] clipped to [-1, 1], each by itself."""

    @abstractmethod
    def fingerprint(self) -> str:
        """sha256 of what latents depend on."""

    @abstractmethod
    def decoder_fingerprint(self) -> str:
        """sha256 of what `decode` makes of latents depends on."""
