"""Patch discriminators: logits per patch, bounded slopes, hinge losses."""

import pytest
import torch

from drivesim.models.layers.discriminator import (
    PatchDiscriminator,
    VideoPatchDiscriminator,
    hinge_discriminator,
    hinge_generator,
)


def test_one_logit_a_patch() -> None:
    assert PatchDiscriminator(8)(torch.zeros(2, 3, 64, 96)).shape == (2, 1, 8, 12)
    assert VideoPatchDiscriminator(8)(torch.zeros(2, 5, 3, 64, 96)).shape == (2, 1, 5, 8, 12)


def test_a_patch_is_40_pixels() -> None:
    torch.manual_seed(0)
    x = torch.randn(1, 3, 64, 96, requires_grad=True)
    PatchDiscriminator(8)(x)[0, 0, 4, 6].backward()
    assert x.grad is not None
    rows = (x.grad.abs().sum(dim=(0, 1, 3)) > 0).nonzero()
    assert int(rows.max() - rows.min()) + 1 == 40


def test_the_video_discriminator_compares_frames() -> None:
    torch.manual_seed(0)
    discriminator = VideoPatchDiscriminator(8).eval()
    clip = torch.randn(1, 6, 3, 16, 16)
    other = clip.clone()
    other[:, 5] += 1
    with torch.no_grad():
        changed = (discriminator(clip) - discriminator(other)).abs().amax(dim=(0, 1, 3, 4)) > 1e-7
    assert changed.tolist() == [False, True, True, True, True, True]


def test_spectral_norm_bounds_every_layer() -> None:
    torch.manual_seed(0)
    discriminator = PatchDiscriminator(8)
    for _ in range(50):  # power iterations
        discriminator(torch.zeros(1, 3, 16, 16))
    for layer in discriminator.eval().layers:
        if isinstance(layer, torch.nn.Conv2d):
            assert torch.linalg.matrix_norm(layer.weight.flatten(1), 2).item() == pytest.approx(1.0, abs=0.02)


def test_hinge_losses() -> None:
    sure, unsure = torch.full((2, 1, 2, 2), 2.0), torch.zeros(2, 1, 2, 2)
    assert hinge_discriminator(sure, -sure) == 0
    assert hinge_discriminator(unsure, unsure) == 1
    assert hinge_discriminator(-sure, sure) == 3
    assert hinge_generator(sure) < hinge_generator(unsure)
