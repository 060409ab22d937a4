"""Temporal layers in the public upscaler: diffusers' own U-Net with alpha 1, clips otherwise, and a checkpoint for one upscaler."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from tiny_backbone import write_clip_upscaler, write_upscaler
from torch import nn

from drivesim.config import InputError
from drivesim.models.layers.video_unet import TemporalBlocks
from drivesim.models.stable_diffusion.clip_upscaler import ClipUpscaler, ClipUpscalerConfig
from drivesim.models.stable_diffusion.hooks import unet_blocks
from drivesim.models.stable_diffusion.upscaler import Upscaler

diffusers = pytest.importorskip("diffusers")
pytest.importorskip("transformers")
CONFIG = ClipUpscalerConfig(embedding_width=16, head_width=16)
B, F = 2, 3
GENERATOR = torch.Generator().manual_seed(1)
X, LOW = torch.randn(B, F, 4, 8, 8, generator=GENERATOR), torch.randn(B * F, 3, 8, 8, generator=GENERATOR)
T, LEVELS = torch.tensor([300, 800]), torch.tensor([20, 20, 20, 150, 150, 150])


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_upscaler(tmp_path_factory.mktemp("upscaler"))


def model_of(folder: Path, alpha: float = 0.0) -> ClipUpscaler:
    """Random layers, merged with the sigmoid of `alpha`."""
    torch.manual_seed(0)
    model = ClipUpscaler(CONFIG, Upscaler.load(folder)).eval()
    for name, parameter in model.named_parameters():
        if name.endswith("logit"):
            nn.init.constant_(parameter.data, alpha)
        else:
            nn.init.normal_(parameter.data, std=0.2)
    return model


@torch.no_grad()
def test_with_alpha_one_and_at_the_start_it_is_the_unet_of_diffusers_bit_for_bit(folder: Path) -> None:
    unet = diffusers.UNet2DConditionModel.from_pretrained(str(folder / "unet")).eval().requires_grad_(False)
    fresh = ClipUpscaler(CONFIG, Upscaler.load(folder)).eval()
    for model in (model_of(folder, alpha=40.0), fresh):
        ids = model.upscaler.text.ids(["a red car"]).expand(B * F, -1)
        tokens, small = model.upscaler.text(ids), model.upscaler.noised_each(LOW, LEVELS, LOW)
        alone = unet(torch.cat([X.flatten(0, 1), small.frames], dim=1), T.repeat_interleave(F), encoder_hidden_states=tokens,
                     class_labels=LEVELS).sample  # fmt: skip
        assert torch.equal(model(X, T, small, tokens).flatten(0, 1), alone)


def test_frames_see_each_other_and_only_temporal_layers_learn(folder: Path) -> None:
    model = model_of(folder)
    ids = model.upscaler.text.ids(["a red car"]).expand(B * F, -1)
    small = model.upscaler.noised_each(LOW, LEVELS, LOW)
    changed = X.clone()
    changed[0, 0] += 1
    whole, other = (model.denoise(small, ids)(x, T) for x in (X, changed))
    assert not torch.equal(whole[0, 2], other[0, 2]) and torch.equal(whole[1], other[1])
    whole.square().mean().backward()
    assert all(parameter.grad is not None for parameter in model.parameters())
    assert all(parameter.grad is None for parameter in model.upscaler.parameters())


def test_the_level_of_noise_reaches_the_temporal_layers(folder: Path) -> None:
    temporal, h = model_of(folder).temporal, torch.randn(B * F, 16, 8, 8)
    first, other = (temporal.hook(T, level, F)(0, h) for level in (LEVELS[::F], LEVELS[::F].flip(0)))
    assert not torch.allclose(first, other)


def test_a_checkpoint_belongs_to_one_upscaler(folder: Path, tmp_path: Path) -> None:
    saved = write_clip_upscaler(tmp_path / "temporal", folder)
    ClipUpscaler.load(saved, Upscaler.load(folder))
    with pytest.raises(InputError, match="trained in another upscaler"):
        ClipUpscaler.load(saved, Upscaler.load(write_upscaler(tmp_path / "other", seed=5)))


def test_temporal_layers_fit_the_published_unet() -> None:
    """Sizes of the public configuration, without memory."""
    with torch.device("meta"):
        unet = diffusers.UNet2DConditionModel(
            in_channels=7, out_channels=4, block_out_channels=(256, 512, 512, 1024), layers_per_block=2,
            cross_attention_dim=1024, attention_head_dim=8, num_class_embeds=1000, use_linear_projection=True,
            only_cross_attention=(True, True, True, False),
            down_block_types=("DownBlock2D", *("CrossAttnDownBlock2D",) * 3),
            up_block_types=(*("CrossAttnUpBlock2D",) * 3, "UpBlock2D"),
        )  # fmt: skip
        shapes = [(block.channels, block.level) for block in unet_blocks(unet)]
        config = ClipUpscalerConfig()
        layers = TemporalBlocks(shapes, config.attention_from, config.embedding_width, config.head_width, config.inner_width)
    assert [level for _, level in shapes] == [0, 0, 1, 1, 2, 2, 3, 3, 3, 3, 3, 3, 3, 2, 2, 2, 1, 1, 1, 0, 0, 0]
    assert len(layers.attentions) == 22 - 5
