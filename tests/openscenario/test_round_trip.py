"""Scenarios that are written as OpenSCENARIO and read again are the same."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest
from tiny_rollout import drivesim

from drivesim.api.scenarios import build_scenario
from drivesim.config import InputError
from drivesim.openscenario.read_scenario import read_openscenario
from drivesim.openscenario.write_scenario import write_openscenario
from drivesim.scenario.file import load_scenario
from drivesim.scenario.scenario import Scenario

SHIPPED = sorted((Path(__file__).parents[2] / "scenarios").glob("*.yaml"))


def again(scenario: Scenario, folder: Path) -> Scenario:
    return read_openscenario(write_openscenario(scenario, folder)[0])


@pytest.mark.parametrize("file", SHIPPED, ids=lambda file: file.stem)
def test_every_shipped_scenario_comes_back_the_same(file: Path, tmp_path: Path) -> None:
    scenario = load_scenario(file)
    assert again(scenario, tmp_path) == scenario


def random_values(rng: random.Random) -> dict[str, Any]:
    """Numbers with all the digits that there are, and each action and trigger."""
    timings: list[dict[str, Any]] = [{"seconds": rng.uniform(1, 5)}, {"rate": rng.uniform(1, 5)}]
    speeds: list[dict[str, Any]] = [
        {"action": "stop", **rng.choice(timings)},
        {"action": "speed", "target": rng.uniform(0, 30), "dynamics": rng.choice(["linear", "sinusoidal"]), **rng.choice(timings)},
        {"action": "speed", "target": 0, "dynamics": "step"},
    ]
    sideways: list[dict[str, Any]] = [
        {"action": "lane_change", "lane": 2, "seconds": rng.uniform(1, 5)},
        {"action": "lane_change", "by": -1},
        {"action": "follow_waypoints", "waypoints": [[60.125, 0.1], [90, -0.5], [123.456, -3.3]]},
    ]
    whens: list[dict[str, Any] | None] = [
        None, {"time": 0}, {"time": rng.uniform(0, 5)}, {"distance": rng.uniform(5, 9)},
        {"time_to_collision": rng.uniform(1, 3), "to": rng.choice(["ego", "other"])}, {"distance": 7, "to": "ego"},
    ]  # fmt: skip
    script = [{**rng.choice(kind), "when": rng.choice(whens)} for kind in (speeds, sideways) if rng.random() < 0.8]
    script = [{key: value for key, value in action.items() if value is not None} for action in script]
    return {
        "name": "random",
        "look": {"time_of_day": rng.choice(["day", "night"]), "crowdedness": 2},
        "road": {"setting": rng.choice(["highway", "city"]), "lanes": 3, "ego_lane": 2, "curvature": rng.uniform(-0.002, 0.002)},
        "camera": {"height": rng.uniform(1.3, 2), "pitch": rng.uniform(-2, 2), "field_of_view": rng.uniform(55, 75)},
        "ego": {"speed": rng.uniform(5, 30)},
        "vehicles": [
            {"name": "cutter", "ahead": rng.uniform(30, 45), "left": 0, "kind": "van", "speed": rng.uniform(9, 20),
             "actions": script},
            {"name": "other", "ahead": rng.uniform(60, 70), "left": rng.uniform(3.2, 3.6), "heading": rng.uniform(-3, 3),
             "kind": "suv"},
        ],
        "traffic": rng.choice(["simulated", "scripted"]),
        "rollout": {"seconds": rng.uniform(2, 9), "fps": 7.5, "futures": rng.randint(1, 5), "seed": rng.randint(0, 2**32 - 1)},
        "guidance": {"boxes": rng.uniform(1, 3)},
    }  # fmt: skip


def test_random_scenarios_come_back_to_the_last_digit(tmp_path: Path) -> None:
    rng, tried = random.Random(0), 0
    for number in range(60):
        try:
            scenario = build_scenario(**random_values(rng))
        except InputError:
            continue  # an action that has no effect, and the like
        tried += 1
        assert again(scenario, tmp_path / str(number)) == scenario
    assert tried > 20


def test_commands_go_there_and_back(tmp_path: Path) -> None:
    code, text = drivesim("export", "openscenario", "cut_in", "--out", tmp_path / "open")
    assert code == 0 and text.splitlines() == [f"wrote {tmp_path / 'open' / name}" for name in ("cut_in.xosc", "cut_in.xodr")]
    code, text = drivesim("import", "openscenario", tmp_path / "open" / "cut_in.xosc", "--out", tmp_path / "back.yaml")
    assert code == 0 and "cut_in, 3 vehicles" in text
    assert load_scenario(tmp_path / "back.yaml") == load_scenario(next(file for file in SHIPPED if file.stem == "cut_in"))
    code, text = drivesim("export", "openscenario", "cut_in", "--out", tmp_path / "open")
    assert code == 2 and "nothing is overwritten" in text
    code, text = drivesim("export", "openscenario", "cut_in", "--out", tmp_path / "new", "--stride", "2")
    assert code == 2 and "which has no frames" in text and not (tmp_path / "new").exists()
    code, text = drivesim("import", "openscenario", tmp_path / "open" / "cut_in.xosc", "--out", tmp_path / "back.yaml")
    assert code == 2 and "nothing is overwritten" in text


def test_a_photo_is_found_from_both_files(tmp_path: Path) -> None:
    import numpy as np

    from drivesim.video_io import write_image

    write_image(tmp_path / "photo.png", np.zeros((64, 128, 3), np.uint8))
    scenario = build_scenario(name="photo", look={"time_of_day": "day", "crowdedness": 0}, photo=tmp_path / "photo.png")
    assert again(scenario, tmp_path / "open").photo == scenario.photo
    assert 'value="../photo.png"' in (tmp_path / "open" / "photo.xosc").read_text()
