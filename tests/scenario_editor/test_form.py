from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scenario_editor.form import FIELDS, Form, check, save

from drivesim.config import InputError, shipped
from drivesim.scene.scenario_file import load_scenario, scenario_files
from drivesim.video_io import write_image

SCENARIOS = scenario_files([shipped("scenarios")])


def _with(form: Form, key: str, value: Any) -> Form:
    entries = [value if field.key == key else entry for field, entry in zip(FIELDS, form.entries, strict=True)]
    return replace(form, entries=tuple(entries))


@pytest.fixture
def form() -> Form:
    return Form.of(load_scenario(shipped("scenarios") / "highway_day.yaml"))


@pytest.mark.parametrize("path", SCENARIOS, ids=lambda path: path.stem)
def test_a_form_filled_in_and_saved_is_the_same_scenario(path: Path, tmp_path: Path) -> None:
    scenario = load_scenario(path)
    text = Form.of(scenario).text(scenario.vehicles, tmp_path / path.name)
    save(text, tmp_path / path.name, replace=False)
    assert load_scenario(tmp_path / path.name) == scenario


def test_a_photo_is_written_relative_to_the_file(form: Form, tmp_path: Path) -> None:
    write_image(tmp_path / "road.png", np.zeros((64, 128, 3), np.uint8))
    (tmp_path / "deep").mkdir()
    text = replace(form, photo=str(tmp_path / "road.png")).text((), tmp_path / "deep" / "a.yaml")
    assert "photo: ../road.png" in text
    scenario, _ = check(text, tmp_path / "deep" / "a.yaml")
    assert scenario is not None and scenario.photo == tmp_path / "road.png"


def test_the_noise_of_a_slider_is_not_written(form: Form) -> None:
    text = _with(_with(form, "height", 1.4000000000000001), "pitch", 2.0).text((), Path("a.yaml"))
    assert "height: 1.4\n" in text and "pitch: 2\n" in text


def test_every_fault_is_reported_with_its_line(form: Form) -> None:
    text = _with(_with(form, "seconds", None), "lanes", 9).text((), Path("a.yaml"))
    scenario, report = check(text, Path("a.yaml"))
    lines = text.splitlines()
    assert scenario is None
    assert report.splitlines() == [
        f"line {lines.index('  lanes: 9') + 1}: lanes must be a whole number from 1 to 5, not 9",
        f"line {lines.index('  seconds: null') + 1}: seconds must be a number from 0.5 to 600, not nothing",
    ]


def test_there_is_no_geometry_while_road_or_camera_are_wrong(form: Form) -> None:
    assert form.geometry() is not None
    assert _with(form, "field_of_view", None).geometry() is None
    assert _with(form, "seconds", None).geometry() is not None


def test_a_file_is_never_replaced_unasked_nor_written_with_faults(form: Form, tmp_path: Path) -> None:
    path, text = tmp_path / "a.yaml", form.text((), tmp_path / "a.yaml")
    with pytest.raises(InputError, match="mend the faults"):
        save(_with(form, "lanes", 9).text((), path), path, replace=True)
    save(text, path, replace=False)
    other = replace(form, name="other").text((), path)
    with pytest.raises(InputError, match="there already"):
        save(other, path, replace=False)
    assert path.read_text() == text
    save(other, path, replace=True)
    assert path.read_text() == other
    with pytest.raises(InputError, match="ends in .yaml"):
        save(text, tmp_path / "a", replace=False)
    with pytest.raises(InputError, match="choose a folder"):
        save(text, tmp_path / "nowhere" / "a.yaml", replace=False)
    assert [file.name for file in tmp_path.iterdir()] == ["a.yaml"]
