"""A public video network of the size of this project's, by which its speed is judged: UNetMotionModel of diffusers, untrained."""

from __future__ import annotations

from bisect import bisect_left
from importlib.util import find_spec
from typing import Any

import torch
from torch import Tensor, nn

_WIDTHS = range(8, 513, 4)  # of the finest level
_GROUPS, _HEADS, _TOKENS = 4, 4, 8


def has_public_network() -> bool:
    """Whether the package diffusers is there, which the extra `text` has."""
    return find_spec("diffusers") is not None


class PublicNetwork(nn.Module):
    """UNetMotionModel (AnimateDiff, arXiv 2307.04725) of three levels as the video LDM's, for latents of `channels`, with as nearly
    as it can `parameters` parameters of random values: of its speed alone."""

    def __init__(self, channels: int, parameters: int, token_width: int) -> None:
        super().__init__()

        def size(width: int) -> int:
            return count_parameters(_network(channels, width, token_width, "meta"))

        place = min(max(bisect_left(_WIDTHS, parameters, key=size), 1), len(_WIDTHS) - 1)
        width = min(_WIDTHS[place - 1 : place + 1], key=lambda width: abs(size(width) - parameters))
        self.network = _network(channels, width, token_width, "cpu").eval()
        self.token_width = token_width

    def forward(self, x: Tensor, t: Tensor) -> Tensor:
        """Network output [b f c h w] for noisy clips `x` [b f c h w] at `t` int64 [b], attending to a few empty tokens."""
        tokens = x.new_zeros(len(x) * x.shape[1], _TOKENS, self.token_width)
        out: Tensor = self.network(x.transpose(1, 2), t, tokens).sample
        return out.transpose(1, 2)


def _network(channels: int, width: int, token_width: int, device: str) -> Any:
    from diffusers import UNetMotionModel

    with torch.device(device), torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return UNetMotionModel(
            in_channels=channels,
            out_channels=channels,
            down_block_types=("DownBlockMotion", "CrossAttnDownBlockMotion", "CrossAttnDownBlockMotion"),
            up_block_types=("CrossAttnUpBlockMotion", "CrossAttnUpBlockMotion", "UpBlockMotion"),
            block_out_channels=(width, 2 * width, 3 * width),
            norm_num_groups=_GROUPS,
            cross_attention_dim=token_width,
            num_attention_heads=_HEADS,
            motion_num_attention_heads=_HEADS,
        )


def count_parameters(module: nn.Module) -> int:
    """How many numbers a network has learned, or would."""
    return sum(parameter.numel() for parameter in module.parameters())
