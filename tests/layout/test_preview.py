"""Scenarios as layouts through time, and the files that the command writes."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from drivesim.config import InputError
from drivesim.layout.preview.drive import scenario_moments
from drivesim.layout.preview.film import HEIGHT, WIDTH, write_layouts
from drivesim.scenario.file import load_scenario
from drivesim.scenario.sections import PlacedVehicle
from drivesim.video_io import video_info

SCENARIOS = Path(__file__).parents[2] / "scenarios"


@pytest.mark.parametrize("path", sorted(SCENARIOS.glob("*.yaml")), ids=lambda path: path.stem)
def test_every_scenario_begins_as_it_is_placed(path: Path) -> None:
    scenario = load_scenario(path)
    first = next(scenario_moments(scenario, 0, 1, 30.0, scenario.rollout.seed))
    placed = {i: v for i, v in enumerate(scenario.vehicles) if isinstance(v, PlacedVehicle)}
    there = dict(zip(first.vehicles.track.tolist(), first.vehicles.cuboid, strict=True))
    for vehicle_index, vehicle in placed.items():
        if -30 < vehicle.ahead < 300:
            asked = vehicle.placement().cuboid(scenario.road_model())
            np.testing.assert_allclose(there[vehicle_index][:6], asked[:6], atol=0.2)
            assert abs(np.remainder(there[vehicle_index][6] - asked[6] + np.pi, 2 * np.pi) - np.pi) < 0.1


def test_a_future_is_the_same_every_time_and_none_like_another() -> None:
    scenario = load_scenario(SCENARIOS / "highway_day.yaml")
    ends = [list(scenario_moments(scenario, future, 5, 1.0, 1))[-1] for future in (0, 0, 1)]
    assert np.array_equal(ends[0].vehicles.cuboid, ends[1].vehicles.cuboid)
    assert ends[0].vehicles.cuboid.shape != ends[2].vehicles.cuboid.shape or not np.allclose(
        ends[0].vehicles.cuboid, ends[2].vehicles.cuboid, atol=0.1
    )
    assert ends[0].along > 60  # 25 m/s


def test_films_and_tables_are_written(tmp_path: Path) -> None:
    films = write_layouts(SCENARIOS / "highway_day.yaml", tmp_path / "out", seconds=0.5, futures=2)
    assert [film.relative_to(tmp_path).as_posix() for film in films] == [
        f"out/future-0{i}/layout.mp4" for i in range(2)
    ]
    info = video_info(films[1])
    assert (info.frames, info.height, info.width) == (15, HEIGHT, WIDTH)
    with (films[0].parent / "labels.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert {row["kind"] for row in rows if int(row["track"]) < 3} == {"sedan", "suv", "van"}
    assert any(int(row["track"]) >= 3 for row in rows)  # a crowdedness of 4 asks for another one
    assert {int(row["frame"]) for row in rows} == set(range(15))
    assert all(0 <= float(row["x1"]) < float(row["x2"]) <= 1024 for row in rows)


@pytest.mark.parametrize("wish", [{"seconds": -1.0}, {"seconds": float("nan")}, {"futures": 0}, {"only": -1}])
def test_what_cannot_be_is_refused_before_anything_is_written(tmp_path: Path, wish: dict[str, float]) -> None:
    with pytest.raises(InputError):
        write_layouts(SCENARIOS / "highway_day.yaml", tmp_path / "out", **wish)  # type: ignore[arg-type]
    assert not (tmp_path / "out").exists()
