"""Values that are refused come with what mends them; values that are taken but look like others come with a remark."""

from __future__ import annotations

import logging
import math
from pathlib import Path

import numpy as np
import pytest

from drivesim.scenario.advice import crowdedness_remark, photo_remark, radians_remark
from drivesim.scenario.file import load_scenario, parse_scenario
from drivesim.video_io import write_image

BASE = "name: x\nlook: {time_of_day: day, crowdedness: 2}\n"


def message(text: str) -> str:
    """What is said of the only fault of a text."""
    scenario, faults = parse_scenario(text, Path("f.yaml"))
    assert scenario is None
    (fault,) = faults
    return fault.message


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("rollout: {speed: 100}", "from 0 to 33 m/s, not 100; 100 km/h are 27.78 m/s"),
        ("rollout: {speed: 50}", "50 km/h are 13.89 m/s"),
        ("rollout: {speed: 90 km/h}", 'not "90 km/h"; 90 km/h are 25 m/s; write this number alone'),
        ("rollout: {speed: 20 m/s}", "; write the number alone, in m/s"),
        ("rollout: {seconds: 8s}", "from 0.5 to 600 s"),
        ("camera: {field_of_view: 1.0472}", "from 50 to 80 degrees, not 1.0472; 1.0472 radians are 60 degrees"),
        ("camera: {height: 140}", "from 1.2 to 2.2 m"),
        ("road: {curvature: 200}", "a radius of 200 m is a curvature of 0.005"),
        ("vehicles: [{ahead: 20, left: 0, kind: van, heading: 270}]", "degrees, not 270; 270 is the same as -90"),
        ("rollout: {seed: 1_000}", 'not "1_000"; write 1000'),
        ("rollout: {seconds: '8,5'}", "; write 8.5"),
        ("rollout: {seed: '7'}", "; remove the quotes"),
        ("rollout: {seed: 0x10}", "; write 16"),
        ("rollout: {seed: 1e3}", "; write 1000"),
    ],
)
def test_numbers_are_mended(line: str, words: str) -> None:
    assert words in message(BASE + line + "\n")


@pytest.mark.parametrize("name", ["2024", "true", "007", "0"])
def test_names_that_yaml_takes_for_something_else(name: str) -> None:
    assert '; put it in quotes: "' in message(BASE.replace("name: x", f"name: {name}"))
    assert parse_scenario(BASE.replace("name: x", f'name: "{name}"'), Path("f.yaml"))[0]


@pytest.mark.parametrize("degrees", [15, 30, 45, 60, 90, 135, 180, -90, -180])
@pytest.mark.parametrize("digits", [3, 5])
def test_headings_that_look_like_radians(degrees: int, digits: int) -> None:
    remark = radians_remark(round(math.radians(degrees), digits))
    assert remark is not None and remark.endswith(f"if it is, write {degrees}")


@pytest.mark.parametrize("heading", [0.0, 1.0, 3.0, -2.5, 0.1, 0.02, 5.25, 6.9, 90.0, 47.1239])
def test_headings_that_do_not(heading: float) -> None:
    assert radians_remark(heading) is None


@pytest.mark.parametrize(("size", "words"), [((800, 600), "600x300"), ((600, 800), "800x400"), ((300, 2000), "left and right")])
def test_photos_of_which_much_is_cut_off(size: tuple[int, int], words: str) -> None:
    remark = photo_remark(*size)
    assert remark is not None and words in remark and "crop it to 2:1" in remark
    assert photo_remark(1080, 1920) is None and photo_remark(512, 1024) is None


def test_a_road_that_cannot_be_so_full() -> None:
    remark = crowdedness_remark(20, 3)
    assert remark is not None and remark.endswith("; 12 is about as full")
    assert crowdedness_remark(12, 0) is None and crowdedness_remark(20, 20) is None
    several = crowdedness_remark(20, 15)
    assert several is not None and several.endswith("; 15 is about as full")


def test_remarks_are_logged_with_their_place_and_refuse_nothing(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    write_image(tmp_path / "p.png", np.zeros((80, 60, 3), np.uint8))
    file = tmp_path / "s.yaml"
    file.write_text(BASE.replace("2", "20") + "photo: p.png\nvehicles:\n  - {ahead: 20, left: 0, kind: sedan, heading: 3.14159}\n")
    with caplog.at_level(logging.WARNING):
        load_scenario(file)
    crowded, first, second = sorted(record.getMessage() for record in caplog.records)
    assert crowded.startswith(f"{file}:2:39: warning: crowdedness is 20, but no more than 10 to 16 vehicles find room")
    assert first.startswith(f"{file}:3:8: warning: the photo of 60x80 px is higher than wide: its middle 60x30 is")
    assert second.startswith(f"{file}:5:48: warning: heading is in degrees, and 3.14159 looks like radians")
