"""Fidelity from end to end, with networks that know nothing: every figure is there, and says so."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tiny_detector import write_detector

from drivesim.config import InputError
from drivesim.engine.settings import (
    ImageSampling,
    InterpolationSampling,
    PredictionSampling,
    SamplingSettings,
    SuperResolutionSampling,
)
from drivesim.evaluation.fidelity.material import Amounts
from drivesim.evaluation.fidelity.measure import Answer, Question, measure, parse_part

SETTINGS = SamplingSettings(
    image=ImageSampling(steps=2),
    prediction=PredictionSampling(steps=1),
    first_interpolation=InterpolationSampling(steps=1),
    interpolation=InterpolationSampling(steps=1),
    super_resolution=SuperResolutionSampling(steps=1, length=2, overlap=0),
    precision="float32",
)
NAMES = (
    "ap50_rendered", "ap50_composed_share", "ap50_rollout_share", "ap50_shuffled_share", "day_night_obeyed",
    "crowdedness_correlation", "sharpness", "pulse", "flicker", "drift", "drift_sharpness", "drift_agreement",
    "vehicles_shown", "vehicles_kept", "vehicles_kept_share", "paint_kept",
    "kind_kept", "frames_without_unlabelled", "motion_error_ground", "motion_error_vehicles", "motion_error_roadside", "diversity",
    "sharpness_full_size", "cut_in_found", "cut_in_lag", "cut_in_offset",
)  # fmt: skip


@pytest.fixture(scope="module")
def detector(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_detector(tmp_path_factory.mktemp("detector"))


@pytest.fixture(scope="module")
def answer(checkpoints: Path, detector: Path) -> Answer:
    amounts = Amounts(
        worlds=2, frames=2, clips=2, long_clips=1, long_seconds=8.6, full_size=1, cut_ins=1, continued=1, clip_frames=17
    )
    question = Question(checkpoints, detector, amounts, ("autoencoder", "generated"), settings=SETTINGS, device="cpu", workers=0)
    told: list[str] = []
    found = measure(question, told.append)
    assert told
    return found


def test_all_figures_are_there_with_their_intervals(answer: Answer) -> None:
    values = answer.values()
    for name in (*NAMES, "autoencoder_psnr", "autoencoder_psnr_day", "autoencoder_edges"):
        assert {name, f"{name}_low", f"{name}_high"} <= values.keys()
    assert isinstance(values["autoencoder_psnr"], float) and values["autoencoder_psnr"] < 25
    assert all(value is None or np.isfinite(value) for value in values.values() if not isinstance(value, str))


def test_renders_are_the_sharper_ones_of_networks_that_know_nothing(answer: Answer) -> None:
    assert answer.figures["drift"].value == pytest.approx(1, abs=0.5)
    assert answer.figures["kernel_distance_composed"].value > answer.figures["kernel_distance_composed_floor"].value


def test_sheets_show_both_sides(answer: Answer) -> None:
    assert answer.sheets["frames"].shape == (2 * 128, 2 * 256, 3)
    assert answer.sheets["rollouts"].shape == (4 * 128, 6 * 256, 3)
    assert answer.sheets["full_size"].shape == (512, 2 * 1024, 3)


def test_the_cutter_is_looked_for_where_its_label_is(answer: Answer) -> None:
    assert 0 <= answer.figures["cut_in_found"].value <= 1
    assert answer.figures["sharpness_full_size"].value > 0 and answer.figures["diversity"].value > 0


def test_parts_are_named() -> None:
    assert parse_part(None) == ("autoencoder", "world", "generated") and parse_part("world") == ("world",)
    with pytest.raises(InputError, match="--only sky"):
        parse_part("sky")
