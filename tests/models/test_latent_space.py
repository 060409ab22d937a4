"""Latents of unit variance, clips decoded without seams, strict loading."""

from pathlib import Path

import pytest
import torch
from toy_planes import drawn_planes

from drivesim.checkpoint import FORMAT, Checkpoint, write_checkpoint
from drivesim.config import InputError
from drivesim.models.conditions.all_groups import layout_conditions
from drivesim.models.latent_space import KIND, LatentSpace
from drivesim.models.layers.autoencoder import Autoencoder, AutoencoderConfig

SMALL = AutoencoderConfig(
    latent_channels=4, encoder_widths=(8, 8, 16), encoder_blocks=(1, 1, 1), decoder_widths=(8, 8, 16), decoder_blocks=(1, 1, 1)
)


def frames(*shape: int) -> torch.Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(1)) * 2 - 1


def space(temporal: bool = False, layout: bool = False) -> LatentSpace:
    """A latent space with random parameters everywhere."""
    made = LatentSpace(Autoencoder(SMALL.model_copy(update={"temporal": temporal, "layout": layout}))).eval()
    generator = torch.Generator().manual_seed(0)
    for parameter in made.parameters():
        parameter.data = 0.15 * torch.randn(parameter.shape, generator=generator)
    return made


def test_latents_have_unit_variance_after_fit() -> None:
    latent_space = space()
    batches = frames(12, 3, 16, 24).split(4)
    latent_space.fit(batches)
    with torch.no_grad():
        latents = torch.cat([latent_space.encode(batch) for batch in batches])
    torch.testing.assert_close(latents.mean(dim=(0, 2, 3)), torch.zeros(4), rtol=0, atol=1e-4)
    torch.testing.assert_close(latents.std(dim=(0, 2, 3), correction=0), torch.ones(4), rtol=1e-3, atol=0)


def test_the_scale_changes_latents_but_not_what_they_decode_to() -> None:
    latent_space = space()
    x = frames(2, 3, 16, 24)
    with torch.no_grad():
        before, made = latent_space.encode(x), latent_space.decode(latent_space.encode(x))
        latent_space.fit([x])
        after, again = latent_space.encode(x), latent_space.decode(latent_space.encode(x))
    assert not torch.allclose(before, after)
    torch.testing.assert_close(again, made, rtol=1e-3, atol=1e-4)
    assert made.abs().max() <= 1


def test_fit_without_frames_is_refused() -> None:
    with pytest.raises(ValueError, match="no frames"):
        space().fit([])


def test_encoding_samples_only_where_a_generator_is_given() -> None:
    latent_space, x = space(), frames(1, 3, 16, 16)
    with torch.no_grad():
        mean = latent_space.encode(x)
        assert torch.equal(mean, latent_space.encode(x))
        one, same = (latent_space.encode(x, torch.Generator().manual_seed(5)) for _ in range(2))
    assert torch.equal(one, same) and not torch.equal(one, mean)


@pytest.mark.parametrize("temporal", [False, True])
@pytest.mark.parametrize("window", [1, 3, 7])
def test_clips_decode_the_same_in_windows_as_whole(temporal: bool, window: int) -> None:
    latent_space, latents = space(temporal), frames(2, 11, 4, 2, 3)
    with torch.no_grad():
        whole = latent_space.decode_clip(latents, window=11)
        assert whole.shape == (2, 11, 3, 16, 24)
        torch.testing.assert_close(latent_space.decode_clip(latents, window=window), whole, rtol=1e-4, atol=1e-5)
        torch.testing.assert_close(latent_space.decode_clip(latents, 4, 9, window=window), whole[:, 4:9], rtol=1e-4, atol=1e-5)


def test_a_clip_is_decoded_by_the_layout_of_its_frames_and_without_any_as_if_the_decoder_knew_of_none() -> None:
    latent_space, latents = space(temporal=True, layout=True), frames(2, 6, 4, 2, 4)
    layouts = [drawn_planes() for _ in range(12)]
    other = [planes.copy() for planes in layouts]
    other[6][:, 4:] = 0
    with torch.no_grad():
        whole = latent_space.decode_clip(latents, conditions=layout_conditions(layouts))
        parts = latent_space.decode_clip(latents, conditions=layout_conditions(layouts), window=2)
        torch.testing.assert_close(parts, whole, rtol=1e-4, atol=1e-5)
        unknown = latent_space.decode_clip(latents, conditions=layout_conditions([None] * 12))
        plain = latent_space.decode_clip(latents)
        assert torch.equal(unknown, plain) and not torch.allclose(whole, plain, atol=1e-3)
        changed = latent_space.decode_clip(latents, conditions=layout_conditions(other))
    differs = (changed - whole).abs().flatten(2).amax(dim=2) > 1e-5
    assert differs[1, 0] and not differs[0].any() and not differs[1, latent_space.reach + 1 :].any()


def test_clips_are_decoded_frame_by_frame_without_temporal_layers_and_when_these_are_new() -> None:
    latent_space, latents = space(), frames(1, 5, 4, 2, 3)
    video = LatentSpace(Autoencoder(SMALL.model_copy(update={"temporal": True}))).eval()
    video.autoencoder.load_state_dict(latent_space.autoencoder.state_dict())
    assert video.clip_decoder is not None
    video.clip_decoder.load_state_dict(latent_space.autoencoder.decoder.state_dict())
    with torch.no_grad():
        alone = latent_space.decode(latents[0])
        torch.testing.assert_close(latent_space.decode_clip(latents)[0], alone)
        torch.testing.assert_close(video.decode_clip(latents)[0], alone)


@pytest.mark.parametrize("temporal", [False, True])
def test_saved_and_loaded(tmp_path: Path, temporal: bool) -> None:
    latent_space = space(temporal, layout=temporal)
    latent_space.fit([frames(4, 3, 16, 16)])
    latent_space.half().float()  # what a checkpoint keeps
    checkpoint = Checkpoint(format=FORMAT, kind=KIND, model=latent_space.config.model_dump(mode="json"), training={})
    write_checkpoint(tmp_path, checkpoint, latent_space.state_dict(), {})
    loaded = LatentSpace.load(tmp_path)
    assert loaded.config == latent_space.config
    for name, tensor in latent_space.state_dict().items():
        assert torch.equal(loaded.state_dict()[name], tensor), name


def test_foreign_tensors_are_refused(tmp_path: Path) -> None:
    latent_space = space(temporal=True)
    checkpoint = Checkpoint(format=FORMAT, kind=KIND, model=SMALL.model_dump(mode="json"), training={})
    write_checkpoint(tmp_path, checkpoint, latent_space.state_dict(), {})
    with pytest.raises(InputError, match=r"unknown \(clip_decoder"):
        LatentSpace.load(tmp_path)
