"""Networks on latents of more channels, begun from those on fewer."""

from __future__ import annotations

import pytest
import torch

from drivesim.models.conditions.all_groups import no_conditions
from drivesim.models.image_ldm import ImageLDM, ImageLDMConfig
from drivesim.models.latent_space import LatentSpace
from drivesim.models.layers.autoencoder import Autoencoder, AutoencoderConfig
from drivesim.models.wider_latents import widened
from drivesim.tensors import torch_stream

WIDTHS = {"encoder_widths": (8, 8, 16), "decoder_widths": (8, 8, 16)}


def test_widened_puts_zeros_after_each_run() -> None:
    tensor = torch.arange(1.0, 6.0)[None]
    assert widened(tensor, [(2, 3), (1, 2)], axis=1).tolist() == [[1, 2, 0, 3, 0, 4, 5]]


def test_wider_latents_hold_the_old_ones_and_decode_to_the_same() -> None:
    old, new = (LatentSpace(Autoencoder(AutoencoderConfig(latent_channels=n, **WIDTHS))) for n in (4, 6))
    old.shift.fill_(0.3)
    old.scale.fill_(2.0)
    new.load_state_dict(new.fitted(old.config.model_dump(), old.state_dict()))
    frames = torch.randn(2, 3, 16, 24, generator=torch_stream(0, "frames"))
    with torch.no_grad():
        before, after = old.encode(frames), new.encode(frames)
        torch.testing.assert_close(after[:, :4], before)
        assert after[:, 4:].std() > 0.01, "new channels say something"
        torch.testing.assert_close(new.decode(after), old.decode(before))
        noisy = new.autoencoder.encode(frames)[1]
        torch.testing.assert_close(noisy[:, :4], old.autoencoder.encode(frames)[1])


def test_wider_latents_learn() -> None:
    """No weight is left without a gradient: the decoder sees new channels, the encoder learns of them a step later."""
    old, new = (LatentSpace(Autoencoder(AutoencoderConfig(latent_channels=n, **WIDTHS))) for n in (4, 6))
    new.load_state_dict(new.fitted(old.config.model_dump(), old.state_dict()))
    frames = torch.randn(2, 3, 16, 24, generator=torch_stream(0, "frames"))
    (new(frames)[0] - frames).square().mean().backward()
    gradient = new.autoencoder.decoder.stem.weight.grad
    assert gradient is not None and (gradient[:, 4:].abs().amax(dim=(0, 2, 3)) > 0).all()


@pytest.mark.parametrize("extra", [0, 2])
def test_wider_image_model_sees_only_the_old_latents(extra: int) -> None:
    widths = {"widths": (32, 32), "blocks": 1, "token_width": 32, "encoder_layers": 1}
    old, new = (ImageLDM(ImageLDMConfig(latent_channels=n, **widths)).eval() for n in (4, 4 + extra))
    torch.nn.init.normal_(old.unet.conv_out.weight)
    new.load_state_dict(new.fitted(old.config.model_dump(), old.state_dict()))
    x = torch.randn(1, 4 + extra, 8, 16, generator=torch_stream(0, "x"))
    t, conditions = torch.tensor([500]), no_conditions(1)
    with torch.no_grad():
        before, after = old(x[:, :4], t, conditions), new(x, t, conditions)
    torch.testing.assert_close(after[:, :4], before)
    assert after[:, 4:].abs().sum() == 0
