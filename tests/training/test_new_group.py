"""A new group of conditions is one file and one line: an image LDM trains with it, hears it, and does without it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from toy_groups import HEIGHT, WIDTH, MaskGroup, SpeedGroup

from drivesim.config import InputError
from drivesim.dataset.clips import ClipWriter
from drivesim.models.conditions.all_groups import GROUPS, no_conditions
from drivesim.models.conditions.conditions import Conditions
from drivesim.models.conditions.group import Group
from drivesim.models.image_ldm import ImageLDM, ImageLDMConfig
from drivesim.scene.clip import Clip
from drivesim.training.latent_data import unpack
from drivesim.training.loop import start_state, step
from drivesim.training.run import Run
from drivesim.training.stages.image_ldm import ImageLDMRecipe, ImageLDMStage

TINY = {"widths": (16, 16), "blocks": 1, "head_width": 8, "token_width": 32, "encoder_layers": 1}
RECIPE = {"batch": 8, "samples": 32, "warmup": 0, "learning_rate": 1e-2, "drop_all": 0.0, "look_alone": 0.0, "bf16": False}


@pytest.fixture(params=[SpeedGroup, MaskGroup])
def group(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Group:
    new: Group = request.param()
    monkeypatch.setitem(GROUPS, new.name, new)
    return new


@pytest.fixture
def store(tmp_path: Path, make_clip: Callable[..., Clip]) -> Path:
    """Three clips; of the last one neither speed nor vehicles are known."""
    with ClipWriter(tmp_path / "clips.h5") as writer:
        for seed in range(3):
            clip = make_clip(seed, 4, 30.0, HEIGHT, WIDTH)
            if seed == 2:
                ego = replace(clip.labels.ego, speed=np.full(4, np.nan, np.float32))
                clip = replace(clip, labels=replace(clip.labels, boxes=(None,) * 4, ego=ego))
            writer.append(clip)
    return tmp_path / "clips.h5"


def stage_of(store: Path, checkpoints: Path, **recipe: object) -> ImageLDMStage:
    model = ImageLDMConfig.parse(TINY, "test")
    stage = ImageLDMStage(ImageLDMRecipe.parse(RECIPE | {"model": model} | recipe, "test"), checkpoints)
    stage.open([store], [store])
    return stage


def test_a_tiny_model_trains_with_it_and_hears_it(group: Group, store: Path, checkpoints: Path, tmp_path: Path) -> None:
    stage = stage_of(store, checkpoints)
    assert stage.recipe.model.groups == tuple(GROUPS) and stage.recipe.drop[group.name] == group.dropout.picture
    for parameter in stage.model.unet.parameters():  # none is zero, so that few steps reach everything
        torch.nn.init.normal_(parameter, std=0.1)
    before = {name: value.clone() for name, value in stage.model.state_dict().items()}
    state, device = start_state(stage, Run(tmp_path / "run", {})), torch.device("cpu")
    for first in range(0, 32, 8):
        step(stage, state, stage.draw(first, range(first, first + 8)), device)
    model = stage.model.eval()
    own = [name for name in before if f"groups.{group.name}." in name]
    assert own and all(not torch.equal(before[name], model.state_dict()[name]) for name in own if name.endswith("weight"))

    conditions = unpack(stage.draw(0, range(64)))
    conditions = conditions.rows(conditions[group.name].given.nonzero()[:2, 0])
    x, t = torch.randn(2, 8, 2, 4, generator=torch.Generator().manual_seed(0)), torch.tensor([300, 600])
    out, without = model(x, t, conditions), model(x, t, conditions.drop(**{group.name: True}))
    assert not torch.equal(out, without)
    never = conditions.replace(group.name, no_conditions(2)[group.name])
    torch.testing.assert_close(model(x, t, never), without, atol=0, rtol=0)
    deaf = ImageLDM(ImageLDMConfig.parse(TINY | {"groups": [name for name in GROUPS if name != group.name]}, "test"))
    torch.nn.init.normal_(deaf.unet.conv_out.weight)
    assert torch.equal(deaf(x, t, conditions), deaf(x, t, never))


def given_rows(conditions: Conditions, group: Group) -> float:
    return float(conditions[group.name].given.float().mean())


def test_it_is_dropped_as_it_says_or_as_the_recipe_says(group: Group, store: Path, checkpoints: Path) -> None:
    known = 2 / 3
    shown = given_rows(unpack(stage_of(store, checkpoints).draw(0, range(120))), group)
    assert shown == pytest.approx(known * (1 - group.dropout.picture), abs=0.15)
    for drop, rest in ((1.0, 0.0), (0.0, known)):
        stage = stage_of(store, checkpoints, drop={group.name: drop})
        assert given_rows(unpack(stage.draw(0, range(120))), group) == pytest.approx(rest, abs=0.15)
    assert given_rows(unpack(stage_of(store, checkpoints, drop_all=1.0).draw(0, range(20))), group) == 0
    with pytest.raises(InputError, match="no chance of snow"):
        stage_of(store, checkpoints, drop={"snow": 0.5})


def test_a_model_without_it_grows(group: Group, checkpoints: Path) -> None:
    """Weights of a model that is shown fewer groups start one that is shown more: conv_in and tokens are the old ones."""
    old = ImageLDM(ImageLDMConfig.parse(TINY | {"groups": [name for name in GROUPS if name != group.name]}, "test"))
    new = ImageLDM(ImageLDMConfig.parse(TINY, "test"))
    fitted = new.fitted(old.config.model_dump(), dict(old.state_dict()))
    assert fitted.keys() <= new.state_dict().keys()
    assert new.map_channels - old.map_channels == sum(e.map_channels for e in [group.encoder(32, "monotone")])
