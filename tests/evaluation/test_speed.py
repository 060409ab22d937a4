"""Speed with tiny networks: what is counted, and how a frame's share follows."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from tiny_cascade import SETTINGS

from drivesim.evaluation import speed
from drivesim.evaluation.public_network import PublicNetwork, count_parameters
from drivesim.evaluation.speed import PARTS, Speed, measure_speed
from drivesim.video_format import PHASES


@pytest.fixture(scope="module")
def measured(checkpoints: Path) -> Speed:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(speed, "has_public_network", lambda: False)
        patch.setattr(speed, "LINKS_AT_ONCE", 1)
        patch.setattr(speed, "_DECODED", 8)
        return measure_speed(checkpoints, torch.device("cpu"), ["standard"], rounds=1, settings=lambda _: SETTINGS)


def test_every_phase_has_seconds_and_operations(measured: Speed) -> None:
    figures = measured.figures()
    for phase in PHASES:
        assert len(measured.seconds[f"standard {phase}"]) == 1
        value, low, high = figures[f"seconds_standard_{phase}"]
        assert 0 < low <= value <= high
        assert (figures[f"gflop_standard_{phase}"].value > 0) == (phase != "write")
    assert all(figures[f"seconds_{part}"].value > 0 for part in PARTS)
    assert figures["seconds_clip_standard_ours"].value > 0 and "seconds_clip_standard_public" not in figures


def test_a_frame_takes_its_share_of_every_call() -> None:
    frames = dict(zip(PHASES, (1.0, 128.0, 64.0, 32.0, 6.0, 8.0), strict=True))
    seconds = {f"draft {phase}": [count, 2 * count, 3 * count] for phase, count in frames.items()}
    seconds["draft ours"] = [1.0, 2.0, 3.0]
    counts = dict.fromkeys(seconds, 4.0)
    made = Speed(seconds, counts, {f"draft {phase}": count for phase, count in frames.items()}).figures()
    assert all(made[f"seconds_draft_{phase}"] == (2, 1, 3) for phase in PHASES)
    assert made["seconds_draft"] == (10, 5, 15)  # the first frame is none of the film's
    assert made["gflop_draft_upsample"].value == pytest.approx(4 / 6)


def test_the_public_network_is_about_as_large() -> None:
    pytest.importorskip("diffusers")
    public = PublicNetwork(4, 400_000, 16)
    assert count_parameters(public) == pytest.approx(400_000, rel=0.25)
    with torch.inference_mode():
        out = public(torch.randn(1, 3, 4, 4, 8), torch.tensor([5]))
    assert out.shape == (1, 3, 4, 4, 8) and np.isfinite(out.numpy()).all()
