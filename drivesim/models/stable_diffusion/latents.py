"""The latents of a Stable Diffusion: its AutoencoderKL, scaled to unit variance."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any, Self

import torch
from torch import Tensor

from drivesim.checkpoint import FORMAT, Checkpoint, load_strictly, read_checkpoint, write_checkpoint
from drivesim.config import Config, InputError
from drivesim.models.backbone import LatentCodec
from drivesim.models.layers.blocks import Hook
from drivesim.models.stable_diffusion.folder import PIPELINE, check_folder, check_packages, load_part
from drivesim.models.stable_diffusion.hooks import BlockHooks, decoder_blocks
from drivesim.video_format import LATENT_FACTOR

KIND = "autoencoder"


class PublicLatentsConfig(Config):
    """`vae`: the configuration of the autoencoder, as diffusers has it."""

    vae: dict[str, Any]


class PublicLatents(LatentCodec):
    """Latents are the autoencoder's times `scaling_factor` (0.18215 in the published ones)."""

    def __init__(self, autoencoder: Any) -> None:
        super().__init__()
        self.autoencoder = autoencoder
        self.scale = float(autoencoder.config.scaling_factor)
        self.levels = decoder_blocks(autoencoder)
        self._hooks = BlockHooks(self.levels)

    @classmethod
    def load(cls, folder: Path, pipeline: str = PIPELINE, factor: int = LATENT_FACTOR) -> Self:
        """Those of a folder for `pipeline`, in eval mode; InputError if it is damaged, or a cell is not `factor` px across."""
        from diffusers import AutoencoderKL

        check_folder(folder, pipeline)
        autoencoder = load_part(folder, "vae", AutoencoderKL)
        own = 2 ** (len(autoencoder.config.block_out_channels) - 1)
        if own != factor:
            raise InputError(f"{folder / 'vae'}: makes a cell of {own}x{own} px, {factor}x{factor} are needed")
        return cls(autoencoder).eval()

    @classmethod
    def of_checkpoint(cls, folder: Path) -> Self:
        """That of a checkpoint folder that `write` made, in eval mode; InputError if it is missing, damaged or of another kind."""
        check_packages(folder)
        from diffusers import AutoencoderKL

        checkpoint, tensors = read_checkpoint(folder, KIND)
        config = PublicLatentsConfig.parse(checkpoint.model, folder / "config.json")
        return load_strictly(cls(AutoencoderKL.from_config(config.vae)), tensors, folder).eval()

    def write(self, folder: Path) -> str:
        """Writes it as a checkpoint folder, for a cascade; returns the hash of its weights."""
        config = PublicLatentsConfig(vae=json.loads(self.autoencoder.to_json_string()))
        checkpoint = Checkpoint(format=FORMAT, kind=KIND, model=config.model_dump(mode="json"), training={})
        return write_checkpoint(folder, checkpoint, self.state_dict(), {})

    def encode(self, frames: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """Frames [b 3 h w] in [-1, 1] to latents [b c h/8 w/8]: means, or samples given a generator."""
        posterior = self.autoencoder.encode(frames).latent_dist
        latents = posterior.mean
        if generator is not None:
            latents = latents + posterior.std * torch.randn(latents.shape, generator=generator).to(latents)
        return latents * self.scale

    def decode(self, latents: Tensor) -> Tensor:
        """Latents [b c h w] to frames [b 3 8h 8w] clipped to [-1, 1], each by itself."""
        return self.decode_levels(latents).clamp(-1.0, 1.0)

    def decode_levels(self, latents: Tensor, hook: Hook | None = None) -> Tensor:
        """As `decode`, not clipped; `hook` is called after each level, the coarsest first."""
        self._hooks.hook = hook
        frames: Tensor = self.autoencoder.decode(latents / self.scale, return_dict=False)[0]
        return frames

    def fingerprint(self) -> str:
        """sha256 of encoder and scale."""
        return self._fingerprint("encoder.", "quant_conv.")

    def decoder_fingerprint(self) -> str:
        """sha256 of decoder and scale."""
        return self._fingerprint("decoder.", "post_quant_conv.")

    def _fingerprint(self, *beginnings: str) -> str:
        digest = hashlib.sha256(repr(self.scale).encode())
        for name, tensor in sorted(self.autoencoder.state_dict().items()):
            if name.startswith(beginnings):
                digest.update(name.encode() + tensor.detach().cpu().half().contiguous().numpy().tobytes())
        return digest.hexdigest()
