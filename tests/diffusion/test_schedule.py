"""Schedules against diffusers' DDIMScheduler and against what they promise."""

import pytest
import torch
from diffusers import DDIMScheduler

from drivesim.diffusion.schedule import NoiseSchedule

SCHEDULES = {
    "linear": (NoiseSchedule.linear(), {"beta_schedule": "scaled_linear", "beta_start": 0.0015, "beta_end": 0.0195}),
    "cosine": (NoiseSchedule.cosine(), {"beta_schedule": "squaredcos_cap_v2"}),
}


@pytest.mark.parametrize("zero_snr", [False, True])
@pytest.mark.parametrize("name", SCHEDULES)
def test_equals_diffusers(name: str, zero_snr: bool) -> None:
    schedule, arguments = SCHEDULES[name]
    schedule = schedule.zero_terminal_snr() if zero_snr else schedule
    reference = DDIMScheduler(rescale_betas_zero_snr=zero_snr, **arguments)
    torch.testing.assert_close(schedule.alpha.float(), reference.alphas_cumprod.sqrt(), atol=1e-5, rtol=0)
    torch.testing.assert_close(schedule.sigma.float(), (1 - reference.alphas_cumprod).sqrt(), atol=1e-5, rtol=0)
    generator = torch.Generator().manual_seed(0)
    x0, noise = torch.randn(2, 7, 3, 4, 4, generator=generator)
    t = torch.tensor([0, 1, 10, 300, 600, 990, 999])
    torch.testing.assert_close(schedule.add_noise(x0, noise, t), reference.add_noise(x0, noise, t), atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(schedule.velocity(x0, noise, t), reference.get_velocity(x0, noise, t), atol=1e-5, rtol=1e-5)


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
