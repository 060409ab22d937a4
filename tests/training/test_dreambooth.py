"""DreamBooth at toy size: stores, every second sample of the kind, text encoder and U-Net learn, the export loads everywhere."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from drivesim.cli.main import app
from drivesim.config import InputError
from drivesim.dataset.clips import ClipStore
from drivesim.models.stable_diffusion.network import StableDiffusion
from drivesim.training.dreambooth import Subject, train_dreambooth
from drivesim.training.stages.all_stages import build_stage
from drivesim.training.stages.fine_tuning import FineTuningStage
from drivesim.video_io import write_image


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    folder = tmp_path / "pictures"
    folder.mkdir()
    for number in range(3):
        write_image(folder / f"{number}.png", np.full((20, 40, 3), 80 * number, np.uint8))
    return folder


def test_the_command_trains_and_its_export_is_a_backbone(backbone: Path, pictures: Path, tmp_path: Path) -> None:
    arguments = [str(pictures), "--run", str(tmp_path / "run"), "--backbone", str(backbone), "--kind", "car", "--prior", "2",
                 "--steps", "1", "--size", "16x32", "--preset", "tiny", "--device", "cpu", "--set",
                 "learning_rate=0.01"]  # fmt: skip
    for _ in range(2):  # the second time there is nothing left to do
        done = CliRunner().invoke(app, ["train", "dreambooth", *arguments])
        assert done.exit_code == 0, done.output
    stores = [ClipStore(tmp_path / "run" / "data" / name) for name in ("pictures.h5", "prior.h5")]
    assert [len(store) for store in stores] == [3, 2]
    assert [store.labels(0).caption for store in stores] == ["a photo of sks car", "a photo of a car"]
    out = tmp_path / "mine"
    done = CliRunner().invoke(app, ["train", "export", str(tmp_path / "run"), str(out)])
    assert done.exit_code == 0, done.output
    before, after = StableDiffusion.load(backbone), StableDiffusion.load(out)
    for part in ("text", "unet"):
        pairs = zip(getattr(before, part).parameters(), getattr(after, part).parameters(), strict=True)
        assert any(not torch.equal(a, b) for a, b in pairs), part


def test_every_second_sample_is_of_the_kind(backbone: Path, pictures: Path, tmp_path: Path) -> None:
    train_dreambooth(tmp_path / "run", backbone, Subject([pictures], "sks", "car"), 1, 1, 16, "tiny", minutes=0,
                     device_name="cpu", say=lambda _: None)  # fmt: skip
    stage = build_stage("image-ldm", {"even_stores": True, "drop_caption": 0.0}, tmp_path, backbone)
    assert isinstance(stage, FineTuningStage)
    data = [tmp_path / "run" / "data" / name for name in ("pictures.h5", "prior.h5")]
    stage.open(data, data)
    own, kind = stage.model.text.ids(["a photo of sks car", "a photo of a car"]).split(1)
    caption = stage.draw(0, range(6))["caption"]
    assert torch.equal(caption[::2], own.expand(3, -1)) and torch.equal(caption[1::2], kind.expand(3, -1))


def test_what_cannot_be_learned_is_said(backbone: Path, pictures: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no picture"):
        train_dreambooth(tmp_path / "run", backbone, Subject([tmp_path / "run"], "sks", "car"), say=lambda _: None)
    with pytest.raises(InputError, match="give a rare word"):
        train_dreambooth(tmp_path / "run", backbone, Subject([pictures], " ", "car"), say=lambda _: None)
