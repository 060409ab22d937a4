from __future__ import annotations

import numpy as np
import pytest
from noisy_pairs import pairs

from drivesim.config import InputError
from drivesim.evaluation import world
from drivesim.evaluation.world import world_figures
from drivesim.metrics.reconstruction import gradient_energy


def test_detail_is_that_of_noise_free_days(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(world, "rendering_speed", lambda height, *_, **__: (1000 / height, 0.5))
    made = pairs(4)
    days = np.stack([pair.clean for pair in made if not pair.night])
    figures = world_figures(made, {"same": days, "flat": days // 2})
    assert figures.day_frames == 2 and figures.gradient_energy == pytest.approx(gradient_energy(days).mean())
    assert figures.real["same"].ratio == pytest.approx(1) and figures.real["flat"].ratio > 3
    assert set(figures.frames_per_second) == {"128x256", "512x1024"}
    with pytest.raises(InputError, match="by day"):
        world_figures(made[1:2], {})


def test_speed_is_measured() -> None:
    rate, start = world.rendering_speed(16, 32, seed=0, worlds=1, frames=2)
    assert rate > 1 and start > 0
