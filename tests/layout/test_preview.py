"""Scenarios as layouts through time, and the files that the command writes."""

from __future__ import annotations

import csv
from dataclasses import fields
from operator import itemgetter
from pathlib import Path

import numpy as np
import pytest

from drivesim.config import InputError
from drivesim.layout.preview.drive import scenario_moments, scenario_roadside
from drivesim.layout.preview.film import HEIGHT, WIDTH, write_layouts
from drivesim.layout.raster import layout_maps
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


@pytest.mark.parametrize("name", ["highway_day", "night_city"])
def test_all_futures_have_the_same_layout_of_the_first_frame(name: str) -> None:
    scenario = load_scenario(SCENARIOS / f"{name}.yaml")
    one, other = (layout_maps(next(scenario_moments(scenario, future, 1, 30.0, 1)), 128, 256) for future in (0, 5))
    for field in fields(one):
        np.testing.assert_array_equal(getattr(one, field.name), getattr(other, field.name))
    assert (one.track >= 0).any()


def test_roadsides_of_futures_part_where_the_first_frame_shows_nothing_yet() -> None:
    scenario = load_scenario(SCENARIOS / "empty_highway.yaml")
    moments = [list(scenario_moments(scenario, future, 17, 1.0, 1)) for future in (0, 0, 1)]
    parts = [[at(one).solids.place for one in moments] for at in (itemgetter(0), itemgetter(16))]
    for first, again, _ in parts:
        np.testing.assert_array_equal(first, again)
    np.testing.assert_array_equal(parts[0][0], parts[0][2])
    assert parts[1][0].shape != parts[1][2].shape
    common = scenario_roadside(scenario, 1, 0).common
    assert 400.0 == common < moments[0][16].along


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
