"""Stable Diffusion's U-Net as a backbone: diffusers computes the spatial layers, forward hooks put temporal ones between them."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Self

from torch import Tensor, nn

from drivesim.config import InputError
from drivesim.models.backbone import Backbone, BackboneShape, Encoded
from drivesim.models.layers.blocks import Hook
from drivesim.models.stable_diffusion.folder import check_folder, load_part, part_config, part_hash
from drivesim.models.stable_diffusion.hooks import BlockHooks, EntryHook, unet_blocks
from drivesim.models.stable_diffusion.process import DiffusionProcess, diffusion_process
from drivesim.models.stable_diffusion.text import TextEncoder


class StableDiffusion(Backbone[Tensor]):
    """A UNet2DConditionModel of diffusers and its text encoder; conditions are token numbers int64 [b n] (TextEncoder.ids).

    The hook is called after each residual block and the transformer that follows it (Video LDM, sec. 3.1), wherever diffusers
    has such a pair: twice in the middle, where there are two residual blocks.
    """

    def __init__(self, unet: Any, text: TextEncoder, process: DiffusionProcess) -> None:
        super().__init__()
        self.weights = None
        self.unet = unet
        self.text = text
        self.schedule, self.prediction = process
        self._blocks = unet_blocks(unet)
        self._hooks, self._first = BlockHooks(self._blocks), EntryHook(unet)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """That of a folder, in eval mode; InputError if a part is missing, damaged or of a kind that is not supported."""
        from diffusers import UNet2DConditionModel

        check_folder(folder)
        config, source = part_config(folder, "unet"), folder / "unet" / "config.json"
        channels = config.get("in_channels"), config.get("out_channels")
        if channels[0] != channels[1]:
            raise InputError(f"{source}: the U-Net takes {channels[0]} channels and makes {channels[1]} (inpainting, upscaling); "
                             "give a text-to-image model")  # fmt: skip
        process = diffusion_process(part_config(folder, "scheduler"), folder / "scheduler" / "scheduler_config.json")
        text, unet = TextEncoder.load(folder), load_part(folder, "unet", UNet2DConditionModel)
        if unet.config.cross_attention_dim != text.clip.config.hidden_size:
            raise InputError(f"{source}: the U-Net reads tokens of width {unet.config.cross_attention_dim}, the text encoder makes "
                             f"{text.clip.config.hidden_size}; the parts of the folder belong to different models")  # fmt: skip
        model = cls(unet, text, process)
        model.weights = part_hash(folder, "unet")
        return model.eval()

    @property
    def shape(self) -> BackboneShape:
        """What temporal layers are built by: no maps, and a text."""
        blocks = tuple((block.channels, block.level) for block in self._blocks)
        return BackboneShape(self.unet.config.in_channels, blocks, text_width=self.unet.config.cross_attention_dim)

    @property
    def networks(self) -> tuple[nn.Module, ...]:
        """Where the work is done: the U-Net."""
        return (self.unet,)

    @property
    def spatial(self) -> nn.Module:
        """The U-Net."""
        unet: nn.Module = self.unet
        return unet

    def encode(self, conditions: Tensor, height: int, width: int) -> Encoded:
        """Tokens of the texts `conditions` [b n], and maps without channels."""
        tokens = self.text(conditions)
        return Encoded(tokens, None, tokens.new_zeros(len(tokens), 0, height, width))

    def network(
        self, x: Tensor, t: Tensor, encoded: Encoded, hook: Hook | None = None, inner: Hook | None = None
    ) -> Tensor:
        """Network output [b c h w] for noisy latents `x` [b c h w] at `t` int64 [b]."""
        self._hooks.hook, self._hooks.inner, self._first.entry = hook, inner, encoded.entry
        out: Tensor = self.unet(x, t, encoder_hidden_states=encoded.tokens, return_dict=False)[0]
        return out
