"""Temporal layers in the public x4 upscaler (Video LDM, sec. 3.4): what it makes of the frames of a clip goes together."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Self

from pydantic import Field
from torch import Tensor, nn

from drivesim.checkpoint import load_strictly, read_checkpoint
from drivesim.config import Config, InputError
from drivesim.diffusion.denoiser import Denoise, denoiser
from drivesim.models.layers.blocks import channels_last
from drivesim.models.layers.video_unet import TemporalBlocks
from drivesim.models.stable_diffusion.upscaler import SmallPictures, Upscaler

KIND = "clip-upscaler"


class ClipUpscalerConfig(Config):
    """Frames attend to each other on levels from `attention_from` on, level 0 being the finest; the rest as of VideoLDMConfig."""

    attention_from: int = Field(default=1, ge=0)
    embedding_width: int = Field(default=512, ge=2)
    head_width: int = Field(default=64, ge=1)
    inner_width: int = Field(default=512, ge=1)


class ClipUpscaler(nn.Module):
    """Temporal layers after each block of an upscaler's U-Net, which is frozen.

    Parameters and state_dict are those of the temporal layers alone; see VideoLDM. With every alpha at 1, and at the start, each
    frame is that of the upscaler by itself, bit for bit.
    """

    def __init__(self, config: ClipUpscalerConfig, upscaler: Upscaler) -> None:
        super().__init__()
        self.config = config
        self._upscaler = (upscaler.eval().requires_grad_(False),)  # in a tuple: not registered
        shapes = [(block.channels, block.level) for block in upscaler.blocks]
        self.temporal = TemporalBlocks(
            shapes, config.attention_from, config.embedding_width, config.head_width, config.inner_width
        )

    @property
    def upscaler(self) -> Upscaler:
        """The frozen upscaler."""
        return self._upscaler[0]

    def _apply(self, fn: Any, recurse: bool = True) -> Self:
        self.upscaler._apply(fn, recurse)
        return super()._apply(fn, recurse)

    @classmethod
    def load(cls, folder: Path, upscaler: Upscaler) -> Self:
        """That of a checkpoint folder in the upscaler it was trained in, in eval mode; InputError if it is another, or damaged."""
        checkpoint, tensors = read_checkpoint(folder, KIND)
        config = ClipUpscalerConfig.parse(checkpoint.model, folder / "config.json")
        if checkpoint.base != upscaler.weights:
            raise InputError(f"{folder}/config.json: base: trained in another upscaler; give the one it belongs to, "
                             "or train it again")  # fmt: skip
        return channels_last(load_strictly(cls(config, upscaler), tensors, folder).eval())

    def forward(self, x: Tensor, t: Tensor, small: SmallPictures, tokens: Tensor) -> Tensor:
        """Network output [b f 4 h w] for noisy latents `x` [b f 4 h w] at `t` int64 [b].

        `small` and `tokens` [(b f) n d] have a row a frame; all frames of a clip have the same level of noise.
        """
        frames = x.shape[1]
        hook = self.temporal.hook(t, small.level[::frames], frames)
        out = self.upscaler.network(x.flatten(0, 1), t.repeat_interleave(frames), small, tokens, hook)
        return out.unflatten(0, x.shape[:2])

    def denoise(self, small: SmallPictures, ids: Tensor) -> Denoise:
        """(x_t [b f 4 h w], t [b]) -> x_0, latents of clips [b f 3 4h 4w], under texts of token numbers `ids` [(b f) n]."""
        tokens = self.upscaler.text(ids)
        return denoiser(lambda x, t: self(x, t, small, tokens), self.upscaler.schedule, self.upscaler.prediction)
