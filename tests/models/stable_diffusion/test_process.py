"""Scheduler configurations of diffusers as schedules: the same shares of signal, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from drivesim.config import InputError
from drivesim.models.stable_diffusion.process import diffusion_process

PUBLISHED = {"beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear", "num_train_timesteps": 1000}


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"beta_schedule": "linear"},
        {"beta_schedule": "squaredcos_cap_v2"},
        {"rescale_betas_zero_snr": True, "prediction_type": "v_prediction"},
        {"trained_betas": [0.1, 0.2, 0.3]},
    ],
)
def test_the_share_of_signal_is_that_of_diffusers(fields: dict[str, Any]) -> None:
    diffusers = pytest.importorskip("diffusers")
    config = PUBLISHED | fields
    process = diffusion_process(config, Path("folder"))
    theirs = diffusers.DDIMScheduler(**config).alphas_cumprod.double()
    assert torch.allclose(process.schedule.alpha**2, theirs, rtol=2e-4, atol=1e-6)
    assert process.prediction == ("v" if "prediction_type" in fields else "epsilon")


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"_class_name": "FlowMatchEulerDiscreteScheduler"}, "FlowMatchEulerDiscreteScheduler without beta_schedule"),
        (PUBLISHED | {"beta_schedule": "sigmoid"}, "beta_schedule sigmoid"),
        (PUBLISHED | {"prediction_type": "flow"}, "prediction_type flow"),
        (PUBLISHED | {"rescale_betas_zero_snr": True}, "epsilon says nothing"),
    ],
)
def test_other_processes_are_refused_in_a_sentence(config: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        diffusion_process(config, Path("scheduler_config.json"))
