from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scenario_editor.first_frames.composer import Composer
from scenario_editor.first_frames.composer import load_cascade as load_shipped
from tiny_cascade import SETTINGS, load_cascade

from drivesim.config import InputError, shipped
from drivesim.rollout.request import Request
from drivesim.rollout.run import compose_frames
from drivesim.scenario.file import load_scenario
from drivesim.scenario.scenario import Scenario

PATH = shipped("scenarios") / "crossing_car.yaml"


@pytest.fixture
def scenario() -> Scenario:
    return load_scenario(PATH)


def test_the_frame_is_the_one_that_compose_makes(composer: Composer, scenario: Scenario, checkpoints: Path) -> None:
    frame = composer.compose(scenario, 23, "draft", lambda share, what: None)
    request = Request(PATH, seed=23, device="cpu", settings=SETTINGS, checkpoints=checkpoints)
    assert (frame == compose_frames(request)[0]).all()


def test_weights_are_loaded_once_and_when_needed(scenario: Scenario, checkpoints: Path) -> None:
    loads, reports = [], []

    def load() -> object:
        loads.append(1)
        if len(loads) == 1:
            raise InputError("still being trained")
        return load_cascade(checkpoints)

    composer = Composer(load, lambda quality: SETTINGS)  # type: ignore[arg-type]
    assert not loads
    with pytest.raises(InputError, match="still being trained"):
        composer.compose(scenario, 0, "draft", lambda share, what: None)
    frames = [composer.compose(scenario, 0, "draft", lambda *report: reports.append(report)) for _ in range(2)]
    assert len(loads) == 2 and (frames[0] == frames[1]).all()
    shares = [share for share, _ in reports[: len(reports) // 2]]
    assert shares[0] == 0 and (np.diff(shares) > -1e-9).all() and shares[-1] == pytest.approx(0.8)


def test_an_attempt_ends_where_the_report_raises(composer: Composer, scenario: Scenario) -> None:
    def report(share: float, what: str) -> None:
        if what == "sampling" and share > 0:
            raise KeyError("enough")

    with pytest.raises(KeyError):
        composer.compose(scenario, 0, "draft", report)
    composer.compose(scenario, 0, "draft", lambda share, what: None)  # the lock is free again


def test_missing_weights_are_named_with_the_remedy(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"autoencoder, image-ldm.* are missing; train them \(drivesim train autoencoder"):
        load_shipped(tmp_path)
