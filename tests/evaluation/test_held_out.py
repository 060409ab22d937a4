from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from drivesim.config import InputError
from drivesim.evaluation.held_out import HELD_OUT_SEED, both_developments, held_out_pairs, real_frames
from drivesim.layout.planes import Plane
from drivesim.scene.classes import SceneClass
from drivesim.training.presets import CPU_KEYS, GPU_KEYS
from drivesim.video_io import write_image
from drivesim.world.generator import generate_clip


def test_the_worlds_are_those_that_training_holds_out() -> None:
    assert CPU_KEYS.held_out.seed == GPU_KEYS.held_out.seed == HELD_OUT_SEED != CPU_KEYS.seed


def test_pairs_are_one_moment_with_and_without_noise() -> None:
    told: list[str] = []
    (pair,) = held_out_pairs(1, seed=3, workers=0, say=told.append)
    assert pair.noisy.shape == pair.clean.shape == (128, 256, 3) and told
    assert pair.layout.shape == (len(Plane), 128, 256)
    is_sky = pair.layout[Plane.SCENE_CLASS] == SceneClass.SKY
    assert is_sky.any() and np.abs(pair.clean[is_sky].mean() - pair.clean[~is_sky].mean()) > 5
    again = both_developments(5, 1, 1.0, 16, 32)
    for picture, noise in zip(again.frames, (True, False), strict=True):
        assert (picture == generate_clip(5, 1, 1.0, 16, 32, noise=noise).frames[0]).all()
    difference = np.abs(pair.noisy.astype(int) - pair.clean)
    assert 0 < difference.mean() < 12
    with pytest.raises(InputError, match="--frames 0"):
        held_out_pairs(0)


def test_real_frames_are_cut_and_named(tmp_path: Path) -> None:
    paths = [tmp_path / name / "fleet" for name in ("a", "b")] + [tmp_path / "other"]
    for path in paths:
        path.mkdir(parents=True)
        write_image(path / "x.png", np.full((30, 40, 3), 90, np.uint8))
    found = real_frames(paths, 2)
    assert list(found) == [str(paths[0]), str(paths[1]), "other"]
    assert found["other"].shape == (2, 128, 256, 3)
