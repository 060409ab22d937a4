"""The diffusion process that a scheduler's configuration of diffusers names, as schedule and prediction of the house."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import torch

from drivesim.config import InputError
from drivesim.diffusion.denoiser import Prediction
from drivesim.diffusion.schedule import NoiseSchedule

_PREDICTIONS: dict[str, Prediction] = {"epsilon": "epsilon", "v_prediction": "v", "sample": "sample"}


class DiffusionProcess(NamedTuple):
    """What noise there is at each diffusion time, and what a network's output means."""

    schedule: NoiseSchedule
    prediction: Prediction


def diffusion_process(config: dict[str, Any], source: Path) -> DiffusionProcess:
    """The process of a scheduler_config.json read from `source`.

    Schedulers that share a process (DDIM, DDPM, PNDM, DPM-Solver, Euler ...) differ in how they sample alone, which is not
    taken over. InputError for another kind of process (flow matching, EDM), and for epsilon with zero terminal SNR.
    """
    kind, name = config.get("beta_schedule"), config.get("_class_name", "scheduler")
    steps = int(config.get("num_train_timesteps", 1000))
    start, end = float(config.get("beta_start", 1e-4)), float(config.get("beta_end", 0.02))
    if config.get("trained_betas") is not None:
        schedule = NoiseSchedule.from_beta(torch.tensor(config["trained_betas"], dtype=torch.float64))
    elif kind == "scaled_linear":
        schedule = NoiseSchedule.linear(steps, start, end)
    elif kind == "linear":
        schedule = NoiseSchedule.from_beta(torch.linspace(start, end, steps, dtype=torch.float64))
    elif kind == "squaredcos_cap_v2":
        schedule = NoiseSchedule.cosine(steps)
    else:
        what = f"beta_schedule {kind}" if kind else f"{name} without beta_schedule"
        raise InputError(f"{source}: {what} is no process of ours; linear, scaled_linear or squaredcos_cap_v2 is needed")
    prediction = _PREDICTIONS.get(config.get("prediction_type", "epsilon"))
    if prediction is None:
        known = ", ".join(_PREDICTIONS)
        raise InputError(f"{source}: prediction_type {config['prediction_type']} is not supported; it has to be one of {known}")
    if config.get("rescale_betas_zero_snr"):
        schedule = schedule.zero_terminal_snr()
        if prediction == "epsilon":
            raise InputError(f"{source}: epsilon says nothing where no signal is left (rescale_betas_zero_snr); v_prediction would")
    return DiffusionProcess(schedule, prediction)
