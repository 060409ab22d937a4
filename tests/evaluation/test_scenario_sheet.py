from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tiny_cascade import SCENARIO, SETTINGS, load_cascade, write_cascade

from drivesim.config import InputError
from drivesim.engine.cascade import Cascade
from drivesim.engine.engine import Engine
from drivesim.engine.future import FutureSpec, Prompt
from drivesim.evaluation.scenario_sheet import scenario_sheet
from drivesim.scenario.file import load_scenario
from drivesim.tensors import to_frames
from drivesim.video_io import write_image


@pytest.fixture(scope="module")
def cascade(tmp_path_factory: pytest.TempPathFactory) -> Cascade:
    return load_cascade(write_cascade(tmp_path_factory.mktemp("checkpoints")))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for i in range(5):
        (tmp_path / f"s{i}.yaml").write_text(SCENARIO.replace("tiny", f"s{i}").replace("seed: 5", f"seed: {i}"))
    return tmp_path


def test_every_scenario_stands_on_the_sheet_as_it_is_composed(cascade: Cascade, folder: Path) -> None:
    told: list[str] = []
    sheet = scenario_sheet(cascade, SETTINGS, [folder], width=32, say=told.append)
    assert sheet.shape == (2 * (18 + 16 + 4), 4 * (32 + 4), 3) and "5 of 5" in told[-1]
    scenario = load_scenario(folder / "s1.yaml")
    engine = Engine(cascade, SETTINGS)
    first = FutureSpec.first(Prompt.of(scenario), 1)
    latents = engine.compose(first.prompt, 1)
    assert (sheet[18:34, 36:68] == to_frames(engine.decode(latents[None], first, [0]))[0]).all()
    assert (sheet[-20:, 40:] == 32).all()  # the last row has one picture


def test_boxes_are_drawn_and_a_seed_makes_all_alike(cascade: Cascade, folder: Path) -> None:
    plain = scenario_sheet(cascade, SETTINGS, [folder], width=64, seed=3)
    boxed = scenario_sheet(cascade, SETTINGS, [folder], width=64, seed=3, boxes=True)
    assert plain.shape == boxed.shape and (plain != boxed).any()
    assert (plain[18:50, :64] == plain[18:50, 68:132]).all()


def test_a_photo_is_shown_as_the_models_see_it(cascade: Cascade, tmp_path: Path) -> None:
    write_image(tmp_path / "photo.png", np.zeros((20, 40, 3), np.uint8))
    (tmp_path / "a.yaml").write_text(SCENARIO + "photo: photo.png\n")
    assert scenario_sheet(cascade, SETTINGS, [tmp_path / "a.yaml"], width=32).shape == (38, 36, 3)


def test_mistakes_are_named(cascade: Cascade, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no \\*.yaml file"):
        scenario_sheet(cascade, SETTINGS, [tmp_path])
    with pytest.raises(InputError, match="--width 8"):
        scenario_sheet(cascade, SETTINGS, [tmp_path], width=8)
