"""Patch discriminators, for pictures and for clips, with spectral normalisation and the hinge loss.

The video discriminator serves the temporal fine-tuning of the decoder (Video LDM, section 3.1.1 and appendix: alone; an
additional image discriminator made the paper's results worse).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

import torch
import torch.nn.functional as F
from einops import rearrange
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm


class PatchDiscriminator(nn.Module):
    """Frames [b 3 h w] in [-1, 1] to logits [b 1 h/8 w/8]: each judges a patch of 40 pixels. 8 divides h and w."""

    def __init__(self, width: int = 48) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            spectral_norm(nn.Conv2d(12, width, 3, padding=1)),
            nn.LeakyReLU(0.2),
            spectral_norm(nn.Conv2d(width, 2 * width, 4, stride=2, padding=1)),
            nn.LeakyReLU(0.2),
            spectral_norm(nn.Conv2d(2 * width, 4 * width, 4, stride=2, padding=1)),
            nn.LeakyReLU(0.2),
            spectral_norm(nn.Conv2d(4 * width, 1, 3, padding=1)),
        )

    def forward(self, frames: Tensor) -> Tensor:
        logits: Tensor = self.layers(F.pixel_unshuffle(frames, 2))
        return logits


class VideoPatchDiscriminator(nn.Module):
    """Clips [b f 3 h w] in [-1, 1] to logits [b 1 f h/8 w/8] by 3D convolutions, four frames to either side."""

    def __init__(self, width: int = 32) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            spectral_norm(nn.Conv3d(12, width, 3, padding=1)),
            nn.LeakyReLU(0.2),
            spectral_norm(nn.Conv3d(width, 2 * width, (3, 4, 4), stride=(1, 2, 2), padding=1)),
            nn.LeakyReLU(0.2),
            spectral_norm(nn.Conv3d(2 * width, 4 * width, (3, 4, 4), stride=(1, 2, 2), padding=1)),
            nn.LeakyReLU(0.2),
            spectral_norm(nn.Conv3d(4 * width, 1, 3, padding=1)),
        )

    def forward(self, clips: Tensor) -> Tensor:
        logits: Tensor = self.layers(rearrange(F.pixel_unshuffle(clips, 2), "b f c h w -> b c f h w"))
        return logits


def hinge_discriminator(real: Tensor, fake: Tensor) -> Tensor:
    """Hinge loss of the discriminator: logits of real above 1 and of fake below -1 cost nothing. A scalar."""
    return 0.5 * (F.relu(1.0 - real).mean() + F.relu(1.0 + fake).mean())


def hinge_generator(fake: Tensor) -> Tensor:
    """Hinge loss of the generator: the logits of what it made should be high. A scalar."""
    return -fake.mean()


def gradient_ratio(loss: Tensor, other: Tensor, weight: Tensor) -> Tensor:
    """How much steeper `loss` is than `other` in the parameter `weight`: a scalar without gradient, at most 1e4."""
    steep, flat = (torch.autograd.grad(x, weight, retain_graph=True)[0].float().norm() for x in (loss, other))
    return (steep / flat.clamp(min=1e-8)).clamp(max=1e4).detach()


class Contest(Protocol):
    """What a recipe says of its adversary. `adversary_weight` is relative: 1 lets it pull at the last layer as hard as the error
    does (VQGAN, eq. 7); it acts from `adversary_from` samples on."""

    @property
    def adversary_weight(self) -> float: ...
    @property
    def adversary_from(self) -> int: ...


def contested(
    contest: Contest,
    modules: dict[str, nn.Module],
    loss: Tensor,
    noted: dict[str, Tensor],
    made: Tensor,
    true: Tensor,
    last: Tensor,
    samples: int,
) -> Iterator[tuple[str, Tensor, dict[str, Tensor]]]:
    """First the model's loss, `loss` and what the adversary says of `made`, then the adversary's: see Stage.losses.

    The two pulls are compared at the parameter `last`. `made` and `true` pictures or clips, as the adversary of `modules` takes
    them, in [-1, 1].
    """
    begun = contest.adversary_weight > 0 and samples >= contest.adversary_from
    noted = noted | {"l1": (made - true).detach().float().abs().mean()}
    if begun:
        fooled = hinge_generator(modules["adversary"](made))
        loss = loss + contest.adversary_weight * gradient_ratio(loss, fooled, last) * fooled
        noted["fooled"] = fooled.detach()
    yield "model", loss, noted
    if begun:
        adversary = modules["adversary"]
        yield "adversary", hinge_discriminator(adversary(true), adversary(made.detach())), {}
