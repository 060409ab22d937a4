"""Super-resolution: residuals, noise augmentation, exact convolutionality, strict loading."""

from pathlib import Path

import numpy as np
import pytest
import torch
from toy_planes import drawn_planes

from drivesim.checkpoint import FORMAT, Checkpoint, write_checkpoint
from drivesim.config import InputError
from drivesim.diffusion.ddim import sample
from drivesim.layout.planes import Plane
from drivesim.models.conditions.all_groups import layout_conditions
from drivesim.models.super_resolution import KIND, SuperResolution, SuperResolutionConfig, bicubic
from drivesim.scene.classes import SceneClass

SMALL = SuperResolutionConfig(
    widths=(8, 8), blocks=(1, 1), temporal_widths=(4, 4), sharpener_width=8, sharpener_blocks=1
)


def normal(*shape: int, seed: int = 1) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def smooth(*shape: int) -> torch.Tensor:
    return torch.tanh(normal(*shape, seed=7))


def stirred(temporal: bool = False, scale: float = 0.1, config: SuperResolutionConfig = SMALL) -> SuperResolution:
    """A model with random parameters everywhere."""
    model = SuperResolution(config.model_copy(update={"temporal": temporal})).eval()
    generator = torch.Generator().manual_seed(0)
    for parameter in model.parameters():
        parameter.data = scale * torch.randn(parameter.shape, generator=generator)
    return model


def upsample(
    model: SuperResolution, low: torch.Tensor, noise: torch.Tensor, low_noise: torch.Tensor, steps: int, level: int
) -> torch.Tensor:
    return model.upsample(low, torch.tensor([level]), low_noise, noise, steps=steps, share=1.0)


def test_shipped_size_is_about_3m_parameters() -> None:
    model = SuperResolution(SuperResolutionConfig(temporal=True))
    assert 2e6 < sum(p.numel() for p in model.parameters()) < 3.5e6


def test_residual_and_refine_are_inverse() -> None:
    model, high = SuperResolution(SMALL), 0.9 * smooth(1, 2, 3, 32, 32)
    estimate = model.estimate(smooth(1, 2, 3, 8, 8))
    torch.testing.assert_close(model.refine(estimate, model.residual(high, estimate)), high, rtol=0, atol=1e-6)


def test_the_layout_is_seen_by_estimate_and_network_where_it_is_known() -> None:
    model = stirred(config=SMALL.model_copy(update={"layout": True}))
    low, noise = smooth(1, 2, 3, 4, 8), normal(1, 2, 3, 16, 32)
    features = model.layout_features(layout_conditions([drawn_planes(), None]))
    t, level = torch.tensor([500]), torch.tensor([50])
    with torch.no_grad():
        known, plain = (model(noise, t, low, level, shown) for shown in (features, None))
        assert not torch.allclose(known[0, 0], plain[0, 0], atol=1e-3) and torch.equal(known[0, 1], plain[0, 1])
        known, plain = (model.estimate(low, shown) for shown in (features, None))
        assert not torch.allclose(known[0, 0], plain[0, 0], atol=1e-3) and torch.equal(known[0, 1], plain[0, 1])
    assert model.layout_features(None) is None


def test_a_guided_estimate_changes_where_the_layout_does_to_the_pixel() -> None:
    model = SuperResolution(SMALL.model_copy(update={"layout": True, "guided": True})).eval()
    planes = [np.zeros((len(Plane), 16, 32), np.uint8) for _ in range(2)]
    planes[1][Plane.SCENE_CLASS, 6:9, 10:21] = SceneClass.BUILDING
    low = smooth(1, 1, 3, 4, 8).expand(-1, 2, -1, -1, -1)
    features = model.layout_features(layout_conditions(planes))
    with torch.no_grad():
        torch.testing.assert_close(model.estimate(low, features), bicubic(low))  # nothing at the start
        model.sharpener.coefficients.weight.normal_(generator=torch.Generator().manual_seed(0))
        without, there = model.estimate(low, features)[0]
    changed = (without - there).abs().amax(dim=0) > 1e-6
    assert changed[6:9, 10:21].all() and changed.sum() == 3 * 11


def test_a_perfect_denoiser_gives_the_frame_exactly() -> None:
    model, high = stirred(), 0.9 * smooth(1, 2, 3, 32, 32)
    estimate = model.estimate(smooth(1, 2, 3, 8, 8))
    truth = model.residual(high, estimate)
    made = sample(lambda x, t: truth, model.schedule, normal(1, 2, 3, 32, 32), steps=3)
    torch.testing.assert_close(model.refine(estimate, made), high, rtol=0, atol=1e-5)


def test_an_untrained_model_estimates_only_what_the_noise_shows() -> None:
    """v = 0 at the start, and with zero terminal SNR one step from pure noise is the bicubic frame exactly."""
    model, low = SuperResolution(SMALL), smooth(1, 1, 3, 8, 8)
    with torch.no_grad():
        made = upsample(model, low, normal(1, 1, 3, 32, 32), normal(1, 1, 3, 8, 8), steps=1, level=0)
    torch.testing.assert_close(made, bicubic(low).clamp(-1, 1), rtol=0, atol=1e-6)


def test_the_sharpener_changes_the_estimate_and_a_patch_gets_what_the_frame_gets() -> None:
    model, low = stirred(), smooth(1, 2, 3, 8, 64)
    with torch.no_grad():
        whole, patch = model.estimate(low), model.estimate(low[..., :40])
    assert not torch.allclose(whole, bicubic(low), atol=1e-3)
    torch.testing.assert_close(patch[..., :96], whole[..., :96], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("share", "first"), [(1.0, 999), (0.5, 499)])
def test_sampling_begins_at_the_estimate_with_a_share_of_the_noise(share: float, first: int) -> None:
    """The network is asked once, of the noise alone at its time; where it takes all of that for noise the estimate comes out."""
    model, low, noise = stirred(), smooth(1, 1, 3, 4, 8), normal(1, 1, 3, 16, 32)
    asked = []

    def forward(x: torch.Tensor, t: torch.Tensor, *_: object) -> torch.Tensor:
        asked.append((x, t))
        alpha, _ = model.schedule.at(t, x)
        return alpha * noise  # v of no residual

    model.forward = forward  # type: ignore[method-assign]
    made = model.upsample(low, torch.tensor([50]), torch.zeros_like(low), noise, steps=1, share=share)
    ((x, t),) = asked
    torch.testing.assert_close(x, float(model.schedule.sigma[first]) * noise)
    assert t.tolist() == [first]
    torch.testing.assert_close(made, model.estimate(low).clamp(-1, 1), rtol=0, atol=1e-5)


def test_level_and_augmentation_change_the_output() -> None:
    model, low = stirred(), smooth(1, 1, 3, 8, 8)
    x, t = normal(1, 1, 3, 32, 32), torch.tensor([500])
    with torch.no_grad():
        told = [model(x, t, low, torch.tensor([level])) for level in (0, 200)]
        made = [upsample(model, low, x, normal(1, 1, 3, 8, 8), steps=2, level=level) for level in (0, 200)]
    assert not torch.allclose(*told, atol=1e-4)
    assert not torch.allclose(*made, atol=1e-5)


def test_augmentation_keeps_variance_and_grows_with_the_level() -> None:
    model, low = SuperResolution(SMALL), normal(2, 1, 3, 64, 64)
    noise = normal(2, 1, 3, 64, 64, seed=2)
    made = model.augment(low, torch.tensor([0, 250]), noise)
    assert made.std().item() == pytest.approx(1.0, abs=0.05)
    error = (made - low).square().mean(dim=(1, 2, 3, 4))
    assert error[0] < 0.001 and error[1] > 0.3


def test_sizes_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match="multiples of 2"):
        SuperResolution(SMALL)(torch.zeros(1, 1, 3, 36, 32), *[torch.tensor([1])], torch.zeros(1, 1, 3, 9, 8), torch.tensor([1]))


def test_patch_and_whole_frame_agree_inside() -> None:
    model, low, x = stirred(), smooth(1, 1, 3, 8, 96), normal(1, 1, 3, 32, 384)
    t, level = torch.tensor([300]), torch.tensor([40])
    with torch.no_grad():
        whole, patch = model(x, t, low, level), model(x[..., :256], t, low[..., :64], level)
    torch.testing.assert_close(patch[..., :160], whole[..., :160], rtol=1e-4, atol=1e-5)


def with_new_temporal_layers(model: SuperResolution) -> SuperResolution:
    """A model for clips with the same spatial layers."""
    video = SuperResolution(model.config.model_copy(update={"temporal": True})).eval()
    video.network.load_state_dict(model.network.state_dict())
    video.sharpener.load_state_dict(model.sharpener.state_dict())
    return video


def test_new_temporal_layers_change_nothing() -> None:
    model, low = stirred(), smooth(2, 3, 3, 8, 8)
    video = with_new_temporal_layers(model)
    arguments = normal(2, 3, 3, 32, 32), torch.tensor([3, 700]), low, torch.tensor([0, 90])
    with torch.no_grad():
        torch.testing.assert_close(video(*arguments), model(*arguments), rtol=1e-5, atol=1e-6)


def test_with_alpha_1_temporal_layers_are_off_bit_for_bit() -> None:
    image = stirred()
    video = with_new_temporal_layers(image)
    assert video.temporal is not None
    for name, parameter in video.temporal.named_parameters():
        parameter.data.normal_(generator=torch.Generator().manual_seed(3))
        if name.endswith("logit"):
            parameter.data.fill_(30.0)
    arguments = normal(1, 4, 3, 32, 32), torch.tensor([300]), smooth(1, 4, 3, 8, 8), torch.tensor([90])
    with torch.no_grad():
        assert torch.equal(video(*arguments), image(*arguments))


def test_frames_see_each_other_only_through_temporal_layers() -> None:
    low, x = smooth(1, 3, 3, 8, 8), normal(1, 3, 3, 32, 32)
    other = x.clone()
    other[:, 2] += 1
    t, level = torch.tensor([500]), torch.tensor([50])
    for temporal in (False, True):
        model = stirred(temporal)
        with torch.no_grad():
            change = (model(x, t, low, level) - model(other, t, low, level))[:, 1].abs().max()
        assert (change > 1e-6) == temporal


def test_saved_and_loaded_strictly(tmp_path: Path) -> None:
    model = stirred(temporal=True).half().float()
    checkpoint = Checkpoint(format=FORMAT, kind=KIND, model=model.config.model_dump(mode="json"), training={})
    write_checkpoint(tmp_path, checkpoint, model.state_dict(), {})
    loaded = SuperResolution.load(tmp_path)
    assert loaded.config == model.config
    assert all(torch.equal(loaded.state_dict()[name], tensor) for name, tensor in model.state_dict().items())
    write_checkpoint(tmp_path, checkpoint, stirred().state_dict(), {})
    with pytest.raises(InputError, match="missing"):
        SuperResolution.load(tmp_path)
