"""A prompt: what a scenario asks of the networks, for the first frame and later ones."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from tiny_cascade import SCENARIO

from drivesim.engine.future import Prompt
from drivesim.scenario.file import load_scenario
from drivesim.video_io import write_image


def test_the_place_along_the_road_follows_from_speed_and_time(scenario: Path) -> None:
    prompt = Prompt.of(load_scenario(scenario))
    rows = prompt.rows([None, prompt.boxes], torch.tensor([0.0, 1.5]))
    assert rows["place"].given.all() and rows["place"]["along"].tolist() == [0.0, 1.5 * prompt.speed]
    assert rows["boxes"].given.tolist() == [False, True]


def test_a_photo_has_markings_of_its_own(tmp_path: Path) -> None:
    write_image(tmp_path / "road.png", np.zeros((64, 128, 3), np.uint8))
    (tmp_path / "photo.yaml").write_text(SCENARIO + "photo: road.png\n")
    prompt = Prompt.of(load_scenario(tmp_path / "photo.yaml"))
    assert prompt.photo == tmp_path / "road.png"
    assert not prompt.conditions["place"].given.any()
    rows = prompt.rows([None] * 2, torch.tensor([0.0, 1.5]))
    assert not rows["place"].given.any() and not rows["place"]["along"].any()
