"""The image model: each condition matters, dropping is not giving, sampling, loading."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn
from toy_labels import toy_conditions
from toy_planes import drawn_planes

from drivesim.checkpoint import Checkpoint, weights_hash, write_checkpoint
from drivesim.config import InputError
from drivesim.diffusion.ddim import sample
from drivesim.models.conditions.all_groups import GROUPS, no_conditions
from drivesim.models.conditions.conditions import Conditions, GroupRows
from drivesim.models.image_ldm import ImageLDM, ImageLDMConfig
from drivesim.scene.boxes import Boxes, project_cuboids
from drivesim.scene.camera import Camera
from drivesim.scene.road import Road
from drivesim.scene.vehicles import Placement

SMALL = ImageLDMConfig(latent_channels=4, widths=(16, 32), blocks=1, head_width=16, token_width=32, encoder_layers=1)


def perturbed(config: ImageLDMConfig = SMALL) -> ImageLDM:
    torch.manual_seed(0)
    model = ImageLDM(config)
    for parameter in model.parameters():
        nn.init.normal_(parameter, std=0.15)
    return model.eval()


def scene(*placements: Placement) -> Conditions:
    road, camera = Road("city", 2, 1), Camera()
    cuboids = np.array([p.cuboid(road) for p in placements], np.float32).reshape(-1, 7)
    rectangles, visible = project_cuboids(camera, cuboids)
    n = len(placements)
    boxes = Boxes(np.arange(n), np.zeros(n, np.int64), rectangles, cuboids[:, 6], visible, cuboids)
    return toy_conditions([boxes], "day", n, road, camera, 2.0, [drawn_planes(64, 128)])


X, T = torch.randn(1, 4, 8, 16, generator=torch.Generator().manual_seed(0)), torch.tensor([400])
GIVEN = scene(Placement(10, 0), Placement(20, 3.3))


@pytest.mark.parametrize("group", GROUPS)
def test_each_group_changes_the_output_and_dropping_is_not_giving(group: str) -> None:
    model = perturbed()
    out = model(X, T, GIVEN)
    dropped = model(X, T, GIVEN.drop(**{group: True}))
    assert not torch.allclose(out, dropped, atol=1e-4)
    unknown = GIVEN.replace(group, GroupRows(torch.zeros(1, dtype=torch.bool), GIVEN[group].fields))
    assert torch.equal(dropped, model(X, T, unknown))


def test_dropping_everything_is_giving_nothing() -> None:
    model = perturbed()
    nothing = GIVEN.drop(**dict.fromkeys(GROUPS, True))
    assert torch.equal(model(X, T, nothing), model(X, T, no_conditions(1)))


def test_a_box_more_or_elsewhere_changes_the_output() -> None:
    model = perturbed()
    out = model(X, T, GIVEN)
    for other in (scene(Placement(10, 0)), scene(Placement(10, 0), Placement(20, -3.3)), scene()):
        assert not torch.allclose(out, model(X, T, other), atol=1e-4)


@torch.no_grad()
def test_sampling_and_once_encoded_conditions() -> None:
    model = perturbed()
    denoise = model.denoise(GIVEN)
    alpha, sigma = model.schedule.at(T, X)
    torch.testing.assert_close(denoise(X, T), alpha * X - sigma * model(X, T, GIVEN))
    made = sample(denoise, model.schedule, X, 4)
    assert made.shape == X.shape
    assert made.isfinite().all()
    assert torch.equal(made, sample(model.denoise(GIVEN), model.schedule, X, 4))


def test_default_size_and_schedule() -> None:
    config = ImageLDMConfig()
    assert 9e6 < sum(p.numel() for p in ImageLDM(config).parameters()) < 11.5e6
    assert float(config.noise_schedule().alpha[-1]) == 0
    assert float(ImageLDMConfig(schedule="linear", zero_terminal_snr=False).noise_schedule().alpha[-1]) > 0


def test_gradients_reach_every_parameter() -> None:
    model = perturbed().train()
    both = GIVEN.repeat(2).drop(**dict.fromkeys(GROUPS, torch.tensor([False, True])))
    model(X.expand(2, -1, -1, -1), T.expand(2), both).square().sum().backward()
    assert [name for name, p in model.named_parameters() if p.grad is None or not p.grad.any()] == []


def save(model: ImageLDM, folder: Path) -> str:
    checkpoint = Checkpoint(format=1, kind="image-ldm", model=model.config.model_dump(), training={})
    return write_checkpoint(folder, checkpoint, model.state_dict(), {})


def test_loading_gives_the_same_model_back(tmp_path: Path) -> None:
    model = perturbed()
    save(model, tmp_path)
    loaded = ImageLDM.load(tmp_path)
    assert loaded.config == SMALL
    assert loaded.weights == weights_hash(tmp_path)
    assert not loaded.training
    torch.testing.assert_close(loaded(X, T, GIVEN), model(X, T, GIVEN), atol=0.05, rtol=0.05)  # fp16 on disk


def test_wrong_checkpoints_are_refused(tmp_path: Path) -> None:
    model = perturbed()
    with pytest.raises(InputError, match=r"config\.json is missing"):
        ImageLDM.load(tmp_path)
    wrong = Checkpoint(format=1, kind="image-ldm", model=SMALL.model_dump() | {"widths": [16, 48]}, training={})
    write_checkpoint(tmp_path, wrong, model.state_dict(), {})
    with pytest.raises(InputError, match="shape"):
        ImageLDM.load(tmp_path)
    write_checkpoint(tmp_path, wrong.model_copy(update={"model": {"width": 3}}), model.state_dict(), {})
    with pytest.raises(InputError, match="width"):
        ImageLDM.load(tmp_path)
