from __future__ import annotations

import importlib.util
import socket
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from drivesim.cli.main import app
from drivesim.config import InputError


def test_without_gradio_the_exact_command_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *a: None if name == "gradio" else find(name, *a))
    result = CliRunner().invoke(app, ["edit"])
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == "the editor needs gradio; install with: pip install 'drivesim[editor]'\n"


def test_options_reach_the_editor(monkeypatch: pytest.MonkeyPatch) -> None:
    import scenario_editor.app

    calls: list[Any] = []
    monkeypatch.setattr(scenario_editor.app, "launch", lambda *args, **options: calls.append((args, options)))
    assert CliRunner().invoke(app, ["edit"]).exit_code == 0
    options = ["--port", "7000", "--checkpoints", "weights", "--no-browser"]
    assert CliRunner().invoke(app, ["edit", "a.yaml", *options]).exit_code == 0
    assert calls == [
        ((None, 7860, None), {"browser": True}),
        ((Path("a.yaml"), 7000, Path("weights")), {"browser": False}),
    ]


def test_a_scenario_with_faults_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("name: a\nlook: {time_of_day: noon, crowdedness: 0}\n")
    result = CliRunner().invoke(app, ["edit", str(tmp_path / "a.yaml"), "--no-browser"])
    assert result.exit_code == 2 and "a.yaml:2:21: time_of_day must be day or night" in result.stderr


def test_a_port_in_use_is_a_users_error() -> None:
    from scenario_editor.app import launch

    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(InputError, match="give another one"):
        launch(port=taken.getsockname()[1], browser=False)
