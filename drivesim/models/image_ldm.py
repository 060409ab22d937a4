"""The image latent diffusion model: latents of single frames from boxes, look, road and camera, or from nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, Self

import torch
from torch import Tensor, nn

from drivesim.checkpoint import load_strictly, read_checkpoint, weights_hash
from drivesim.config import Config
from drivesim.diffusion.denoiser import Denoise, Prediction, denoiser
from drivesim.diffusion.schedule import NoiseSchedule
from drivesim.models.conditioning import BOX_MAP_CHANNELS, ConditionEncoder, Conditions, box_map
from drivesim.nn.unet import Mix, UNet, UNetConfig

KIND = "image-ldm"


class ImageLDMConfig(Config):
    """Architecture and diffusion process; `widths`, `blocks`, attention as in UNetConfig.

    The default process is v-prediction on the cosine schedule with zero terminal SNR. Latents of 16x32 keep their
    large-scale structure (day or night, the road's shape) under the noise at which the papers' linear schedule ends, so a
    model trained on that one never learns to make brightness and layout from pure noise, where sampling starts. Zero
    terminal SNR closes the gap; v is defined there, epsilon is not; cosine spends fewer steps on almost pure noise.
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

    def noise_schedule(self) -> NoiseSchedule:
        """The schedule of 1000 steps that this says."""
        schedule = NoiseSchedule.cosine() if self.schedule == "cosine" else NoiseSchedule.linear()
        return schedule.zero_terminal_snr() if self.zero_terminal_snr else schedule


class ImageLDM(nn.Module):
    """Condition encoder and U-Net. The U-Net sees the noisy latents, the map of the boxes and the coordinates of each cell.

    `weights` is the sha256 of the checkpoint that it was loaded from, None where it was not.
    """

    def __init__(self, config: ImageLDMConfig) -> None:
        super().__init__()
        self.config = config
        self.weights: str | None = None
        self.schedule = config.noise_schedule()
        self.encoder = ConditionEncoder(config.token_width, config.encoder_layers)
        self.unet = UNet(
            UNetConfig(
                in_channels=config.latent_channels + BOX_MAP_CHANNELS + 2,
                out_channels=config.latent_channels,
                widths=config.widths,
                blocks=config.blocks,
                attention_from=config.attention_from,
                cross_attention_from=config.cross_attention_from,
                head_width=config.head_width,
                token_width=config.token_width,
            )
        )

    @classmethod
    def load(cls, folder: Path) -> Self:
        """The model of a checkpoint folder, in eval mode; InputError if it is missing, damaged or of another kind."""
        checkpoint, tensors = read_checkpoint(folder, KIND)
        config = ImageLDMConfig.parse(checkpoint.model, folder / "config.json")
        model = load_strictly(cls(config), tensors, folder)
        model.weights = weights_hash(folder)
        return model.eval()

    def forward(self, x: Tensor, t: Tensor, conditions: Conditions, mix: Mix | None = None) -> Tensor:
        """Network output [b c h w] for noisy latents `x` [b c h w] at `t` int64 [b]; `mix` as in UNet.forward."""
        tokens, mask = self.encoder(conditions)
        height, width = x.shape[2:]
        inputs = [x, box_map(conditions, height, width).to(x.dtype), coordinates(x)]
        out: Tensor = self.unet(torch.cat(inputs, dim=1), t, tokens, mask, mix)
        return out

    def denoise(self, conditions: Conditions) -> Denoise:
        """(x_t [b c h w], t [b]) -> x_0 under these conditions (b rows)."""
        return denoiser(lambda x, t: self(x, t, conditions), self.schedule, self.config.prediction)


def coordinates(x: Tensor) -> Tensor:
    """x and y of the cell centres of [b c h w], -1 to 1: [b 2 h w]. Roads and horizons have their place in the frame."""
    b, _, height, width = x.shape
    across = (torch.arange(width, dtype=x.dtype, device=x.device) + 0.5) * (2 / width) - 1
    down = (torch.arange(height, dtype=x.dtype, device=x.device) + 0.5) * (2 / height) - 1
    return torch.stack([across.expand(height, width), down[:, None].expand(height, width)]).expand(b, 2, height, width)
