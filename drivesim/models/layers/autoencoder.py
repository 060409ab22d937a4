"""Convolutional autoencoder with KL-regularised latents at one eighth of the frame size (Video LDM, section 3 and B).

High resolutions are kept cheap: the stem folds 2x2 pixels into channels, so nothing wider than 8 channels ever works on
full frames. The network is exactly convolutional, so it may be trained on crops (see PixelNorm).
"""

from __future__ import annotations

from functools import partial
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from drivesim.config import Config
from drivesim.models.layers.blocks import Hook, ResidualBlock, SubPixelUpsample
from drivesim.models.layers.norms import PixelNorm
from drivesim.models.layers.temporal import TemporalLevels
from drivesim.video_format import LATENT_FACTOR

_block = partial(ResidualBlock, norm=PixelNorm)


class AutoencoderConfig(Config):
    """Widths and residual blocks of the levels at 1/2, 1/4 and 1/8 of the frame size."""

    latent_channels: int = 8
    encoder_widths: tuple[int, int, int] = (32, 64, 128)
    encoder_blocks: tuple[int, int, int] = (1, 2, 3)
    decoder_widths: tuple[int, int, int] = (32, 64, 160)
    decoder_blocks: tuple[int, int, int] = (2, 2, 3)
    temporal: bool = False
    """Whether the decoder of clips has temporal layers."""
    layout: bool = False
    """Whether the decoder of clips is shown the layout."""
    bodies: bool = False
    """Whether that tells where on its body each pixel of a vehicle lies."""


class Encoder(nn.Module):
    """Frames [b 3 h w] to moments [b 2z h/8 w/8]."""

    def __init__(self, config: AutoencoderConfig) -> None:
        super().__init__()
        widths, blocks = config.encoder_widths, config.encoder_blocks
        self.stem = nn.Conv2d(12, widths[0], 3, padding=1)
        self.levels = nn.ModuleList(
            nn.Sequential(*(_block(width, width) for _ in range(n))) for width, n in zip(widths, blocks, strict=True)
        )
        self.downs = nn.ModuleList(
            nn.Conv2d(a, b, 3, stride=2, padding=1) for a, b in pairwise(widths)
        )
        self.norm = PixelNorm(widths[-1])
        self.head = nn.Conv2d(widths[-1], 2 * config.latent_channels, 3, padding=1)

    def forward(self, frames: Tensor) -> Tensor:
        h = self.levels[0](self.stem(F.pixel_unshuffle(frames, 2)))
        for down, level in zip(self.downs, self.levels[1:], strict=True):
            h = level(down(h))
        return self.head(F.silu(self.norm(h)))


class Decoder(nn.Module):
    """Latents [b z h w] to frames [b 3 8h 8w]. Levels count from the coarsest; the hook is called before the blocks of each."""

    def __init__(self, config: AutoencoderConfig) -> None:
        super().__init__()
        widths, blocks = config.decoder_widths[::-1], config.decoder_blocks[::-1]
        self.stem = nn.Conv2d(config.latent_channels, widths[0], 3, padding=1)
        self.levels = nn.ModuleList(
            nn.Sequential(*(_block(width, width) for _ in range(n))) for width, n in zip(widths, blocks, strict=True)
        )
        self.ups = nn.ModuleList(SubPixelUpsample(a, b) for a, b in pairwise(widths))
        self.norm = PixelNorm(widths[-1])
        self.unfold = SubPixelUpsample(widths[-1], 8)
        self.head = nn.Conv2d(8, 3, 3, padding=1)

    def forward(self, latents: Tensor, hook: Hook | None = None) -> Tensor:
        h = self.stem(latents)
        for i, level in enumerate(self.levels):
            h = h if i == 0 else self.ups[i - 1](h)
            h = level(h if hook is None else hook(i, h))
        return self.head(F.silu(self.unfold(F.silu(self.norm(h)))))


class Autoencoder(nn.Module):
    """f = 8. Fully convolutional: any frame size divisible by 8."""

    factor = LATENT_FACTOR

    def __init__(self, config: AutoencoderConfig) -> None:
        super().__init__()
        self.config = config
        self.encoder = Encoder(config)
        self.decoder = Decoder(config)

    def encode(self, frames: Tensor) -> tuple[Tensor, Tensor]:
        """Frames [b 3 h w] in [-1, 1] to mean and log variance [b z h/8 w/8]; ValueError if 8 does not divide h, w."""
        if frames.shape[-2] % self.factor or frames.shape[-1] % self.factor:
            raise ValueError(f"frame size {tuple(frames.shape[-2:])} is not divisible by {self.factor}")
        mean, logvar = self.encoder(frames).chunk(2, dim=1)
        return mean, logvar.clamp(-20.0, 10.0)

    def decode(self, latents: Tensor) -> Tensor:
        """Latents [b z h w] to frames [b 3 8h 8w], about [-1, 1], not clipped."""
        return self.decoder(latents)

    def forward(self, frames: Tensor, noise: Tensor | None = None) -> tuple[Tensor, Tensor, Tensor]:
        """(reconstruction, mean, logvar); latents are mean + std * noise [b z h/8 w/8], or the mean without noise."""
        mean, logvar = self.encode(frames)
        latents = mean if noise is None else mean + torch.exp(0.5 * logvar) * noise
        return self.decode(latents), mean, logvar


def kl_divergence(mean: Tensor, logvar: Tensor) -> Tensor:
    """KL(N(mean, exp(logvar)) || N(0, 1)) per latent element, averaged: a scalar."""
    return 0.5 * (mean.square() + logvar.exp() - 1.0 - logvar).mean()


class TemporalDecoderLayers(TemporalLevels):
    """Temporal layers of the decoder (Video LDM, section 3.1.1: temporal fine-tuning of the decoder alone).

    At the start they are the identity, so the video decoder begins as the image decoder.
    """

    def __init__(self, config: AutoencoderConfig) -> None:
        widths = config.decoder_widths[::-1]
        super().__init__(widths, [width // 2 for width in widths])
