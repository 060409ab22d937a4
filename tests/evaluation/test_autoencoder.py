from __future__ import annotations

import numpy as np
import pytest
import torch
from noisy_pairs import no_layout, pairs
from torch import Tensor, nn

from drivesim.evaluation.autoencoder import (
    BATCH,
    Fidelity,
    autoencoder_fidelity,
    autoencoder_figures,
    reconstruct,
    restored_pairs,
)
from drivesim.models.conditions.conditions import Conditions


class Identity(nn.Module):
    """A latent space that loses nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(1))  # says where it is
        self.shown: list[Conditions | None] = []
        self.shapes: list[tuple[int, ...]] = []

    def encode(self, frames: Tensor) -> Tensor:
        return frames

    def decode_clip(self, latents: Tensor, conditions: Conditions | None) -> Tensor:
        self.shown.append(conditions)
        self.shapes.append(tuple(latents.shape[:2]))
        return latents


def fidelity(count: int, real: dict[str, np.ndarray]) -> dict[str, Fidelity]:
    space, made = Identity(), pairs(count)
    return autoencoder_fidelity(space, restored_pairs(space, made), made, real)  # type: ignore[arg-type]


def test_noise_that_comes_back_counts_as_error_and_real_frames_are_their_own_reference() -> None:
    film = np.random.default_rng(1).integers(0, 256, (3, 16, 32, 3), np.uint8)
    figures = fidelity(5, {"film": film})
    assert [(name, row.frames) for name, row in figures.items()] == [("all", 5), ("day", 3), ("night", 2), ("real film", 3)]
    assert figures["all"].psnr == pytest.approx(20 * np.log10(255 / 10))
    assert figures["all"].ssim < 1 and figures["real film"].ssim == pytest.approx(1)
    assert figures["real film"].psnr == np.inf


def test_the_decoder_of_clips_sees_clips_whole_and_each_frame_with_its_own_layout() -> None:
    clips = np.random.default_rng(2).integers(0, 256, (5, 6, 16, 32, 3), np.uint8)
    layouts = [no_layout(16, 32) for _ in range(30)]
    for number, layout in enumerate(layouts):
        layout[:] = number
    space = Identity()
    assert (reconstruct(space, clips, layouts) == clips).all()  # type: ignore[arg-type]
    assert all(frames == 6 and count * frames <= BATCH + 6 for count, frames in space.shapes)
    seen = torch.cat([known["vehicles"]["planes"] for known in space.shown if known is not None])
    assert len(seen) == 30 and (seen.flatten(1).float().mean(dim=1).diff() > 0).all()
    reconstruct(space, clips[:1])  # type: ignore[arg-type]
    assert space.shown[-1] is None


def test_only_what_is_there_is_reported() -> None:
    assert set(fidelity(1, {})) == {"all", "day"}


def test_figures_have_intervals_and_noise_is_no_detail() -> None:
    restored = restored_pairs(Identity(), pairs(6))  # type: ignore[arg-type]
    figures = autoencoder_figures(restored, pairs(6))
    assert figures["autoencoder_psnr"] == pytest.approx([20 * np.log10(255 / 10)] * 3)
    low, value, high = (figures["autoencoder_edges"][k] for k in (1, 0, 2))
    assert 1 < low <= value <= high
    assert np.isnan(autoencoder_figures(restored[:1], pairs(1))["autoencoder_psnr_night"].value)


def test_the_worst_tenth_is_the_mean_of_the_worst_frames() -> None:
    originals = np.full((20, 16, 16, 3), 100, np.uint8)
    made = originals + np.array([1] * 18 + [5, 50], np.uint8)[:, None, None, None]
    figures = Fidelity.of(made, originals)
    assert figures.psnr_worst_tenth == pytest.approx(20 * np.log10(255 / np.sqrt(5 * 50)))
    assert figures.psnr_worst_tenth < figures.psnr
