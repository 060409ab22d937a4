from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from scenario_editor.first_frames.composer import Composer
from scenario_editor.first_frames.compositions import KEPT, Compositions, first_frame_of, frame_file, variants
from scenario_editor.storage.sessions import Session, SessionStore

from drivesim.config import InputError, shipped
from drivesim.scenario.file import load_scenario
from drivesim.scenario.scenario import Scenario
from drivesim.video_io import read_image

PATH = shipped("scenarios") / "highway_day.yaml"


class Painter(Composer):
    """A composer whose frames tell seed and quality; with `hold` it waits in the middle of each."""

    def __init__(self) -> None:
        super().__init__()
        self.made: list[tuple[int, str]] = []
        self.hold = threading.Event()
        self.hold.set()

    def compose(self, scenario: Scenario, seed: int, quality: str, report: Callable[[float, str], None]) -> np.ndarray:
        for _ in range(400):
            report(0.5, "sampling")
            if self.hold.wait(0.01):
                break
        if quality == "best":
            raise InputError("autoencoder: the weights are missing")
        self.made.append((seed, quality))
        return np.full((8, 16, 3), seed % 256, np.uint8)


@pytest.fixture
def scenario() -> Scenario:
    return load_scenario(PATH)


@pytest.fixture
def store(tmp_path: Path) -> SessionStore:
    return SessionStore(tmp_path, PATH.read_text())


def _finish(compositions: Compositions, session: Session) -> dict[str, object]:
    for _ in range(1000):
        state = compositions.state(session.id)
        if not state["running"]:
            return state
        time.sleep(0.01)
    raise AssertionError("still running")


def test_variants_are_the_next_seeds_and_more_are_those_after(store: SessionStore, scenario: Scenario) -> None:
    painter, session = Painter(), store.open(None)
    compositions = Compositions(painter, store)
    for more in (False, False, True):
        compositions.start(store.open(session.id), scenario, 2, "draft", more)
        _finish(compositions, session)
    assert painter.made == [(1, "draft"), (2, "draft"), (3, "draft"), (4, "draft")]  # what is known is not made again
    session = store.open(session.id)
    assert [v["seed"] for v in variants(session)] == [1, 2, 3, 4]
    assert (read_image(frame_file(session, variants(session)[-1]["id"])) == 4).all()
    assert len(variants(session)[0]["boxes"]) == 3


def test_the_first_frame_is_the_one_of_this_scene_and_seed(store: SessionStore, scenario: Scenario) -> None:
    compositions, session = Compositions(Painter(), store), store.open(None)
    assert first_frame_of(session, scenario, compositions.key(scenario)) is None
    compositions.start(session, scenario, 2, "draft")
    _finish(compositions, session)
    session = store.open(session.id)
    now = first_frame_of(session, scenario, compositions.key(scenario))
    assert now is not None and now["seed"] == scenario.rollout.seed and now["fresh"]
    longer = scenario.model_copy(update={"rollout": scenario.rollout.model_copy(update={"seconds": 9.0})})
    assert first_frame_of(session, longer, compositions.key(longer)) == now  # a longer video starts from the same frame
    night = scenario.model_copy(update={"look": scenario.look.model_copy(update={"time_of_day": "night"})})
    newer = Compositions(Painter(), store, weights="trained further")
    for other, key in ((night, compositions.key(night)), (None, None), (scenario, newer.key(scenario))):
        assert (first_frame_of(session, other, key) or {})["fresh"] is False


def test_cancelling_keeps_what_is_finished_and_two_do_not_run_at_once(store: SessionStore, scenario: Scenario) -> None:
    painter, session = Painter(), store.open(None)
    compositions = Compositions(painter, store)
    painter.hold.clear()
    compositions.start(session, scenario, 6, "draft")
    with pytest.raises(InputError, match="still being composed"):
        compositions.start(session, scenario, 1, "draft")
    compositions.cancel(session.id)
    state = _finish(compositions, session)
    assert not state["error"] and not painter.made
    painter.hold.set()
    compositions.start(session, scenario, 1, "draft")
    _finish(compositions, session)
    assert len(variants(store.open(session.id))) == 1


def test_a_failure_is_one_sentence(store: SessionStore, scenario: Scenario) -> None:
    compositions, session = Compositions(Painter(), store), store.open(None)
    compositions.start(session, scenario, 1, "best")
    assert _finish(compositions, session)["error"] == "not composed: autoencoder: the weights are missing"
    for count in (0, 7):
        with pytest.raises(InputError, match="1 to 6"):
            compositions.start(session, scenario, count, "draft")


def test_old_frames_go(store: SessionStore, scenario: Scenario) -> None:
    compositions, session = Compositions(Painter(), store), store.open(None)
    for _ in range(KEPT // 6 + 1):
        compositions.start(store.open(session.id), scenario, 6, "draft", further=True)
        _finish(compositions, session)
    session = store.open(session.id)
    assert [v["seed"] for v in variants(session)] == list(range(7, 7 + KEPT))
    assert len(list((session.folder / "frames").iterdir())) == KEPT
