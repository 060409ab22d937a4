"""From a network's output to the clean sample it stands for, and back: the target it is trained on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import torch
from torch import Tensor

from drivesim.diffusion.schedule import NoiseSchedule

Prediction = Literal["v", "epsilon", "sample"]
Denoise = Callable[[Tensor, Tensor], Tensor]
"""(x_t [b ...], t int64 [b]) -> estimate of x_0 [b ...]"""


def to_sample(prediction: Prediction, schedule: NoiseSchedule, output: Tensor, x: Tensor, t: Tensor) -> Tensor:
    """The estimate of x_0 that a network's `output` for noisy `x` at `t` stands for. [b ...] each, `t` int64 [b]."""
    alpha, sigma = schedule.at(t, x)
    if prediction == "v":
        return torch.addcmul(alpha * x, sigma, output.to(x.dtype), value=-1)
    if prediction == "epsilon":
        return (x - sigma * output) / alpha
    return output


def training_target(prediction: Prediction, schedule: NoiseSchedule, x0: Tensor, noise: Tensor, t: Tensor) -> Tensor:
    """What the network should output for x_t = schedule.add_noise(x0, noise, t). [b ...] each, `t` int64 [b]."""
    if prediction == "v":
        return schedule.velocity(x0, noise, t)
    return noise if prediction == "epsilon" else x0


def denoiser(network: Denoise, schedule: NoiseSchedule, prediction: Prediction) -> Denoise:
    """The denoiser made of a network (x_t, t) -> output, a schedule and what the output means.

    Raises ValueError for epsilon with zero terminal SNR: pure noise says nothing about x_0 there.
    """
    if prediction == "epsilon" and float(schedule.alpha[-1]) == 0.0:
        raise ValueError("prediction epsilon does not work with zero terminal SNR; predict v or sample")

    def denoise(x: Tensor, t: Tensor) -> Tensor:
        return to_sample(prediction, schedule, network(x, t), x, t)

    return denoise
