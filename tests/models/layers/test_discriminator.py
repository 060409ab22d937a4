"""Patch discriminators: logits per patch, bounded slopes, hinge losses."""

from typing import NamedTuple

import pytest
import torch

from drivesim.models.layers.discriminator import (
    PatchDiscriminator,
    VideoPatchDiscriminator,
    contested,
    hinge_discriminator,
    hinge_generator,
)


class Recipe(NamedTuple):
    """What a recipe says of its adversary."""

    adversary_weight: float = 1.0
    adversary_from: int = 0


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


def test_the_adversary_pulls_as_hard_as_its_weight_says() -> None:
    """The gradient at the last layer is the error's, and a multiple of the adversary's as long as `weight` times that."""
    torch.manual_seed(0)
    last = torch.nn.Parameter(torch.randn(3))
    frames, adversary = torch.randn(2, 3, 16, 16), PatchDiscriminator(8).eval()
    contest = Recipe(adversary_weight=0.5)

    def made() -> torch.Tensor:
        return last[:, None, None] * torch.ones_like(frames)

    def pull(loss: torch.Tensor) -> torch.Tensor:
        return torch.autograd.grad(loss, last)[0]

    def error() -> torch.Tensor:
        return (made() - frames).abs().mean()

    (name, loss, noted), (other, _, _) = contested(contest, {"adversary": adversary}, error(), {}, made(), frames, last, 10)
    assert (name, other) == ("model", "adversary") and "fooled" in noted
    added, own = pull(loss) - pull(error()), pull(error())
    alone = pull(hinge_generator(adversary(made())))
    assert float(added.norm()) == pytest.approx(0.5 * float(own.norm()), rel=1e-3)
    assert float(torch.nn.functional.cosine_similarity(added, alone, dim=0)) == pytest.approx(1.0, abs=1e-3)


def test_there_is_no_contest_before_its_time() -> None:
    frames, last = torch.zeros(1, 3, 16, 16), torch.nn.Parameter(torch.ones(()))
    (only,) = contested(Recipe(adversary_from=11), {}, last * 2, {}, frames, frames, last, 10)
    assert only[0] == "model" and float(only[1].detach()) == 2
