"""Groups of the layout: what each shows of the planes, and that it is heard, alone, where it is given, and nowhere else."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn
from toy_labels import toy_labels
from toy_planes import drawn_planes

from drivesim.layout.planes import Plane
from drivesim.layout.scene_at import Face, Lamp
from drivesim.models.conditions.all_groups import GROUPS, LAYOUT_GROUPS, label_conditions, no_conditions
from drivesim.models.conditions.conditions import Conditions
from drivesim.models.conditions.layout.layout_group import LayoutEncoder
from drivesim.models.image_ldm import ImageLDM, ImageLDMConfig
from drivesim.scene.classes import SceneClass

TINY = {"widths": (16, 16), "blocks": 1, "head_width": 8, "token_width": 32, "encoder_layers": 1}
H, W = 16, 32


def conditions_of(*layouts: np.ndarray | None) -> Conditions:
    return label_conditions([toy_labels([None] * len(layouts))], layouts)


def test_each_group_shows_its_part() -> None:
    conditions = conditions_of(drawn_planes(), None)
    for name in LAYOUT_GROUPS:
        assert conditions[name].given.tolist() == [True, False]
        assert not conditions[name]["planes"][1].any()
    vehicles, ground, roadside, bodies = (conditions[name]["planes"][0].numpy() for name in LAYOUT_GROUPS)
    assert set(np.unique(ground[0, 8:])) == {0, 1, 2}  # house, road, white marking
    assert ground[0, 8, 5] == 2 and ground[2, 8, 5] == 255 and not ground[:, :8].any()
    assert ground[0, 10, 12] == 1  # the road under the car is there
    assert (roadside[0] > 0).sum() == 70 and set(np.unique(roadside[1])) == {0, 90}
    assert (vehicles.any(axis=0) == (drawn_planes()[Plane.KIND] > 0)).all()
    assert bodies[:, 10, 12].tolist() == [1, 40, 90] and (bodies[0] > 0).sum() == 64
    assert not conditions_of(None)["vehicles"].given.any()


@pytest.mark.parametrize("plane", list(Plane))
def test_every_plane_is_heard(plane: Plane) -> None:
    torch.manual_seed(0)
    changed = drawn_planes()
    changed[plane, 9, 10] = {Plane.SCENE_CLASS: SceneClass.GROUND, Plane.FACE: Face.LEFT, Plane.LAMP: Lamp.HEAD}.get(plane, 3)
    conditions = conditions_of(drawn_planes(), changed)
    encoders = [LayoutEncoder(name, 8, group.members) for name, group in LAYOUT_GROUPS.items()]
    heard = [encoder.features(conditions, H // 8, W // 8) for encoder in encoders]
    assert sum(not torch.equal(*features) for features in heard) == 1


def layout_model(groups: tuple[str, ...] = tuple(GROUPS)) -> ImageLDM:
    return ImageLDM(ImageLDMConfig.parse(TINY | {"groups": groups}, "test")).eval()


def noisy(rows: int) -> tuple[torch.Tensor, torch.Tensor]:
    return torch.randn(rows, 8, H // 8, W // 8, generator=torch.Generator().manual_seed(0)), torch.full((rows,), 500)


def test_a_model_grown_by_the_layout_says_the_same_to_the_bit_until_it_is_trained() -> None:
    torch.manual_seed(0)
    old = layout_model(tuple(name for name in GROUPS if name not in LAYOUT_GROUPS))
    nn.init.normal_(old.unet.conv_out.weight)
    assert not [name for name in old.state_dict() if "entry" in name]
    new = layout_model()
    missing, unexpected = new.load_state_dict(new.fitted(old.config.model_dump(), old.state_dict()), strict=False)
    assert not unexpected and all("entry" in name or name.split(".")[2] in LAYOUT_GROUPS for name in missing)
    conditions = conditions_of(drawn_planes(), None)
    for low in (False, True):
        with torch.no_grad(), torch.autocast("cpu", torch.bfloat16, enabled=low):
            assert torch.equal(new(*noisy(2), conditions), old(*noisy(2), conditions))


@pytest.mark.parametrize("name", LAYOUT_GROUPS)
def test_a_group_is_heard_where_it_is_given_and_is_silent_elsewhere(name: str) -> None:
    torch.manual_seed(0)
    model = layout_model()
    for layer in (model.unet.conv_out, model.entry):
        assert layer is not None
        nn.init.normal_(layer.weight)
    conditions = conditions_of(drawn_planes(), drawn_planes())
    with torch.no_grad():
        out = model(*noisy(2), conditions)
        without = model(*noisy(2), conditions.drop(**{name: torch.tensor([True, False])}))
        assert not torch.equal(out[0], without[0])
        torch.testing.assert_close(out[1], without[1])
        nothing = model.encode(no_conditions(2), H // 8, W // 8)
        dropped = model.encode(conditions.drop(**dict.fromkeys(GROUPS, True)), H // 8, W // 8)
    assert nothing.entry is not None and not nothing.entry.any()
    assert dropped.entry is not None and not dropped.entry.any()
