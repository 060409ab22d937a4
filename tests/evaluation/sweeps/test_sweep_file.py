"""What a file says of a sweep, and what is wrong with it."""

from __future__ import annotations

from pathlib import Path

import pytest
from tiny_cascade import SCENARIO
from toy_sweep import SWEEP, write_sweep

from drivesim.config import InputError
from drivesim.evaluation.sweeps.sweep_file import MAX_RUNS, read_sweep
from drivesim.evaluation.sweeps.sweep_runs import plan_runs

CUTTER = """\
name: cutter
look: {time_of_day: day, crowdedness: 2}
road: {lanes: 3, ego_lane: 2}
vehicles:
  - {name: cutter, ahead: 14, left: 3.7, kind: van, speed: 20, actions: [{action: lane_change, by: -1, when: {time: 1}}]}
"""


def read(tmp_path: Path, sweep: str, scenario: str = SCENARIO) -> str:
    """What is wrong with a sweep, its file left out."""
    with pytest.raises(InputError) as error:
        plan_runs(read_sweep(write_sweep(tmp_path, f"{scenario}{sweep}")))
    assert len(str(error.value).splitlines()) == 1
    return str(error.value)


def test_a_grid_has_every_combination(tmp_path: Path) -> None:
    runs = plan_runs(read_sweep(write_sweep(tmp_path, SWEEP + "  seeds: [3, 4]\n")))
    assert [run.name for run in runs] == [f"run-{number:04d}" for number in range(8)]
    assert runs[0].parameters == {"look.time_of_day": "day", "vehicles.0.ahead": 14.0, "rollout.seed": 3}
    assert runs[7].parameters == {"look.time_of_day": "night", "vehicles.0.ahead": 20.0, "rollout.seed": 4}
    last = runs[7].scenario
    assert last and (last.look.time_of_day, last.vehicles[0].ahead, last.rollout.seed) == ("night", 20.0, 4)  # type: ignore[union-attr]
    assert last.rollout.seconds == 3 and len({run.digest for run in runs}) == 8


def test_any_field_is_reached(tmp_path: Path) -> None:
    """Vehicles by name or number, actions by number, and groups that the file does not have."""
    text = CUTTER + """\
sweep:
  samples: 3
  fields:
    vehicles.cutter.actions.0.when.time: {uniform: [0.5, 2]}
    vehicles[0].paint: [red, blue]
    ego.speed: {normal: [20, 1]}
    look.crowdedness: {from: 1, to: 3}
    camera.height: {log_uniform: [1.3, 2]}
"""
    sweep = read_sweep(write_sweep(tmp_path, text))
    runs = plan_runs(sweep)
    for run in runs:
        assert run.scenario is not None, run.fault
        when = run.scenario.vehicles[0].actions[0].when  # type: ignore[union-attr]
        assert when is not None and when.time == run.parameters["vehicles.cutter.actions.0.when.time"]
        assert run.scenario.ego.speed == run.parameters["ego.speed"] and type(run.parameters["look.crowdedness"]) is int
    more = read_sweep(write_sweep(tmp_path, text.replace("samples: 3", "samples: 5")))
    assert [more.parameters(number) for number in range(3)] == [run.parameters for run in runs], "more samples keep the first"
    other = read_sweep(write_sweep(tmp_path, text.replace("samples: 3", "samples: 3\n  sample_seed: 1")))
    assert other.parameters(0) != runs[0].parameters


def test_whole_fields_stay_whole(tmp_path: Path) -> None:
    sweep = read_sweep(write_sweep(tmp_path, SCENARIO + "sweep: {fields: {look.crowdedness: {from: 0, to: 3, steps: 7}}}\n"))
    assert [sweep.parameters(number)["look.crowdedness"] for number in range(sweep.count)] == [0, 1, 2, 3], "each once"


def test_a_run_that_makes_no_scenario_does_not_stop_the_others(tmp_path: Path) -> None:
    runs = plan_runs(read_sweep(write_sweep(tmp_path, SCENARIO + "sweep: {fields: {vehicles.0.ahead: [14, 900]}}\n")))
    assert runs[0].scenario is not None
    assert runs[1].scenario is None and runs[1].fault.startswith("vehicles.0.ahead: ahead must be a number from -300 to 300")


@pytest.mark.parametrize(
    ("sweep", "words"),
    [
        ("", 'has no "sweep"'),
        ("sweep: {}\n", "nothing varies, which makes 0 runs"),
        ("sweep: 3\n", "sweep must be a group of keys"),
        ("sweep: {fields: {ego.spede: [1]}}\n", '"ego" has no "spede" (did you mean "speed"?)'),
        ("sweep: {fields: {egos.speed: [1]}}\n", 'a scenario has no "egos" (did you mean "ego"?)'),
        ("sweep: {fields: {vehicles.1.ahead: [1]}}\n", 'vehicles has no "1"; there is 0'),
        ("sweep: {fields: {name: [a, b]}}\n", "no field that can be swept"),
        ("sweep: {fields: {ego.speed.fast: [1]}}\n", "has no fields within it"),
        ("sweep: {fields: {ego.speed: {from: 20, to: 10, steps: 3}}}\n", "20 is above 10; give the smaller number first"),
        ("sweep: {fields: {ego.speed: {uniform: [20, 10]}}}\n", "20 is above 10"),
        ("sweep: {fields: {ego.speed: {from: 10, to: 20}}}\n", "needs its steps"),
        ("sweep: {fields: {ego.speed: {uniform: [10, 20]}}}\n", "give samples"),
        ("sweep: {fields: {ego.speed: []}}\n", "which makes 0 runs"),
        ("sweep: {fields: {ego.speed: 12}}\n", "give a list such as"),
        ("sweep: {fields: {ego.speed: [1]}, samples: 0}\n", "samples must be a whole number from 1"),
        ("sweep: {fields: {ego.speed: [1]}, seeds: []}\n", "which makes 0 runs"),
        ("sweep: {fields: {ego.speed: [1]}, seeds: [-1]}\n", "seeds must be a list of whole numbers"),
        ("sweep: {fields: {rollout.seed: [1]}, seeds: [2]}\n", "the seed is given twice"),
        ("sweep: {fields: {ego: [{}], ego.speed: [2]}}\n", "are the same field, or one is within the other"),
        ("sweep: {fields: {ego.speed: [1], ego.actions: [[]]}, seeds: [1], seed: 2}\n", 'unknown key "seed"'),
        ("sweep: {fields: {ego.speed: {from: 0, to: 30, steps: 200}, camera.height: {from: 1.2, to: 2, steps: 51}}}\n",
         f"10200 runs are more than {MAX_RUNS}"),
        ("sweep: {fields: {ego.speed: [99, 100]}}\n", "none of the 2 runs makes a scenario; run-0000: ego.speed: speed must be"),
    ],
)  # fmt: skip
def test_faults_are_one_sentence(tmp_path: Path, sweep: str, words: str) -> None:
    assert words in read(tmp_path, sweep)


def test_faults_have_their_place(tmp_path: Path) -> None:
    assert read(tmp_path, "sweep:\n  fields:\n    ego.spede: [1]\n").startswith(f"{tmp_path / 'sweep.yaml'}:8:5: ")
    assert "tiny.yaml" not in read(tmp_path, "sweep: {fields: {ego.speed: [1]}}\n", SCENARIO.replace("day", "dya"))
