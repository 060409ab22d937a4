from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from drivesim.config import InputError
from drivesim.evaluation import fidelity
from drivesim.evaluation.fidelity import (
    HELD_OUT_SEED,
    Fidelity,
    Pair,
    autoencoder_fidelity,
    held_out_pairs,
    world_figures,
)
from drivesim.metrics.reconstruction import gradient_energy
from drivesim.training.presets import CPU_KEYS, GPU_KEYS
from drivesim.video_io import write_image
from drivesim.world.generator import generate_clip


class Identity(nn.Module):
    """A latent space that loses nothing."""

    shift = torch.zeros(1)

    def encode(self, frames: Tensor) -> Tensor:
        return frames

    decode = encode


def pairs(count: int, noise: int = 10) -> list[Pair]:
    """Every other one by night; the noise is `noise` levels, up or down, on every pixel."""
    rng = np.random.default_rng(0)
    clean = rng.integers(100, 150, (count, 16, 32, 3), np.uint8)
    sign = rng.choice([-1, 1], clean.shape)
    return [Pair((c + noise * s).astype(np.uint8), c, i % 2 == 1) for i, (c, s) in enumerate(zip(clean, sign, strict=True))]


def test_the_worlds_are_those_that_training_holds_out() -> None:
    assert CPU_KEYS.held_out.seed == GPU_KEYS.held_out.seed == HELD_OUT_SEED != CPU_KEYS.seed


def test_pairs_are_one_moment_with_and_without_noise() -> None:
    told: list[str] = []
    (pair,) = held_out_pairs(1, seed=3, workers=0, say=told.append)
    assert pair.noisy.shape == pair.clean.shape == (128, 256, 3) and told
    again = fidelity.both_developments(5, 1, 1.0, 16, 32)
    for picture, noise in zip(again.frames, (True, False), strict=True):
        assert (picture == generate_clip(5, 1, 1.0, 16, 32, noise=noise).frames[0]).all()
    difference = np.abs(pair.noisy.astype(int) - pair.clean)
    assert 0 < difference.mean() < 12
    with pytest.raises(InputError, match="--frames 0"):
        held_out_pairs(0)


def test_noise_that_comes_back_counts_as_error_and_real_frames_are_their_own_reference() -> None:
    film = np.random.default_rng(1).integers(0, 256, (3, 16, 32, 3), np.uint8)
    figures = autoencoder_fidelity(Identity(), pairs(5), {"film": film})  # type: ignore[arg-type]
    assert [(name, row.frames) for name, row in figures.items()] == [("all", 5), ("day", 3), ("night", 2), ("real film", 3)]
    assert figures["all"].psnr == pytest.approx(20 * np.log10(255 / 10))
    assert figures["all"].ssim < 1 and figures["real film"].ssim == pytest.approx(1)
    assert figures["real film"].psnr == np.inf


def test_only_what_is_there_is_reported() -> None:
    figures = autoencoder_fidelity(Identity(), pairs(1), {})  # type: ignore[arg-type]
    assert set(figures) == {"all", "day"}


def test_the_worst_tenth_is_the_mean_of_the_worst_frames() -> None:
    originals = np.full((20, 16, 16, 3), 100, np.uint8)
    made = originals + np.array([1] * 18 + [5, 50], np.uint8)[:, None, None, None]
    figures = Fidelity.of(made, originals)
    assert figures.psnr_worst_tenth == pytest.approx(20 * np.log10(255 / np.sqrt(5 * 50)))
    assert figures.psnr_worst_tenth < figures.psnr


def test_detail_is_that_of_noise_free_days(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fidelity, "rendering_speed", lambda height, *_, **__: (1000 / height, 0.5))
    made = pairs(4)
    days = np.stack([pair.clean for pair in made if not pair.night])
    figures = world_figures(made, {"same": days, "flat": days // 2})
    assert figures.day_frames == 2 and figures.gradient_energy == pytest.approx(gradient_energy(days).mean())
    assert figures.real["same"].ratio == pytest.approx(1) and figures.real["flat"].ratio > 3
    assert set(figures.frames_per_second) == {"128x256", "512x1024"}
    with pytest.raises(InputError, match="by day"):
        world_figures(made[1:2], {})


def test_speed_is_measured() -> None:
    rate, start = fidelity.rendering_speed(16, 32, seed=0, worlds=1, frames=2)
    assert rate > 1 and start > 0


def test_real_frames_are_cut_and_named(tmp_path: Path) -> None:
    paths = [tmp_path / name / "fleet" for name in ("a", "b")] + [tmp_path / "other"]
    for path in paths:
        path.mkdir(parents=True)
        write_image(path / "x.png", np.full((30, 40, 3), 90, np.uint8))
    found = fidelity.real_frames(paths, 2)
    assert list(found) == [str(paths[0]), str(paths[1]), "other"]
    assert found["other"].shape == (2, 128, 256, 3)
