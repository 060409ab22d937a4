"""Weights from before groups had modules of their own are read, and mean what they meant."""

import json
from pathlib import Path

import pytest
import torch
from toy_labels import LEFT, RIGHT, all_conditions

from drivesim.checkpoint import Checkpoint, write_checkpoint
from drivesim.config import InputError, shipped
from drivesim.models.conditions.all_groups import GROUPS
from drivesim.models.conditions.older import OLDER_FIELDS, current_names
from drivesim.models.image_ldm import ImageLDM, ImageLDMConfig
from drivesim.models.latent_space import LatentSpace
from drivesim.models.video_ldm import VideoLDM

SMALL = {"latent_channels": 4, "widths": (16, 32), "blocks": 1, "head_width": 16, "token_width": 32, "encoder_layers": 1}
PLACES = {"boxes": "box kind", "look": "night crowdedness", "road": "setting numbers", "camera": "numbers"}


def older_names(tensors: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """As the first weights were named, written from their names in `checkpoints/`, not from the code."""
    old = {name: value for name, value in tensors.items() if not name.startswith("encoder.groups.")}
    for group, modules in PLACES.items():
        for module in modules.split():
            for name, value in tensors.items():
                if name.startswith(start := f"encoder.groups.{group}.{module}."):
                    plain = group if module == "numbers" else module
                    old[f"encoder.{plain}.{name.removeprefix(start)}"] = value
    for table in ("role", "null"):
        old[f"encoder.{table}"] = torch.cat([tensors[f"encoder.groups.{group}.{table}"] for group in PLACES])
    return old


def test_older_weights_are_the_same_model(tmp_path: Path) -> None:
    model = ImageLDM(ImageLDMConfig(**SMALL, **OLDER_FIELDS))
    torch.nn.init.zeros_(model.encoder.groups["boxes"].details[0].weight)
    before = older_names({name: value for name, value in model.state_dict().items() if ".details." not in name})
    assert before["encoder.role"].shape == (5, 32) and "encoder.kind.weight" in before
    config = {name: value for name, value in model.config.model_dump().items() if name not in OLDER_FIELDS}
    write_checkpoint(tmp_path, Checkpoint(format=1, kind="image-ldm", model=config, training={}), before, {})
    loaded = ImageLDM.load(tmp_path)
    assert (loaded.config.number_code, list(loaded.config.groups)) == ("periodic", OLDER_FIELDS["groups"])
    for name, value in model.state_dict().items():
        assert torch.equal(loaded.state_dict()[name], value.half().float()), name


def test_current_weights_keep_their_names() -> None:
    model = ImageLDM(ImageLDMConfig(**SMALL))
    assert current_names(model.state_dict()).keys() == model.state_dict().keys()


def test_shipped_weights_load() -> None:
    checkpoints = shipped("checkpoints")
    image = ImageLDM.load(checkpoints / "image-ldm")
    image.check_latents(LatentSpace.load(checkpoints / "autoencoder").fingerprint())
    VideoLDM.load(checkpoints / "video-ldm", image)
    known = json.loads((checkpoints / "image-ldm" / "config.json").read_text())["model"]
    assert image.config.number_code == known.get("number_code", "periodic")


def test_a_model_that_is_told_numbers_otherwise_starts_as_the_same_function() -> None:
    old, new = (ImageLDM(ImageLDMConfig(**SMALL | {"number_code": code})) for code in ("periodic", "monotone"))
    new.load_state_dict(new.fitted(old.config.model_dump(), dict(old.state_dict())))
    c = all_conditions(LEFT, RIGHT)
    for before, after in zip(old.encoder(c), new.encoder(c), strict=True):
        torch.testing.assert_close(after, before, atol=1e-4, rtol=1e-4)


def test_a_group_that_nobody_knows_is_refused(tmp_path: Path) -> None:
    assert ImageLDMConfig().groups == tuple(GROUPS)
    with pytest.raises(InputError, match="no such group: weather"):
        ImageLDMConfig.parse({"groups": ["look", "weather"]}, "config.json")
