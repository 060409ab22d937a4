"""Schedules against diffusers', computed in float64, and against what they promise."""

import math

import pytest
import torch
from diffusers import DDIMScheduler
from diffusers.schedulers.scheduling_ddim import rescale_zero_terminal_snr
from torch import Tensor

from drivesim.diffusion.schedule import NoiseSchedule

SCHEDULES = {
    "linear": (NoiseSchedule.linear(), {"beta_schedule": "scaled_linear", "beta_start": 0.0015, "beta_end": 0.0195}),
    "cosine": (NoiseSchedule.cosine(), {"beta_schedule": "squaredcos_cap_v2"}),
}


def reference_signal(name: str, zero_snr: bool) -> Tensor:
    """alpha^2 [1000] as diffusers computes it, but in float64: it cumulates a thousand roundings of float32."""
    if name == "linear":
        beta = torch.linspace(0.0015**0.5, 0.0195**0.5, 1000, dtype=torch.float64) ** 2
    else:
        bar = [math.cos((i / 1000 + 0.008) / 1.008 * math.pi / 2) ** 2 for i in range(1001)]
        beta = torch.tensor([min(1 - bar[i + 1] / bar[i], 0.999) for i in range(1000)], dtype=torch.float64)
    beta = rescale_zero_terminal_snr(beta) if zero_snr else beta
    return (1.0 - beta).cumprod(dim=0)


@pytest.mark.parametrize("zero_snr", [False, True])
@pytest.mark.parametrize("name", SCHEDULES)
def test_equals_diffusers(name: str, zero_snr: bool) -> None:
    schedule, arguments = SCHEDULES[name]
    schedule = schedule.zero_terminal_snr() if zero_snr else schedule
    signal = reference_signal(name, zero_snr)
    torch.testing.assert_close(schedule.alpha, signal.sqrt(), atol=1e-10, rtol=0)
    torch.testing.assert_close(schedule.sigma, (1 - signal).sqrt(), atol=1e-10, rtol=0)
    reference = DDIMScheduler(rescale_betas_zero_snr=zero_snr, **arguments)
    # Each step of a float32 product rounds twice, 1 - beta and the product; rescaling divides such products once more.
    rounding = 2.0**-24 * 2 * torch.arange(1, 1001) * (3 if zero_snr else 1)
    assert ((reference.alphas_cumprod.double() - signal).abs() <= rounding).all()
    reference.alphas_cumprod = signal
    x0, noise = torch.randn(2, 7, 3, 4, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    t = torch.tensor([0, 1, 10, 300, 600, 990, 999])
    torch.testing.assert_close(schedule.add_noise(x0, noise, t), reference.add_noise(x0, noise, t), atol=1e-9, rtol=0)
    torch.testing.assert_close(schedule.velocity(x0, noise, t), reference.get_velocity(x0, noise, t), atol=1e-9, rtol=0)
    alpha, sigma = schedule.at(t, x0.float())
    torch.testing.assert_close(alpha.double().flatten(), signal[t].sqrt(), atol=2.0**-24, rtol=0)
    torch.testing.assert_close(sigma.double().flatten(), (1 - signal[t]).sqrt(), atol=2.0**-24, rtol=0)


@pytest.mark.parametrize("name", SCHEDULES)
def test_variance_preserving_and_falling(name: str) -> None:
    for schedule in (SCHEDULES[name][0], SCHEDULES[name][0].zero_terminal_snr()):
        torch.testing.assert_close(schedule.alpha**2 + schedule.sigma**2, torch.ones(1000, dtype=torch.float64))
        assert (schedule.alpha.diff() < 0).all()
        assert len(schedule) == 1000


def test_zero_terminal_snr_keeps_the_start_and_ends_in_pure_noise() -> None:
    linear = NoiseSchedule.linear()
    rescaled = linear.zero_terminal_snr()
    assert rescaled.alpha[0] == pytest.approx(float(linear.alpha[0]))
    assert rescaled.alpha[-1] == 0
    assert rescaled.sigma[-1] == 1
    x0, noise = torch.randn(2, 1, 8)
    assert torch.equal(rescaled.add_noise(x0, noise, torch.tensor([999])), noise)


def test_low_precision_input_is_noised_in_float32() -> None:
    x = torch.ones(2, 3, dtype=torch.bfloat16)
    assert NoiseSchedule.cosine().add_noise(x, x, torch.tensor([3, 4])).dtype == torch.float32
