"""Networks on latents of more channels, begun from those on fewer."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from drivesim.models.conditions.all_groups import no_conditions
from drivesim.models.conditions.conditions import Conditions
from drivesim.models.image_ldm import ImageLDM, ImageLDMConfig
from drivesim.models.latent_space import LatentSpace
from drivesim.models.layers.autoencoder import Autoencoder, AutoencoderConfig
from drivesim.models.video_ldm import Context, VideoLDM, VideoLDMConfig
from drivesim.models.wider_latents import widened
from drivesim.tensors import torch_stream


def latent_space(channels: int) -> LatentSpace:
    return LatentSpace(
        Autoencoder(AutoencoderConfig(latent_channels=channels, encoder_widths=(8, 8, 16), decoder_widths=(8, 8, 16)))
    )


def image_model(channels: int) -> ImageLDM:
    config = ImageLDMConfig(latent_channels=channels, widths=(32, 32), blocks=1, token_width=32, encoder_layers=1)
    return ImageLDM(config).eval()


def test_widened_puts_zeros_after_each_run() -> None:
    tensor = torch.arange(1.0, 6.0)[None]
    assert widened(tensor, [(2, 3), (1, 2)], axis=1).tolist() == [[1, 2, 0, 3, 0, 4, 5]]


def test_wider_latents_hold_the_old_ones_and_decode_to_the_same() -> None:
    old, new = (latent_space(n) for n in (4, 6))
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
    old, new = (latent_space(n) for n in (4, 6))
    new.load_state_dict(new.fitted(old.config.model_dump(), old.state_dict()))
    frames = torch.randn(2, 3, 16, 24, generator=torch_stream(0, "frames"))
    (new(frames)[0] - frames).square().mean().backward()
    gradient = new.autoencoder.decoder.stem.weight.grad
    assert gradient is not None and (gradient[:, 4:].abs().amax(dim=(0, 2, 3)) > 0).all()


@pytest.mark.parametrize("extra", [0, 2])
def test_wider_image_model_sees_only_the_old_latents(extra: int) -> None:
    old, new = (image_model(n) for n in (4, 4 + extra))
    torch.nn.init.normal_(old.unet.conv_out.weight)
    new.load_state_dict(new.fitted(old.config.model_dump(), old.state_dict()))
    x = torch.randn(1, 4 + extra, 8, 16, generator=torch_stream(0, "x"))
    t, conditions = torch.tensor([500]), no_conditions(1)
    with torch.no_grad():
        before, after = old(x[:, :4], t, conditions), new(x, t, conditions)
    torch.testing.assert_close(after[:, :4], before, rtol=1e-4, atol=1e-4)
    assert after[:, 4:].abs().sum() == 0


def test_wider_video_model_sees_only_the_old_latents() -> None:
    old_image, new_image = (image_model(n) for n in (4, 6))
    torch.nn.init.normal_(old_image.unet.conv_out.weight)
    new_image.load_state_dict(new_image.fitted(old_image.config.model_dump(), old_image.state_dict()))
    config = VideoLDMConfig(context_widths=(32, 32))
    old, new = VideoLDM(config, old_image).eval(), VideoLDM(config, new_image).eval()
    generator = torch_stream(0, "weights")
    for parameter in old.parameters():
        torch.nn.init.normal_(parameter, std=0.1, generator=generator)
    new.load_state_dict(new.fitted(config.model_dump(), old.state_dict()))
    generator = torch_stream(0, "clips")
    x, given = (torch.randn(1, 3, 6, 8, 16, generator=generator) for _ in range(2))
    moved = torch.randn(1, 3, 2, 6, 8, 16, generator=generator)
    seen = torch.rand(1, 3, 2, 8, 16, generator=generator)

    def made(model: VideoLDM[Conditions], channels: int) -> torch.Tensor:
        context = Context.of(given[:, :, :channels], {0: given[:, 0, :channels]})
        context = replace(context, moved=moved[:, :, :, :channels], moved_mask=torch.ones(1, 3, 2), moved_seen=seen)
        with torch.no_grad():
            return model(x[:, :, :channels], torch.tensor([500]), no_conditions(3), context, torch.tensor([7.5]))

    before, after = made(old, 4), made(new, 6)
    # the zeros of new channels change the order of float32 sums, through weights that make values of some tens
    torch.testing.assert_close(after[:, :, :4], before, rtol=1e-4, atol=1e-4)
    assert after[:, :, 4:].abs().sum() == 0
