"""DDIM against diffusers' DDIMScheduler, and on toys whose answer is known."""

import math

import pytest
import torch
from diffusers import DDIMScheduler
from torch import Tensor

from drivesim.diffusion.ddim import Draft, Spacing, sample, timesteps
from drivesim.diffusion.denoiser import Prediction, denoiser
from drivesim.diffusion.schedule import NoiseSchedule

LINEAR = {"beta_schedule": "scaled_linear", "beta_start": 0.0015, "beta_end": 0.0195}
SHAPE = (2, 3, 4, 4)


def network(x: Tensor, t: Tensor) -> Tensor:
    """Some smooth function with outputs of about unit size."""
    return torch.tanh(0.7 * x.flip(-1) + 0.3 * x) * torch.cos(t.to(x.dtype) / 300)[:, None, None, None]


@pytest.mark.parametrize("spacing", ["trailing", "leading"])
@pytest.mark.parametrize("eta", [0.0, 1.0])
@pytest.mark.parametrize(
    ("prediction", "name", "zero_snr"),
    [("v", "linear", False), ("v", "cosine", True), ("v", "linear", True), ("epsilon", "linear", False),
     ("sample", "cosine", False)],
)  # fmt: skip
def test_trajectory_equals_diffusers(
    prediction: Prediction, name: str, zero_snr: bool, eta: float, spacing: Spacing
) -> None:
    schedule = NoiseSchedule.linear() if name == "linear" else NoiseSchedule.cosine()
    schedule = schedule.zero_terminal_snr() if zero_snr else schedule
    eta = min(eta, 0.99) if zero_snr else eta  # from pure noise the reference takes the root of 1 - eta^2, give or take a rounding
    reference = DDIMScheduler(
        **(LINEAR if name == "linear" else {"beta_schedule": "squaredcos_cap_v2"}),
        rescale_betas_zero_snr=zero_snr,
        timestep_spacing=spacing,
        prediction_type={"v": "v_prediction"}.get(prediction, prediction),
        clip_sample=False,
    )
    generator = torch.Generator().manual_seed(0)
    start = torch.randn(SHAPE, generator=generator, dtype=torch.float64)
    noises = torch.randn(20, *SHAPE, generator=generator, dtype=torch.float64)
    reference.alphas_cumprod = schedule.alpha**2  # its own table holds a thousand roundings of float32: see test_schedule
    reference.set_timesteps(20)
    x = start
    for i, t in enumerate(reference.timesteps):
        out = network(x, t.expand(2))
        x = reference.step(out, t, x, eta=eta, variance_noise=noises[i] if eta else None).prev_sample
    denoise = denoiser(network, schedule, prediction)
    ours = sample(denoise, schedule, start, 20, eta, lambda i: noises[i], spacing=spacing)
    torch.testing.assert_close(ours, x, atol=1e-9, rtol=0)


@pytest.mark.parametrize("spacing", ["trailing", "leading"])
@pytest.mark.parametrize("steps", [1, 4, 7, 20, 30, 50, 200, 1000])
def test_timesteps_equal_diffusers(steps: int, spacing: Spacing) -> None:
    reference = DDIMScheduler(timestep_spacing=spacing)
    reference.set_timesteps(steps)
    assert timesteps(1000, steps, spacing).tolist() == reference.timesteps.tolist()


@pytest.mark.parametrize("schedule", [NoiseSchedule.linear(), NoiseSchedule.cosine().zero_terminal_snr()])
@pytest.mark.parametrize("steps", [1, 3, 50])
@pytest.mark.parametrize("eta", [0.0, 1.0])
def test_point_mass_is_hit_exactly(schedule: NoiseSchedule, steps: int, eta: float) -> None:
    point = torch.tensor([0.3, -1.2, 0.0, 7.0]).expand(3, 4)
    generator = torch.Generator().manual_seed(0)
    landed = sample(
        lambda x, t: point, schedule, torch.randn(3, 4, generator=generator), steps, eta,
        lambda i: torch.randn(3, 4, generator=generator),
    )  # fmt: skip
    assert torch.equal(landed, point)


@pytest.mark.parametrize("eta", [0.0, 1.0])
def test_gaussian_toy_has_the_right_mean_and_spread(eta: float) -> None:
    mean, spread = 0.8, 0.4
    schedule = NoiseSchedule.cosine().zero_terminal_snr()

    def ideal(x: Tensor, t: Tensor) -> Tensor:
        alpha, sigma = schedule.at(t, x)
        gain = alpha * spread**2 / (alpha**2 * spread**2 + sigma**2)
        return mean + gain * (x - alpha * mean)

    generator = torch.Generator().manual_seed(0)
    noise = torch.randn(4, 10_000, generator=generator)
    made = sample(ideal, schedule, noise, 500, eta, lambda i: torch.randn(4, 10_000, generator=generator))
    assert float(made.mean()) == pytest.approx(mean, abs=0.01)
    assert float(made.std()) == pytest.approx(spread, rel=0.02)


def test_noise_is_asked_for_in_order_and_only_where_it_is_used() -> None:
    asked: list[int] = []
    seen: list[int] = []

    def source(i: int) -> Tensor:
        asked.append(i)
        return torch.zeros(1, 2)

    schedule, start = NoiseSchedule.cosine(), torch.ones(1, 2)
    sample(lambda x, t: x, schedule, start, 4, 1.0, source, on_step=lambda i, x0: seen.append(i))
    assert asked == [0, 1, 2]
    assert seen == [0, 1, 2, 3]
    sample(lambda x, t: x, schedule, start, 4, 0.0, source)
    assert asked == [0, 1, 2]


def test_a_draft_is_gone_into_as_deep_as_its_noise() -> None:
    schedule = NoiseSchedule.cosine().zero_terminal_snr()
    guess, noise = torch.randn(2, *SHAPE, generator=torch.Generator().manual_seed(0)).double()
    seen: list[tuple[Tensor, int]] = []

    def keeps(x: Tensor, t: Tensor) -> Tensor:
        seen.append((x, int(t[0])))
        return guess

    for share, first in ((1.0, 999), (0.4, 399), (0.001, 3)):
        seen.clear()
        torch.testing.assert_close(sample(keeps, schedule, noise, steps=4, draft=Draft(guess, share)), guess)
        assert seen[0][1] == first and len(seen) == 4
        torch.testing.assert_close(seen[0][0], schedule.add_noise(guess, noise, torch.tensor([first, first])))
    whole = sample(network, schedule, noise, steps=4, draft=Draft(guess, 1.0))
    torch.testing.assert_close(whole, sample(network, schedule, noise, steps=4))  # at the last time all is noise


def test_wrong_arguments_are_refused() -> None:
    with pytest.raises(ValueError, match="noise_source"):
        sample(lambda x, t: x, NoiseSchedule.cosine(), torch.ones(1, 2), 4, eta=1.0)
    for steps in (0, 1001):
        with pytest.raises(ValueError, match="steps"):
            timesteps(1000, steps)


def test_deterministic_sampling_is_reversible_in_direction() -> None:
    """With eta 0 the noise estimate is kept, so a linear denoiser scales every start alike."""
    schedule = NoiseSchedule.linear()
    made = sample(lambda x, t: 0.5 * x, schedule, torch.tensor([[1.0, 2.0, -4.0]]), 10)
    assert float(made[0, 1] / made[0, 0]) == pytest.approx(2.0)
    assert math.isclose(float(made[0, 2] / made[0, 0]), -4.0, rel_tol=1e-5)
