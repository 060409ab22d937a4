"""The network's target and what is read from its output are inverse to each other."""

from typing import get_args

import pytest
import torch

from drivesim.diffusion.denoiser import Prediction, denoiser, training_target
from drivesim.diffusion.schedule import NoiseSchedule


@pytest.mark.parametrize("prediction", get_args(Prediction))
def test_a_perfect_network_gives_the_clean_sample(prediction: Prediction) -> None:
    schedule = NoiseSchedule.cosine()
    x0, noise = torch.randn(2, 5, 2, 4, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    t = torch.tensor([0, 100, 500, 900, 990])
    target = training_target(prediction, schedule, x0, noise, t)
    denoise = denoiser(lambda x, t: target, schedule, prediction)
    torch.testing.assert_close(denoise(schedule.add_noise(x0, noise, t), t), x0)


def test_v_is_defined_at_zero_snr_and_epsilon_is_refused() -> None:
    schedule = NoiseSchedule.cosine().zero_terminal_snr()
    x0, noise = torch.randn(2, 1, 4)
    t = torch.tensor([999])
    assert torch.equal(training_target("v", schedule, x0, noise, t), -x0)
    denoise = denoiser(lambda x, t: -x0, schedule, "v")
    assert torch.equal(denoise(noise, t), x0)
    with pytest.raises(ValueError, match="epsilon"):
        denoiser(lambda x, t: x, schedule, "epsilon")
