"""Distances of distributions whose distance is known, and features of spoiled clips."""

from __future__ import annotations

import numpy as np
import pytest
from spoiled import SPOILED

from drivesim.metrics.distances import clip_features, diversity, frechet_distance, kernel_distance
from drivesim.scene.clip import Clip


def test_frechet_distance_of_normal_distributions() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(20_000, 3))
    a, b = x[:10_000], x[10_000:] * [1, 2, 3] + [2, 0, 0]
    assert frechet_distance(a, b) == pytest.approx(4 + 1 + 4, rel=0.05)  # (2-0)^2 + (2-1)^2 + (3-1)^2
    turn = np.linalg.qr(rng.normal(size=(3, 3)))[0]
    assert frechet_distance(a @ turn, b @ turn) == pytest.approx(frechet_distance(a, b), rel=1e-6)
    assert frechet_distance(a, a) == pytest.approx(0, abs=1e-6)
    with pytest.raises(ValueError, match="two rows"):
        frechet_distance(a[:1], b)


def test_kernel_distance_has_no_bias() -> None:
    rng = np.random.default_rng(0)
    same = [kernel_distance(*rng.normal(size=(2, 20, 5))) for _ in range(200)]
    assert abs(np.mean(same)) < 3 * np.std(same) / np.sqrt(200)
    x, y = rng.normal(size=(2, 300, 5))
    near, far = kernel_distance(x, y + 0.5), kernel_distance(x, y + 1)
    assert far > 2 * near > 5 * np.std(same) / 15
    with pytest.raises(ValueError, match="two rows"):
        kernel_distance(x[:1], y)


def test_futures_that_differ_more_are_more_diverse() -> None:
    rng = np.random.default_rng(0)
    futures = rng.normal(size=(3, 5, 4)) * np.arange(5)[:, None]
    found = diversity(futures)
    assert found.shape == (5,) and found[0] == 0 and found[4] > found[1]
    with pytest.raises(ValueError, match="two futures"):
        diversity(futures[:1])


@pytest.mark.parametrize("name", ["frozen", "shuffled", "flickering", "drifting"])
def test_features_of_clips_tell_spoiled_ones(name: str, rendered: Clip) -> None:
    """Of maps of plain colours: the means say what is shown, the changes how it moves."""

    def features(frames: np.ndarray) -> np.ndarray:
        return clip_features(frames.reshape(len(frames), 16, 8, 32, 8, 3).mean(axis=(2, 4)))

    whole, spoiled = features(rendered.frames), features(SPOILED[name](rendered.frames))
    change = spoiled[3:].mean() / whole[3:].mean()
    if name == "frozen":
        assert change == 0
    elif name == "drifting":
        assert spoiled[0] > 1.2 * whole[0] and spoiled[2] == pytest.approx(whole[2], rel=0.01)
    else:
        assert change > 1.15
