"""The public x4 upscaler of Stable Diffusion 2: latents of a large picture, under a noisy small one, its noise level and a text."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple, Self

import torch
from torch import Tensor, nn

from drivesim.config import InputError, read_json
from drivesim.diffusion.denoiser import Denoise, denoiser
from drivesim.models.layers.blocks import Hook
from drivesim.models.stable_diffusion.folder import check_folder, load_part, part_config, part_hash
from drivesim.models.stable_diffusion.hooks import BlockHooks, unet_blocks
from drivesim.models.stable_diffusion.latents import PublicLatents
from drivesim.models.stable_diffusion.process import DiffusionProcess, diffusion_process
from drivesim.models.stable_diffusion.text import TextEncoder
from drivesim.video_format import UPSAMPLING_FACTOR

PIPELINE = "StableDiffusionUpscalePipeline"
FACTOR = UPSAMPLING_FACTOR  # theirs, and so what is made has the size of the house's own films
USUAL_LEVELS = 350  # of noise, where a folder does not say how many
_LOW_NOISE = Path("low_res_scheduler") / "scheduler_config.json"


def check_upscaler(folder: Path) -> None:
    """InputError unless `folder` holds all parts of an upscaler."""
    check_folder(folder, PIPELINE)
    if not (folder / _LOW_NOISE).is_file():
        raise InputError(f"{folder}: its low_res_scheduler is missing ({_LOW_NOISE}); copy the whole folder")


class SmallPictures(NamedTuple):
    """What is to be upscaled: `frames` [b 3 h w] in [-1, 1] with the noise of diffusion time `level` int64 [b] on them."""

    frames: Tensor
    level: Tensor


class Upscaler(nn.Module):
    """A UNet2DConditionModel that takes small pictures beside the latents, which have their size, and is told the noise on them.

    `weights` is the sha256 of the weights that it was loaded from; None where it was not.
    """

    def __init__(
        self,
        unet: Any,
        text: TextEncoder,
        latent_codec: PublicLatents,
        process: DiffusionProcess,
        noise: DiffusionProcess,
        levels: int,
    ) -> None:
        super().__init__()
        self.unet, self.text, self.latent_codec = unet, text, latent_codec
        self.schedule, self.prediction = process
        self.noise_schedule = noise.schedule
        self.levels = levels
        self.weights: str | None = None
        self.blocks = unet_blocks(unet)
        self._hooks = BlockHooks(self.blocks)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """That of a folder, in eval mode; InputError if a part is missing, damaged or of a kind that is not supported."""
        from diffusers import UNet2DConditionModel

        check_upscaler(folder)
        latent_codec = PublicLatents.load(folder, PIPELINE, FACTOR)
        unet = load_part(folder, "unet", UNet2DConditionModel)
        channels = latent_codec.autoencoder.config.latent_channels + 3
        if unet.config.in_channels != channels or not unet.config.num_class_embeds:
            raise InputError(f"{folder / 'unet'}: takes {unet.config.in_channels} channels, an upscaler {channels} and a level "
                             "of noise; give the x4 upscaler")  # fmt: skip
        process = diffusion_process(part_config(folder, "scheduler"), folder / "scheduler" / "scheduler_config.json")
        noise = diffusion_process(read_json(folder / _LOW_NOISE), folder / _LOW_NOISE)
        levels = int(read_json(folder / "model_index.json").get("max_noise_level", USUAL_LEVELS))
        levels = min(levels, unet.config.num_class_embeds - 1)
        model = cls(unet, TextEncoder.load(folder), latent_codec, process, noise, levels)
        model.weights = part_hash(folder, "unet")
        return model.eval()

    def noised(self, frames: Tensor, level: int, noise: Tensor) -> SmallPictures:
        """Frames [b 3 h w] with unit `noise` [b 3 h w] of a level, 0 to `levels`: the more, the freer is what comes of them."""
        return self.noised_each(frames, torch.full((len(frames),), level, dtype=torch.int64, device=frames.device), noise)

    def noised_each(self, frames: Tensor, levels: Tensor, noise: Tensor) -> SmallPictures:
        """As `noised`, with a level int64 [b] for each frame."""
        return SmallPictures(self.noise_schedule.add_noise(frames, noise, levels), levels)

    def denoise(self, small: SmallPictures, ids: Tensor) -> Denoise:
        """(x_t [b 4 h w], t [b]) -> x_0, latents of pictures [b 3 4h 4w], under texts of token numbers `ids` [b n]."""
        tokens = self.text(ids)
        return denoiser(lambda x, t: self.network(x, t, small, tokens), self.schedule, self.prediction)

    def network(self, x: Tensor, t: Tensor, small: SmallPictures, tokens: Tensor, hook: Hook | None = None) -> Tensor:
        """Network output [b 4 h w] for noisy latents `x` [b 4 h w] at `t` int64 [b]; `hook` is called after each block."""
        self._hooks.hook = hook
        pair = torch.cat([x, small.frames.to(x.dtype)], dim=1)
        out: Tensor = self.unet(pair, t, encoder_hidden_states=tokens, class_labels=small.level, return_dict=False)[0]
        return out
