"""The autoencoder: shapes, exact convolutionality, and a temporal decoder that starts as the image decoder."""

import pytest
import torch

from drivesim.models.layers.autoencoder import Autoencoder, AutoencoderConfig, TemporalDecoderLayers, kl_divergence
from drivesim.models.layers.blocks import channels_last

SMALL = AutoencoderConfig(
    latent_channels=4, encoder_widths=(8, 8, 16), encoder_blocks=(1, 1, 1), decoder_widths=(8, 8, 16), decoder_blocks=(1, 1, 1)
)


def stirred(module: torch.nn.Module) -> torch.nn.Module:
    """The module with all parameters random, also those that start at zero."""
    generator = torch.Generator().manual_seed(0)
    for parameter in module.parameters():
        parameter.data = 0.15 * torch.randn(parameter.shape, generator=generator)
    return module.eval()


def frames(*shape: int) -> torch.Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(1)) * 2 - 1


@pytest.mark.parametrize("size", [(64, 96), (128, 256), (8, 8)])
def test_shapes_at_any_size_that_8_divides(size: tuple[int, int]) -> None:
    autoencoder = Autoencoder(SMALL)
    made, mean, logvar = autoencoder(frames(2, 3, *size))
    assert made.shape == (2, 3, *size)
    assert mean.shape == logvar.shape == (2, 4, size[0] // 8, size[1] // 8)


def test_other_sizes_are_refused() -> None:
    with pytest.raises(ValueError, match="divisible by 8"):
        Autoencoder(SMALL).encode(frames(1, 3, 60, 96))


def test_shipped_size_is_about_3m_parameters() -> None:
    assert 2.5e6 < sum(p.numel() for p in Autoencoder(AutoencoderConfig()).parameters()) < 3.5e6


def test_crop_and_whole_frame_agree_inside() -> None:
    autoencoder = stirred(Autoencoder(SMALL))
    whole = frames(1, 3, 32, 320)
    with torch.no_grad():
        mean, _ = autoencoder.encode(whole)
        part, _ = autoencoder.encode(whole[..., :160])
        torch.testing.assert_close(part[..., :12], mean[..., :12], rtol=1e-5, atol=1e-5)
        torch.testing.assert_close(
            autoencoder.decode(mean[..., :20])[..., :80], autoencoder.decode(mean)[..., :80], rtol=1e-4, atol=1e-4
        )


def test_log_variance_is_bounded_and_noise_is_scaled_by_it() -> None:
    autoencoder = stirred(Autoencoder(SMALL))
    x = frames(1, 3, 16, 16)
    autoencoder.encoder.head.bias.data[4:] = 1e4
    assert autoencoder.encode(x)[1].max() <= 10
    autoencoder.encoder.head.bias.data[4:] = -1e4
    without, noisy = autoencoder(x)[0], autoencoder(x, torch.ones(1, 4, 2, 2))[0]
    torch.testing.assert_close(noisy, without, rtol=0, atol=1e-2)


def test_divergence_is_zero_for_the_unit_normal_alone() -> None:
    zero = torch.zeros(2, 4, 2, 2)
    assert kl_divergence(zero, zero) == 0
    assert kl_divergence(zero + 1, zero) == pytest.approx(0.5)
    assert kl_divergence(zero, zero - 1) > 0


def test_temporal_decoder_starts_as_the_image_decoder() -> None:
    autoencoder, layers = stirred(Autoencoder(SMALL)), TemporalDecoderLayers(SMALL)
    latents = frames(2 * 5, 4, 4, 6)
    assert torch.equal(autoencoder.decoder(latents, layers.hook(5)), autoencoder.decode(latents))


def test_temporal_decoder_sees_neighbours_within_reach_on_both_sides() -> None:
    autoencoder, layers = stirred(Autoencoder(SMALL)).double(), stirred(TemporalDecoderLayers(SMALL)).double()
    latents = frames(9, 4, 2, 2).double()
    other = latents.clone()
    other[4] += 1
    with torch.no_grad():
        a, b = (autoencoder.decoder(x, layers.hook(9)) for x in (latents, other))
    changed = ((a - b).abs().amax(dim=(1, 2, 3)) > 1e-14).tolist()
    assert changed == [abs(i - 4) <= layers.reach for i in range(9)]


def test_temporal_layers_keep_clips_of_a_batch_apart() -> None:
    autoencoder, layers = stirred(Autoencoder(SMALL)), stirred(TemporalDecoderLayers(SMALL))
    latents = frames(8, 4, 2, 2)
    with torch.no_grad():
        both = autoencoder.decoder(latents, layers.hook(4))
        alone = autoencoder.decoder(latents[:4], layers.hook(4))
    torch.testing.assert_close(both[:4], alone, rtol=1e-5, atol=1e-5)


def test_channels_last_changes_nothing_but_the_layout() -> None:
    autoencoder, layers = stirred(Autoencoder(SMALL)), stirred(TemporalDecoderLayers(SMALL))
    latents = frames(4, 4, 2, 2)
    with torch.no_grad():
        before = autoencoder.decoder(latents, layers.hook(4))
        after = channels_last(autoencoder).decoder(latents, channels_last(layers).hook(4))
    torch.testing.assert_close(after, before, rtol=1e-4, atol=1e-4)


def test_learns_a_picture() -> None:
    torch.manual_seed(0)
    autoencoder = Autoencoder(SMALL)
    x = torch.nn.functional.interpolate(frames(2, 3, 4, 4), size=(32, 32), mode="bilinear")
    optimiser = torch.optim.Adam(autoencoder.parameters(), 3e-3)
    errors = []
    for _ in range(60):
        loss = (autoencoder(x)[0] - x).square().mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        errors.append(loss.item())
    assert errors[-1] < 0.1 * errors[0]
