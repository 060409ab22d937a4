"""A public backbone that is told of scenarios: the public model where nothing is asked, and what is asked matters."""

from __future__ import annotations

from copy import deepcopy
from pathlib import Path

import numpy as np
import pytest
import torch

from drivesim.layout.planes import Plane
from drivesim.models.conditions.all_groups import GROUPS, label_conditions, no_conditions
from drivesim.models.conditions.conditions import Conditions
from drivesim.models.stable_diffusion.driving import DrivingDiffusion
from drivesim.scene.clip import ClipLabels
from drivesim.world.generator import generate_clip

diffusers = pytest.importorskip("diffusers")
X, T = torch.randn(2, 4, 4, 8, generator=torch.Generator().manual_seed(1)), torch.tensor([100, 900])


@pytest.fixture(scope="module")
def labels() -> ClipLabels:
    return generate_clip(3, 2, 30.0, 32, 64).labels


def conditions_of(labels: ClipLabels) -> Conditions:
    layout = np.random.default_rng(0).integers(3, size=(len(Plane), 32, 64), dtype=np.uint8)
    return label_conditions([labels], [layout, layout])


def model_of(folder: Path, random: bool = False) -> DrivingDiffusion:
    torch.manual_seed(0)
    model = DrivingDiffusion.of_backbone(folder, "a road", tuple(GROUPS), token_width=32, encoder_layers=1).eval()
    for parameter in (*model.tokens.parameters(), *model.entry.parameters()) if random else ():
        torch.nn.init.normal_(parameter.data, std=0.3)
    return model.requires_grad_(False)


def test_where_nothing_is_asked_it_is_the_public_model_under_its_text(backbone: Path) -> None:
    unet = diffusers.UNet2DConditionModel.from_pretrained(str(backbone / "unet")).eval().requires_grad_(False)
    model = model_of(backbone, random=True)
    alone = unet(X, T, encoder_hidden_states=model.text.expand(2, -1, -1)).sample
    torch.testing.assert_close(model(X, T, no_conditions(2)), alone, rtol=1e-5, atol=1e-5)


def test_every_group_of_conditions_reaches_the_network(backbone: Path, labels: ClipLabels) -> None:
    model, conditions = model_of(backbone, random=True), conditions_of(labels)
    asked = model(X, T, conditions)
    for group in GROUPS:
        assert conditions[group].given.all(), group
        assert not torch.equal(model(X, T, conditions.drop(**{group: True})), asked), group


def test_a_copy_is_a_model_of_its_own(backbone: Path, labels: ClipLabels) -> None:
    """As the video model makes one whose image layers have learned."""
    model, conditions = model_of(backbone, random=True), conditions_of(labels)
    other = deepcopy(model)
    asked = model(X, T, conditions)
    assert torch.equal(other(X, T, conditions), asked)
    torch.nn.init.zeros_(other.entry.weight)
    assert not torch.equal(other(X, T, conditions), asked) and torch.equal(model(X, T, conditions), asked)


def test_rows_do_not_see_each_other(backbone: Path, labels: ClipLabels) -> None:
    model, conditions = model_of(backbone, random=True), conditions_of(labels)
    mixed = model(X, T, conditions.drop(**dict.fromkeys(GROUPS, torch.tensor([True, False]))))
    torch.testing.assert_close(mixed[:1], model(X[:1], T[:1], no_conditions(1)), rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(mixed[1:], model(X, T, conditions)[1:], rtol=1e-4, atol=1e-5)
