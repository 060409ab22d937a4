"""Scenarios are found by path, and the shipped ones by name, from any folder."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from drivesim.cli.main import app
from drivesim.config import shipped
from drivesim.scenario.names import find_scenario

GOOD = "name: {}\nlook: {{time_of_day: day, crowdedness: 0}}\n"


def said(*words: str) -> tuple[int, str]:
    """Exit code of a command, and all that it prints."""
    done = CliRunner().invoke(app, list(words))
    return done.exit_code, done.output


def test_a_name_is_a_shipped_scenario_unless_a_file_has_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert find_scenario(Path("night_city")) == shipped("scenarios") / "night_city.yaml"
    assert find_scenario(None) is None
    for other in ("-", "night_city.yaml", "./x/night_city", "nightcity"):
        assert find_scenario(Path(other)) == Path(other)
    (tmp_path / "night_city").mkdir()  # what `drivesim rollout night_city --out night_city` makes
    assert find_scenario(Path("night_city")) == shipped("scenarios") / "night_city.yaml"
    (tmp_path / "highway_day").write_text(GOOD.format("mine"))
    assert find_scenario(Path("highway_day")) == Path("highway_day")


def test_every_command_takes_a_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert said("validate", "night_city", "highway_day") == (0, "2 scenarios valid\n")
    for command in ("rollout", "layout"):
        code, text = said(command, "empty_highway", "--out", "out", "--seconds", "0")
        assert code == 2 and "seconds" in text
    code, text = said("compose", "empty_highway", "--out", "f.png", "--variants", "0")
    assert code == 2 and "--variants 0" in text


@pytest.mark.parametrize("command", ["validate", "rollout --out o", "compose --out o.png", "layout --out o", "evaluate scenarios"])
def test_a_miss_lists_the_names(command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    code, text = said(*command.split(), "night-citty")
    assert code == 2 and 'no shipped scenario of this name (did you mean "night_city"?); shipped are behind_truck, ' in text
    code, text = said(*command.split(), "scenarios/night_city.yaml")
    assert code == 2 and "give the name of the shipped scenario alone: night_city" in text
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("command", ["rollout --out o", "compose --out o.png", "layout --out o"])
def test_a_folder_is_no_scenario(command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (folder := tmp_path / "mine").mkdir()
    assert "this folder holds no *.yaml file; name a scenario file" in said(*command.split(), "mine")[1]
    (folder / "a.yaml").write_text(GOOD.format("a"))
    assert "mine:1:1: is a folder; name a file: mine/a.yaml\n" in said(*command.split(), "mine")[1]
    (folder / "b.yml").write_text(GOOD.format("b"))
    code, text = said(*command.split(), "mine")
    assert code == 2 and "is a folder; name a file: mine/a.yaml or another of its 2 scenarios" in text


def test_python_m_drivesim_and_warnings_on_stderr(tmp_path: Path) -> None:
    vehicles = "vehicles: [{ahead: 20, left: 0, kind: van, heading: 1.5708}]\n"
    (tmp_path / "s.yaml").write_text(GOOD.format("s").replace("0", "2") + vehicles)
    command = [sys.executable, "-m", "drivesim", "validate", "night_city", str(tmp_path / "s.yaml")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "2 scenarios valid\n")
    assert done.stderr == (
        f"{tmp_path}/s.yaml:3:53: warning: heading is in degrees, and 1.5708 looks like radians; if it is, write 90\n"
    )
