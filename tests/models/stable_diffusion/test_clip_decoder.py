"""Temporal layers in a public decoder: diffusers' own pictures with alpha 1, clips otherwise, and a checkpoint for one decoder."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from tiny_backbone import write_backbone, write_clip_decoder
from torch import nn

from drivesim.config import InputError
from drivesim.models.stable_diffusion.clip_decoder import ClipDecoder, ClipDecoderConfig
from drivesim.models.stable_diffusion.latents import PublicLatents

diffusers = pytest.importorskip("diffusers")
LATENTS = torch.randn(12, 4, 2, 4, generator=torch.Generator().manual_seed(1))


def decoder(folder: Path, alpha: float = 0.0) -> ClipDecoder:
    """Random layers, merged with the sigmoid of `alpha`."""
    torch.manual_seed(0)
    model = ClipDecoder(ClipDecoderConfig(), PublicLatents.load(folder)).eval()
    for name, parameter in model.named_parameters():
        if name.endswith("logit"):
            nn.init.constant_(parameter.data, alpha)
        else:
            nn.init.normal_(parameter.data, std=0.3)
    return model


@torch.no_grad()
def test_with_alpha_one_and_at_the_start_it_is_the_decoder_of_diffusers_bit_for_bit(backbone: Path) -> None:
    public = diffusers.AutoencoderKL.from_pretrained(str(backbone / "vae")).eval().requires_grad_(False)
    alone = public.decode(LATENTS / 0.18215).sample
    fresh = ClipDecoder(ClipDecoderConfig(), PublicLatents.load(backbone)).eval()
    for model in (decoder(backbone, alpha=40.0), fresh):
        assert torch.equal(model(LATENTS.unflatten(0, (2, 6))).flatten(0, 1), alone)


@torch.no_grad()
def test_frames_see_those_within_reach_and_pictures_stay_as_they_were(backbone: Path) -> None:
    model = decoder(backbone)
    whole = model.decode(LATENTS, 0, 12)
    assert model.reach == 4 and whole.shape == (12, 3, 16, 32)
    torch.testing.assert_close(model.decode(LATENTS, 5, 7), whole[5:7], rtol=1e-4, atol=1e-5)
    changed = LATENTS.clone()
    changed[0] += 1
    moved = (model.decode(changed, 0, 12) != whole).flatten(1).any(dim=1)
    assert moved.tolist() == [True] * 5 + [False] * 7
    alone = PublicLatents.load(backbone).requires_grad_(False)  # which decides how torch multiplies, and so the last bit
    assert torch.equal(model.latent_codec.decode(LATENTS), alone.decode(LATENTS))


def test_only_temporal_layers_get_gradients(backbone: Path) -> None:
    model = decoder(backbone)
    model(LATENTS[None]).square().mean().backward()
    assert all(parameter.grad is not None for parameter in model.parameters())
    assert all(parameter.grad is None for parameter in model.latent_codec.parameters())


def test_a_checkpoint_belongs_to_one_decoder(backbone: Path, tmp_path: Path) -> None:
    saved = write_clip_decoder(tmp_path / "decoder", backbone)
    assert ClipDecoder.load(saved, PublicLatents.load(backbone)).reach == 4
    with pytest.raises(InputError, match="trained in another decoder"):
        ClipDecoder.load(saved, PublicLatents.load(write_backbone(tmp_path / "other", seed=5)))


def test_temporal_layers_fit_the_published_autoencoder() -> None:
    """Sizes of the public configuration, without memory."""
    with torch.device("meta"):
        levels = 4
        public = diffusers.AutoencoderKL(
            block_out_channels=(128, 256, 512, 512), layers_per_block=2, latent_channels=4,
            down_block_types=("DownEncoderBlock2D",) * levels, up_block_types=("UpDecoderBlock2D",) * levels,
        )  # fmt: skip
        model = ClipDecoder(ClipDecoderConfig(), PublicLatents(public))
        frames = model(torch.zeros(1, 3, 4, 4, 8))
    assert sum(p.numel() for p in public.parameters()) == 83_653_863 and frames.shape == (1, 3, 3, 32, 64)
