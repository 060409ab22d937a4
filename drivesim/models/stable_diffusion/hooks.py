"""Hooks between the blocks of networks that diffusers computes: where temporal layers stand."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any, NamedTuple, cast

from einops import rearrange
from torch import Tensor, nn

from drivesim.models.layers.blocks import Hook


class PublicBlock(NamedTuple):
    """A block of a network of diffusers: what is computed last of it, its channels, and its level, 0 the finest."""

    module: nn.Module
    channels: int
    level: int


class BlockHooks:
    """Calls `hook`, where there is one, after each of these blocks, with its number and output, and `inner` within: see Hook.

    They stay until they are changed: with gradient checkpointing blocks run once more in the backward pass.
    """

    def __init__(self, blocks: Sequence[PublicBlock]) -> None:
        self.hook: Hook | None = None
        self.inner: Hook | None = None
        self._heights: dict[int, int] = {}
        self._residuals: dict[int, Tensor] = {}
        for i, block in enumerate(blocks):
            block.module.register_forward_hook(partial(self._after, i))
            if _is_transformer(block.module):
                last = cast(Any, block.module).transformer_blocks[-1]
                block.module.register_forward_pre_hook(partial(self._note_height, i))
                last.norm2.register_forward_pre_hook(partial(self._note_residual, i))
                last.attn2.register_forward_hook(partial(self._within, i))

    def _after(self, i: int, module: nn.Module, inputs: Any, output: Any) -> Any:
        """What follows block i instead of its output; transformers give a tuple."""
        if self.inner is not None and not _is_transformer(module):
            return output + self.inner(i, output)
        if self.hook is None:
            return None
        return (self.hook(i, output[0]),) if isinstance(output, tuple) else self.hook(i, output)

    def _note_height(self, i: int, module: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        """Of the map that the transformer of block i is given, whose layers see places in a row."""
        self._heights[i] = inputs[0].shape[2]

    def _note_residual(self, i: int, module: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        """What the attention to tokens is added to."""
        if self.inner is not None:
            self._residuals[i] = inputs[0]

    def _within(self, i: int, module: nn.Module, inputs: Any, output: Tensor) -> Tensor | None:
        """What attention to tokens adds in block i, with what `inner` makes of their sum [b (h w) c]."""
        if self.inner is None:
            return None
        h = rearrange(self._residuals.pop(i) + output, "b (h w) c -> b c h w", h=self._heights[i])
        return output + rearrange(self.inner(i, h), "b c h w -> b (h w) c").to(output.dtype)


class EntryHook:
    """Adds `entry` [b w h w], where there is one, to what the first convolution of a U-Net makes; it stays until it is changed."""

    def __init__(self, unet: Any) -> None:
        self.entry: Tensor | None = None
        unet.conv_in.register_forward_hook(self._after)

    def _after(self, module: nn.Module, inputs: Any, output: Tensor) -> Tensor | None:
        return None if self.entry is None else output + self.entry


def _is_transformer(module: nn.Module) -> bool:
    return hasattr(module, "transformer_blocks")


def unet_blocks(unet: Any) -> list[PublicBlock]:
    """All blocks of a UNet2DConditionModel, in the order of computation: a residual block with the transformer after it, if any."""
    widths = list(unet.config.block_out_channels)
    last = len(widths) - 1
    middle = zip(unet.mid_block.resnets, [*unet.mid_block.attentions, None], strict=True)
    groups = [
        *((level, zip(block.resnets, _attentions(block), strict=True)) for level, block in enumerate(unet.down_blocks)),
        (last, middle),
        *((last - i, zip(block.resnets, _attentions(block), strict=True)) for i, block in enumerate(unet.up_blocks)),
    ]
    return [
        PublicBlock(residual if attention is None else attention, widths[level], level)
        for level, pairs in groups
        for residual, attention in pairs
    ]


def _attentions(block: Any) -> list[nn.Module | None]:
    """The transformer after each residual block, None where there is none."""
    return list(getattr(block, "attentions", None) or [None] * len(block.resnets))


def decoder_blocks(autoencoder: Any) -> list[PublicBlock]:
    """The levels of an AutoencoderKL's decoder, the coarsest first, each before it is enlarged."""
    widths = list(autoencoder.config.block_out_channels)[::-1]
    return [
        PublicBlock(block.resnets[-1], width, len(widths) - 1 - i)
        for i, (block, width) in enumerate(zip(autoencoder.decoder.up_blocks, widths, strict=True))
    ]
