"""Temporal layers in the decoder of a public autoencoder (Video LDM, sec. 3.1.1): frames are decoded as clips."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Self

from einops import rearrange
from pydantic import Field
from torch import Tensor, nn

from drivesim.checkpoint import load_strictly, read_checkpoint
from drivesim.config import Config, InputError
from drivesim.models.layers.blocks import channels_last
from drivesim.models.layers.temporal import TemporalLevels
from drivesim.models.stable_diffusion.latents import PublicLatents

KIND = "clip-decoder"


class ClipDecoderConfig(Config):
    """The 3D convolutions have half as many channels within as the level has, and at most `inner_width`."""

    inner_width: int = Field(default=128, ge=1)


class ClipDecoder(nn.Module):
    """A TemporalConv3d after each level of the decoder of `latent_codec`, which is frozen and stays what it is by itself.

    Parameters and state_dict are those of the temporal layers alone; see VideoLDM. With every alpha at 1, and at the start, each
    frame is that of `latent_codec.decode`, bit for bit.
    """

    def __init__(self, config: ClipDecoderConfig, latent_codec: PublicLatents) -> None:
        super().__init__()
        self.config = config
        self._codec = (latent_codec.eval().requires_grad_(False),)  # in a tuple: not registered
        widths = [level.channels for level in latent_codec.levels]
        self.temporal = TemporalLevels(widths, [max(1, min(width // 2, config.inner_width)) for width in widths])

    @property
    def latent_codec(self) -> PublicLatents:
        """The frozen autoencoder."""
        return self._codec[0]

    def _apply(self, fn: Any, recurse: bool = True) -> Self:
        self.latent_codec._apply(fn, recurse)
        return super()._apply(fn, recurse)

    @classmethod
    def load(cls, folder: Path, latent_codec: PublicLatents) -> Self:
        """That of a checkpoint folder in the decoder it was trained in, in eval mode; InputError if it is another, or damaged."""
        checkpoint, tensors = read_checkpoint(folder, KIND)
        config = ClipDecoderConfig.parse(checkpoint.model, folder / "config.json")
        if checkpoint.base != latent_codec.decoder_fingerprint():
            raise InputError(f"{folder}/config.json: base: trained in another decoder than the backbone's; give the backbone it "
                             "belongs to, or train it again")  # fmt: skip
        return channels_last(load_strictly(cls(config, latent_codec), tensors, folder).eval())

    @property
    def reach(self) -> int:
        """A frame of a clip depends on frames at most so many away."""
        return self.temporal.reach

    def forward(self, latents: Tensor) -> Tensor:
        """Frames [b f 3 8h 8w], about [-1, 1], not clipped, of the clips of latents [b f c h w]."""
        frames = latents.shape[1]
        made = self.latent_codec.decode_levels(latents.flatten(0, 1), self.temporal.hook(frames))
        return rearrange(made, "(b f) c h w -> b f c h w", f=frames)

    def decode(self, latents: Tensor, start: int, stop: int) -> Tensor:
        """Frames `start` to `stop` [stop-start 3 8h 8w] in [-1, 1] of latents [f c h w]; others within reach are seen."""
        first, last = max(0, start - self.reach), min(len(latents), stop + self.reach)
        made: Tensor = self(latents[None, first:last])[0]
        return made[start - first : stop - first].clamp(-1.0, 1.0)
