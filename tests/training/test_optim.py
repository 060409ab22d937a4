"""Learning-rate schedule, who steps which weights, and averaged weights."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from drivesim.models.image_ldm import ImageLDM, ImageLDMConfig
from drivesim.models.latent_space import LatentSpace
from drivesim.models.layers.autoencoder import Autoencoder, AutoencoderConfig
from drivesim.models.super_resolution import SuperResolution, SuperResolutionConfig
from drivesim.models.video_ldm import VideoLDM, VideoLDMConfig
from drivesim.training.muon import Muon
from drivesim.training.optim import ENDS, Ema, hidden_weights, learning_rate, make_optimizers, prepare
from drivesim.training.stage import Recipe

RECIPE = Recipe(batch=10, samples=1000, learning_rate=1.0, warmup=100, cooldown=0.5)


def test_rate_warms_up_holds_and_falls_to_zero() -> None:
    assert learning_rate(RECIPE, 0) == pytest.approx(0.1)
    assert learning_rate(RECIPE, 300) == 1.0
    assert learning_rate(RECIPE, 750) == pytest.approx(0.5)
    assert learning_rate(RECIPE, 1000) == pytest.approx(0.0)


def test_average_of_constant_weights_is_constant_and_of_changed_ones_halfway_after_a_half_life() -> None:
    module = nn.Linear(2, 2)
    ema = Ema(module, half_life=100)
    with torch.no_grad():
        before = module.weight.clone()
        module.weight += 1.0
    ema.update(module, batch=100, samples=10_000)
    torch.testing.assert_close(ema.tensors["weight"], before + 0.5)


def test_applied_swaps_and_restores() -> None:
    module = nn.Linear(2, 2)
    ema = Ema(module, half_life=100)
    with torch.no_grad():
        module.weight += 1.0
    current = module.weight.clone()
    with ema.applied(module):
        torch.testing.assert_close(module.weight, current - 1.0)
    assert torch.equal(module.weight, current)


def test_frozen_parameters_are_left_alone() -> None:
    module = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2))
    module[0].requires_grad_(False)
    assert set(Ema(module, 10).tensors) == {"1.weight", "1.bias"}


class Net(nn.Module):
    """A layer of every kind."""

    def __init__(self) -> None:
        super().__init__()
        self.kind = nn.Embedding(3, 4)
        self.token = nn.Parameter(torch.zeros(2, 4))
        self.conv_in, self.conv, self.conv_out = (nn.Conv2d(4, 4, 3) for _ in range(3))
        self.norm, self.linear = nn.GroupNorm(2, 4), nn.Linear(4, 4)
        self.bounded = nn.utils.parametrizations.spectral_norm(nn.Conv2d(4, 4, 3))


def held_by(recipe: Recipe, module: nn.Module) -> dict[str, list[str]]:
    """Names of parameters by the kind of optimizer that steps them."""
    names = {parameter: name for name, parameter in module.named_parameters()}
    return {
        type(optimizer).__name__: [names[p] for group in optimizer.param_groups for p in group["params"]]
        for optimizer in make_optimizers(module, recipe)
    }


def test_muon_steps_hidden_weights_and_adamw_the_rest() -> None:
    held = held_by(Recipe(optimizer="muon"), Net())
    assert sorted(held["Muon"]) == ["conv.weight", "linear.weight"]
    assert sorted(held["Muon"] + held["AdamW"]) == sorted(name for name, _ in Net().named_parameters())
    assert held_by(Recipe(), Net()).keys() == {"AdamW"}


def test_first_and_last_layers_bear_the_names_that_muon_knows() -> None:
    """Kernels that begin at, or end in, something that is no feature are stepped by AdamW in every stage's model."""
    image = ImageLDM(ImageLDMConfig())
    models = (
        LatentSpace(Autoencoder(AutoencoderConfig())),
        image,
        VideoLDM(VideoLDMConfig(), image),
        SuperResolution(SuperResolutionConfig()),
    )
    layers = {name.rpartition(".")[2] for model in models for name, _ in model.named_modules()}
    assert layers >= ENDS
    for model in models:
        kernels = {name: p for name, p in model.named_parameters() if p.ndim == 4}
        hidden = set(hidden_weights(model))
        channels = {name: min(p.shape[:2]) for name, p in kernels.items()}
        assert any(name not in hidden for name in kernels)
        assert all(channels[name] >= 24 for name in hidden & kernels.keys()), "a kernel of few channels is no hidden one"


def test_optimizers_are_prepared_where_the_parameters_lie() -> None:
    """Fused AdamW wants its step count there as well."""
    module = nn.Linear(2, 2, device="meta")
    for optimizer in (torch.optim.AdamW(module.parameters()), Muon([module.weight], 1.0)):
        prepare(optimizer)
        assert {x.device.type for state in optimizer.state.values() for x in state.values()} == {"meta"}
