"""The space that the diffusion models work in: latents of the autoencoder, brought to unit variance per channel."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Self

import torch
from einops import rearrange
from torch import Tensor

from drivesim.checkpoint import load_strictly, read_checkpoint
from drivesim.models.backbone import LatentCodec
from drivesim.models.conditions.all_groups import pixel_groups
from drivesim.models.conditions.conditions import Conditions
from drivesim.models.conditions.layout.pyramid import LayoutEntries, LayoutPyramid, layout_hook
from drivesim.models.layers.autoencoder import Autoencoder, AutoencoderConfig, Decoder, TemporalDecoderLayers
from drivesim.models.layers.blocks import channels_last
from drivesim.models.wider_latents import wider_autoencoder

KIND = "autoencoder"


class LatentSpace(LatentCodec):
    """Autoencoder with the shift and scale of its latents: normalised = (latent - shift) / scale, per channel.

    Where the decoder of clips has temporal layers or is shown the layout it has weights of its own, so that what was trained on
    frames that the decoder of frames makes (moved context) stays valid.
    """

    shift: Tensor
    scale: Tensor

    def __init__(self, autoencoder: Autoencoder) -> None:
        super().__init__()
        self.config = config = autoencoder.config
        self.autoencoder = autoencoder
        self.clip_decoder = Decoder(config) if config.temporal or config.layout else None
        self.temporal = TemporalDecoderLayers(config) if config.temporal else None
        self.layout = LayoutPyramid(pixel_groups(config.bodies), len(config.decoder_widths), fold=2) if config.layout else None
        self.entries = LayoutEntries(config.decoder_widths) if config.layout else None
        self.register_buffer("shift", torch.zeros(config.latent_channels))
        self.register_buffer("scale", torch.ones(config.latent_channels))

    @classmethod
    def load(cls, folder: Path) -> Self:
        """The latent space of checkpoint `folder`, in evaluation mode; InputError if it is missing or does not fit."""
        checkpoint, tensors = read_checkpoint(folder, KIND)
        config = AutoencoderConfig.parse(checkpoint.model, folder / "config.json")
        return channels_last(load_strictly(cls(Autoencoder(config)), tensors, folder).eval())

    def fitted(self, model: dict[str, Any], tensors: dict[str, Tensor]) -> dict[str, Tensor]:
        """Tensors of a checkpoint whose configuration is `model`, as this latent space can start from them.

        Without parts that it does not have; fewer latent channels become as many as it has.
        """
        own, channels = self.state_dict(), self.config.latent_channels
        parts = {name.split(".")[0] for name in own}
        tensors = {name: value for name, value in tensors.items() if name.split(".")[0] in parts}
        old = AutoencoderConfig.parse(model, "config.json").latent_channels
        return wider_autoencoder(tensors, own, old, channels) if old < channels else tensors

    def fingerprint(self) -> str:
        """sha256 of what latents depend on: encoder, shift and scale, in fp16 as stored. A better decoder keeps it."""
        return self._fingerprint("autoencoder.encoder.", "shift", "scale")

    def decoder_fingerprint(self) -> str:
        """sha256 of what `decode` makes of latents depends on: decoder of frames, shift and scale. Not that of clips."""
        return self._fingerprint("autoencoder.decoder.", "shift", "scale")

    def _fingerprint(self, *beginnings: str) -> str:
        digest = hashlib.sha256()
        for name, tensor in sorted(self.state_dict().items()):
            if name.startswith(beginnings):
                digest.update(name.encode() + tensor.detach().cpu().half().contiguous().numpy().tobytes())
        return digest.hexdigest()

    def forward(self, frames: Tensor, noise: Tensor | None = None) -> tuple[Tensor, Tensor, Tensor]:
        """What training needs, (reconstruction, mean, logvar): see Autoencoder.forward."""
        made: tuple[Tensor, Tensor, Tensor] = self.autoencoder(frames, noise)
        return made

    def encode(self, frames: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """Frames [b 3 h w] in [-1, 1] to normalised latents [b z h/8 w/8]: means, or samples given a generator."""
        latents, logvar = self.autoencoder.encode(frames)
        if generator is not None:
            latents = latents + torch.exp(0.5 * logvar) * torch.randn(latents.shape, generator=generator).to(latents)
        return (latents - _channels(self.shift)) / _channels(self.scale)

    def denormalise(self, latents: Tensor) -> Tensor:
        """Normalised latents [b z h w] to those of the autoencoder."""
        return latents * _channels(self.scale) + _channels(self.shift)

    def decode(self, latents: Tensor) -> Tensor:
        """Normalised latents [b z h w] to frames [b 3 8h 8w] clipped to [-1, 1], each by itself."""
        return self.autoencoder.decode(self.denormalise(latents)).clamp(-1.0, 1.0)

    @property
    def shows_layout(self) -> bool:
        """Whether the decoder of clips is shown the layout."""
        return self.layout is not None

    @property
    def reach(self) -> int:
        """A frame of a clip depends on frames at most so many away."""
        return 0 if self.temporal is None else self.temporal.reach

    def decode_clip(
        self,
        latents: Tensor,
        start: int = 0,
        stop: int | None = None,
        conditions: Conditions | None = None,
        window: int = 32,
    ) -> Tensor:
        """Frames `start` to `stop` [b stop-start 3 8h 8w], in [-1, 1], of the clip of normalised latents [b f z h w].

        Decoded `window` frames at a time, each window with as many neighbours as the temporal layers can see: frames do
        not depend on where windows begin. Without temporal layers each frame is decoded by itself. `conditions` of all frames
        (b * f rows, frames innermost) tell of the layout, if it is known and the decoder is shown it.
        """
        clips, frames = latents.shape[:2]
        stop = frames if stop is None else stop
        decoded = []
        for first in range(start, stop, window):
            last = min(first + window, stop)
            low, high = max(0, first - self.reach), min(frames, last + self.reach)
            rows = [clip * frames + frame for clip in range(clips) for frame in range(low, high)]
            known = None if conditions is None or self.layout is None else conditions.rows(torch.tensor(rows))
            part = self.denormalise(rearrange(latents[:, low:high], "b f z h w -> (b f) z h w"))
            made = self.decoded_rows(part, high - low, known)
            made = rearrange(made, "(b f) c h w -> b f c h w", f=high - low)
            decoded.append(made[:, first - low : last - low].clamp(-1.0, 1.0))
        return torch.cat(decoded, dim=1)

    def decoded_rows(self, latents: Tensor, frames: int, conditions: Conditions | None) -> Tensor:
        """Frames [(b f) 3 8h 8w], not clipped, of clips of `frames` latents [(b f) z h w], not normalised; see `decode_clip`."""
        added = None
        if conditions is not None and self.layout is not None and self.entries is not None:
            added = self.entries(self.layout(conditions))
        hook = layout_hook(added, None if self.temporal is None else self.temporal.hook(frames))
        decoder = self.autoencoder.decoder if self.clip_decoder is None else self.clip_decoder
        made: Tensor = decoder(latents, hook)
        return made

    @torch.no_grad()
    def fit(self, batches: Iterable[Tensor]) -> None:
        """Sets shift and scale to the mean and standard deviation of the latents of `batches` of frames [b 3 h w].

        Raises ValueError if there are no frames.
        """
        count, total, squares = 0, torch.zeros((), dtype=torch.float64), torch.zeros((), dtype=torch.float64)
        for frames in batches:
            latents = rearrange(self.autoencoder.encode(frames)[0].double().cpu(), "b z h w -> z (b h w)")
            count += latents.shape[1]
            total = total + latents.sum(dim=1)
            squares = squares + latents.square().sum(dim=1)
        if count == 0:
            raise ValueError("no frames to fit the latent space to")
        mean = total / count
        self.shift.copy_(mean)
        self.scale.copy_((squares / count - mean.square()).clamp(min=1e-12).sqrt())


def _channels(x: Tensor) -> Tensor:
    """[c] to [c 1 1]."""
    return x[:, None, None]
