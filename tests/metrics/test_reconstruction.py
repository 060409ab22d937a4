"""Reconstruction metrics on cases whose answer is known."""

import numpy as np
import pytest
from spoiled import blurred

from drivesim.metrics.reconstruction import detail, gradient_energy, psnr, ssim
from drivesim.scene.clip import Clip


def noise(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)


def test_psnr_of_a_known_error() -> None:
    dark = np.zeros((2, 16, 16, 3), np.uint8)
    made = dark.copy()
    made[1] += 51  # a fifth of the peak
    with np.errstate(divide="raise"):
        assert psnr(made, dark)[0] == np.inf
    assert psnr(made, dark)[1] == pytest.approx(20 * np.log10(5))
    assert float(psnr(made[1], dark[1])) == pytest.approx(20 * np.log10(5))


def test_gradient_energy_of_a_ramp() -> None:
    ramp = np.broadcast_to((3 * np.arange(20, dtype=np.uint8))[None, :, None], (16, 20, 3))
    assert float(gradient_energy(ramp)) == pytest.approx(9.0)
    assert float(gradient_energy(ramp.swapaxes(0, 1))) == pytest.approx(9.0)
    assert gradient_energy(np.full((2, 8, 8, 3), 90, np.uint8)).tolist() == [0.0, 0.0]


def test_ssim_is_one_for_equals_and_falls_with_blur_and_noise() -> None:
    pictures = noise(2, 32, 48, 3)
    assert ssim(pictures, pictures) == pytest.approx(1.0)
    flat = np.full_like(pictures, 128)
    assert (ssim(flat, pictures) < 0.1).all()
    assert ssim(pictures[0], pictures[0]).shape == ()


def test_ssim_of_constants_is_the_luminance_term() -> None:
    x, y = np.full((1, 16, 16, 3), 100, np.uint8), np.full((1, 16, 16, 3), 150, np.uint8)
    c1 = (0.01 * 255) ** 2
    assert ssim(x, y)[0] == pytest.approx((2 * 100 * 150 + c1) / (100**2 + 150**2 + c1), rel=1e-6)


def test_unequal_shapes_are_refused() -> None:
    with pytest.raises(ValueError, match="compared"):
        psnr(noise(8, 8, 3), noise(8, 9, 3))
    with pytest.raises(ValueError, match="11 pixels"):
        ssim(noise(8, 8, 3), noise(8, 8, 3))


def test_blur_costs_gradient_energy_and_the_order_of_frames_does_not(rendered: Clip) -> None:
    whole = gradient_energy(rendered.frames)
    assert gradient_energy(blurred(rendered.frames, 0.8)).sum() < 0.7 * whole.sum()
    assert gradient_energy(rendered.frames[::-1]).sum() == pytest.approx(whole.sum())


def test_detail_is_the_mean_step_across() -> None:
    ramp = np.broadcast_to(np.arange(0, 60, 3, dtype=np.uint8)[:, None], (2, 8, 20, 3))
    assert detail(ramp) == 3 and detail(ramp.swapaxes(1, 2)) == 0
