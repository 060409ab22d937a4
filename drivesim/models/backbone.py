"""Backbones: what temporal layers, sampling and training need of an image model, whoever made it.

Two fulfil it: the house's own image LDM, and public Stable Diffusion (models.stable_diffusion). Each has conditions of a type of
its own, which nobody else looks into.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from typing import Generic, TypeVar

import torch
from torch import Tensor, nn

from drivesim.config import InputError
from drivesim.diffusion.denoiser import Denoise, Prediction, denoiser
from drivesim.diffusion.schedule import NoiseSchedule
from drivesim.models.conditions.conditions import Conditions
from drivesim.models.layers.blocks import Hook

C = TypeVar("C")


@dataclass(frozen=True, eq=False)
class Encoded:
    """Conditions as a U-Net takes them: `tokens` [b n d], `mask` bool [b n] (None: all), `maps` [b m h w] beside the latents.

    Of layout maps, None where the model has no group that shows some: `features` [b k h w], and what the model makes of these
    and is added to the first convolution's output, `entry` [b widths[0] h w].
    """

    tokens: Tensor
    mask: Tensor | None
    maps: Tensor
    features: Tensor | None = None
    entry: Tensor | None = None

    def rows(self, index: slice) -> Encoded:
        """Of these pictures alone."""
        mask, features, entry = (None if x is None else x[index] for x in (self.mask, self.features, self.entry))
        return Encoded(self.tokens[index], mask, self.maps[index], features, entry)

    def with_entry(self, entry: Tensor) -> Encoded:
        """With this added to `entry` of the first rows."""
        entry = torch.cat([entry, entry.new_zeros(len(self.tokens) - len(entry), *entry.shape[1:])])
        return replace(self, entry=entry if self.entry is None else self.entry + entry)


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
    """An image model of latents whose U-Net calls a hook after or within each block, under conditions `C` of a row a picture.

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

    @property
    def spatial(self) -> nn.Module:
        """What learns where image layers learn together with temporal ones, and is kept with these: text encoders are not."""
        return self

    @abstractmethod
    def encode(self, conditions: C, height: int, width: int) -> Encoded:
        """The conditions as the U-Net takes them, for latents of this size; the same at all diffusion times."""

    @abstractmethod
    def network(
        self, x: Tensor, t: Tensor, encoded: Encoded, hook: Hook | None = None, inner: Hook | None = None
    ) -> Tensor:
        """Network output [b c h w] for noisy latents `x` [b c h w] at `t` int64 [b]; `hook`, `inner`: see Hook."""

    def forward(self, x: Tensor, t: Tensor, conditions: C) -> Tensor:
        """`network` under conditions that are encoded on the way."""
        return self.network(x, t, self.encode(conditions, x.shape[2], x.shape[3]))

    def denoise(self, conditions: C) -> Denoise:
        """(x_t [b c h w], t [b]) -> x_0 under these conditions (b rows), which are encoded once, in the first call."""
        encode = lru_cache(maxsize=1)(partial(self.encode, conditions))

        def network(x: Tensor, t: Tensor) -> Tensor:
            return self.network(x, t, encode(x.shape[2], x.shape[3]))

        return denoiser(network, self.schedule, self.prediction)


class DrivingModel(Backbone[Conditions]):
    """A backbone that is told what scenarios and labels say: what the cascade composes first frames with.

    `base` is the fingerprint of the latent space that it was trained in; None where it was not.
    """

    base: str | None

    @property
    @abstractmethod
    def groups(self) -> tuple[str, ...]:
        """The groups of conditions that it is shown, by name."""

    @property
    @abstractmethod
    def token_width(self) -> int:
        """Width of the tokens that its U-Net attends to."""

    def check_latents(self, fingerprint: str) -> None:
        """Raises InputError unless the model was trained on latents of this fingerprint (LatentCodec.fingerprint)."""
        if self.base is not None and self.base != fingerprint:
            raise InputError(
                f"image-ldm: trained on latents of encoder {self.base[:12]}, but the autoencoder beside it has encoder "
                f"{fingerprint[:12]}; give the autoencoder it belongs to or train it again"
            )


class LatentCodec(nn.Module, ABC):
    """Frames to latents of about unit variance and back, one by one: what training and sampling need of an autoencoder.

    Where nothing else is said, clips are decoded frame by frame, too.
    """

    @property
    def shows_layout(self) -> bool:
        """Whether the decoder of clips is shown the layout."""
        return False

    @property
    def reach(self) -> int:
        """A frame of a clip depends on frames at most so many away."""
        return 0

    def decode_clip(
        self,
        latents: Tensor,
        start: int = 0,
        stop: int | None = None,
        conditions: Conditions | None = None,
        window: int = 32,
    ) -> Tensor:
        """Frames `start` to `stop` [b stop-start 3 8h 8w], in [-1, 1], of the clip of normalised latents [b f z h w].

        Decoded `window` frames at a time, on which nothing depends. `conditions` of all frames (b * f rows, frames innermost) tell
        of the layout, where it is known and the decoder is shown it.
        """
        frames = [self.decode(part.flatten(0, 1)).unflatten(0, part.shape[:2]) for part in latents[:, start:stop].split(window, 1)]
        return torch.cat(frames, dim=1)

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
