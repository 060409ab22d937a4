"""Pixel-space video super-resolution by 4: diffusion given the noise-augmented low resolution (Video LDM, 3.4)

What is diffused is not the frame but its residual to an estimate, scaled to about unit variance ("predict and refine", Whang et
al. 2022). The estimate is the bicubic upsampling of the low resolution, sharpened by a small network that is trained by
regression: edges, which the low resolution tells, need no sampling. The rest, which it leaves open, is nearly white, so that a
noise schedule for small pictures fits it; a network that predicts nothing for it gives the estimate.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Literal, Self

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from drivesim.checkpoint import load_strictly, read_checkpoint
from drivesim.config import Config
from drivesim.diffusion.ddim import Draft, sample
from drivesim.diffusion.denoiser import Denoise, denoiser
from drivesim.diffusion.schedule import NoiseSchedule
from drivesim.models.conditions.all_groups import pixel_groups
from drivesim.models.conditions.conditions import Conditions
from drivesim.models.conditions.layout.pyramid import LayoutEntries, LayoutFeatures, LayoutPyramid, layout_hook
from drivesim.models.layers.blocks import channels_last
from drivesim.models.layers.temporal import TemporalLevels
from drivesim.models.layers.upsampler import Sharpener, UpsamplerUNet
from drivesim.video_format import UPSAMPLING_FACTOR as FACTOR

KIND = "super-resolution"
MAX_LEVEL = 250
"""Noise augmentation goes from level 0 (next to none) to this one in training (Video LDM, appendix)."""


class SuperResolutionConfig(Config):
    """`widths` from the finest level on, which is as large as the low resolution; `blocks` a level. `fine`: channels of layers at
    full size (FineLayers), 0 for none.

    `sharpener_width`, `sharpener_blocks`: of the network behind the estimate. `residual_std`: standard deviation of frames minus
    estimates, in units of [-1, 1]; measure it on the training data.
    `temporal`: whether there are temporal layers, of `temporal_widths`. `layout`: whether it is shown the layout, by
    `layout_kernel` x `layout_kernel` places at first (one place costs a fifth of the upsampler less), and `bodies`, whether that
    tells where on its body each pixel of a vehicle lies; `guided`: whether the estimate is linear in the layout's maps besides,
    place by place, so that edges are where the layout has them.
    """

    widths: tuple[int, ...] = (32, 64, 96, 160)
    blocks: tuple[int, ...] = (1, 1, 1, 2)
    fine: int = 0
    temporal: bool = False
    temporal_widths: tuple[int, ...] = (8, 16, 48, 80)
    layout: bool = False
    layout_kernel: Literal[1, 3] = 3
    bodies: bool = False
    guided: bool = False
    sharpener_width: int = 48
    sharpener_blocks: int = 4
    residual_std: float = 0.08


class SuperResolution(nn.Module):
    """v-prediction on the cosine schedule with zero terminal SNR: training reaches the pure noise of sampling."""

    def __init__(self, config: SuperResolutionConfig) -> None:
        super().__init__()
        self.config = config
        self.schedule = NoiseSchedule.cosine().zero_terminal_snr()
        self.augmentation = NoiseSchedule.from_beta(torch.linspace(1e-4, 2e-2, 1000, dtype=torch.float64))
        self.network = UpsamplerUNet(FACTOR, config.widths, config.blocks, config.fine)
        levels = config.widths[::-1], config.temporal_widths[::-1]
        self.temporal = TemporalLevels(*levels) if config.temporal else None
        groups = pixel_groups(config.bodies)
        self.layout = LayoutPyramid(groups, len(config.widths), FACTOR, config.layout_kernel) if config.layout else None
        guides = self.layout.channels if self.layout is not None and config.guided else 0
        self.sharpener = Sharpener(FACTOR, config.sharpener_width, config.sharpener_blocks, guides)
        self.entries = nn.ModuleDict(
            {"network": LayoutEntries(config.widths), "sharpener": LayoutEntries([config.sharpener_width])} if config.layout else {}
        )

    @classmethod
    def load(cls, folder: Path) -> Self:
        """The model of a checkpoint folder, in eval mode; InputError if it is missing, damaged or does not fit."""
        checkpoint, tensors = read_checkpoint(folder, KIND)
        config = SuperResolutionConfig.parse(checkpoint.model, folder / "config.json")
        return channels_last(load_strictly(cls(config), tensors, folder).eval())

    @property
    def multiple(self) -> int:
        """Height and width of the low resolution are multiples of this."""
        return 2 ** (len(self.config.widths) - 1)

    def augment(self, low: Tensor, level: Tensor, noise: Tensor) -> Tensor:
        """Noise augmentation of `low` [b f 3 h w] at `level` int64 [b], 0 to 250, by unit `noise` [b f 3 h w]."""
        return self.augmentation.add_noise(low, noise, level)

    def layout_features(self, conditions: Conditions | None) -> LayoutFeatures | None:
        """What the layout says of all frames (rows (b f), planes of the high resolution); None if it is not known or not shown."""
        return None if conditions is None or self.layout is None else self.layout(conditions)

    def _added(self, network: str, features: LayoutFeatures | None) -> list[Tensor] | None:
        return None if features is None else self.entries[network](features)

    def estimate(self, low: Tensor, features: LayoutFeatures | None = None) -> Tensor:
        """The best guess without sampling [b f 3 4h 4w] for `low` [b f 3 h w]; `features` of the layout, if it is known."""
        added, guide = self._added("sharpener", features), None if features is None else features.pictures
        details = self.sharpener(low.flatten(0, 1), None if added is None else added[0], guide)
        return bicubic(low) + details.unflatten(0, low.shape[:2])

    def residual(self, high: Tensor, estimate: Tensor) -> Tensor:
        """x_0: what `high` has beyond `estimate`, both [b f 3 4h 4w], of about unit variance."""
        return (high - estimate) / self.config.residual_std

    def refine(self, estimate: Tensor, residual: Tensor) -> Tensor:
        """Inverse of `residual`: frames [b f 3 4h 4w], clipped to [-1, 1]."""
        return (estimate + self.config.residual_std * residual).clamp(-1.0, 1.0)

    def forward(self, x: Tensor, t: Tensor, low: Tensor, level: Tensor, features: LayoutFeatures | None = None) -> Tensor:
        """Estimate of v [b f 3 4h 4w] for noisy residuals `x` [b f 3 4h 4w] at `t` int64 [b].

        `low` [b f 3 h w] has been augmented at `level` int64 [b]; `features` are those of `layout_features`. Raises
        ValueError unless `multiple` divides h and w.
        """
        frames, height, width = low.shape[1], low.shape[3], low.shape[4]
        if height % self.multiple or width % self.multiple:
            raise ValueError(f"low resolution {height}x{width}: both must be multiples of {self.multiple}")
        times, levels = (number.repeat_interleave(frames) for number in (t, level))
        hook = layout_hook(self._added("network", features), None if self.temporal is None else self.temporal.hook(frames))
        v: Tensor = self.network(x.flatten(0, 1), times, low.flatten(0, 1), levels, hook)
        return v.unflatten(0, (-1, frames))

    def upsample(
        self,
        low: Tensor,
        level: Tensor,
        low_noise: Tensor,
        noise: Tensor,
        features: LayoutFeatures | None = None,
        *,
        steps: int,
        share: float,
        eta: float = 0.0,
        noise_source: Callable[[int], Tensor] | None = None,
        on_step: Callable[[int, Tensor], None] | None = None,
    ) -> Tensor:
        """Frames [b f 3 4h 4w] of clean `low` [b f 3 h w], sampled in `steps` from unit `noise` like them, see ddim.sample.

        Sampling begins at the estimate, where the residual is nothing, with the noise of a `share` of the times: what a first step
        from noise alone predicts is hardly more, and costs a step. `low_noise` like `low` augments it at `level` int64 [b].
        """
        estimate = self.estimate(low, features)
        draft = Draft(torch.zeros_like(noise), share) if share < 1 else None
        denoise = self.denoise(low, level, low_noise, features)
        residual = sample(denoise, self.schedule, noise, steps, eta, noise_source, on_step, draft=draft)
        return self.refine(estimate, residual)

    def denoise(self, low: Tensor, level: Tensor, noise: Tensor, features: LayoutFeatures | None = None) -> Denoise:
        """(x_t [b f 3 4h 4w], t [b]) -> residual x_0 for clean `low` [b f 3 h w], augmented once: see `augment`."""
        augmented = self.augment(low, level, noise)
        return denoiser(lambda x, t: self(x, t, augmented, level, features), self.schedule, "v")


def bicubic(low: Tensor) -> Tensor:
    """[b f 3 h w] to [b f 3 4h 4w]."""
    high = F.interpolate(low.flatten(0, 1), scale_factor=float(FACTOR), mode="bicubic", align_corners=False)
    return high.unflatten(0, low.shape[:2])
