from __future__ import annotations

import importlib.util
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest
from typer.testing import CliRunner

from drivesim.cli.main import app
from drivesim.config import InputError


def test_without_gradio_the_exact_command_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *a: None if name == "gradio" else find(name, *a))
    result = CliRunner().invoke(app, ["edit"])
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == "the editor needs gradio; install with: pip install '.[editor]' in the clone\n"


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The calls of `launch`, which does nothing else."""
    import scenario_editor.app

    calls: list[Any] = []
    monkeypatch.setattr(scenario_editor.app, "launch", lambda *args, **options: calls.append((args, options)))
    return calls


def test_options_reach_the_editor(calls: list[Any]) -> None:
    assert CliRunner().invoke(app, ["edit"]).exit_code == 0
    options = ["--port", "7000", "--checkpoints", "weights", "--no-browser", "--host", "::1", "--state", "kept"]
    assert CliRunner().invoke(app, ["edit", "a.yaml", *options]).exit_code == 0
    assert calls == [
        ((None, 7860, None), {"browser": True, "host": "127.0.0.1", "state": None}),
        ((Path("a.yaml"), 7000, Path("weights")), {"browser": False, "host": "::1", "state": Path("kept")}),
    ]


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1"])
def test_a_host_that_others_reach_is_warned_of(calls: list[Any], host: str, tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["edit", str(tmp_path / "a.yaml"), "--host", host])
    assert result.exit_code == 0 and len(calls) == 1
    assert f"WARNING: --host {host}: whoever reaches this machine can use the editor" in result.stderr
    assert f"scenarios in {tmp_path}. " in result.stderr and "ssh -L 7860:127.0.0.1:7860" in result.stderr


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1", "127.0.0.2"])
def test_a_host_of_this_machine_alone_is_not(calls: list[Any], host: str) -> None:
    result = CliRunner().invoke(app, ["edit", "--host", host])
    assert (result.exit_code, result.stderr, len(calls)) == (0, "", 1)


PORTS, HOSTS = ("0", "65536", "x", "٣", "", "9" * 5000), ("no.such.invalid", "a" * 70)


@pytest.mark.parametrize("option", [*(("--port", port) for port in PORTS), *(("--host", host) for host in HOSTS)])
def test_mistakes_are_told_in_one_sentence(calls: list[Any], option: tuple[str, str]) -> None:
    result = CliRunner().invoke(app, ["edit", *option])
    assert result.exit_code == 2 and not calls
    assert result.stderr.startswith(" ".join(option).strip()) and result.stderr.count("\n") == 1


def test_the_module_is_the_command() -> None:
    root = Path(__file__).parents[2]
    command = [sys.executable, "-m", "apps.scenario_editor", "--port", "none"]
    result = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr == "--port none: must be a whole number from 1 to 65535\n"


def test_a_scenario_with_faults_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("name: a\nlook: {time_of_day: noon, crowdedness: 0}\n")
    result = CliRunner().invoke(app, ["edit", str(tmp_path / "a.yaml"), "--no-browser"])
    assert result.exit_code == 2 and "a.yaml:2:21: time_of_day must be day or night" in result.stderr


def test_a_shipped_scenario_is_opened_by_name_and_saved_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from scenario_editor.app import editor
    from scenario_editor.first_frames.composer import Composer
    from scenario_editor.jobs.queue import Queue

    monkeypatch.chdir(tmp_path)
    handler = editor(Path("night_city"), Composer(), Queue(tmp_path / "jobs"), tmp_path / "state")
    session = handler.store.open(None)
    assert session.name is None and "name: night_city" in session.text and handler.workspace.folder == tmp_path
    with pytest.raises(InputError, match='did you mean "night_city"'):
        editor(Path("night_citty"), Composer(), Queue(tmp_path / "jobs"), tmp_path / "state")


def test_a_port_in_use_is_a_users_error(tmp_path: Path) -> None:
    from scenario_editor.app import launch

    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(InputError, match="give another one"):
        launch(port=taken.getsockname()[1], browser=False, state=tmp_path)
    with pytest.raises(InputError, match="--host 192.0.2.1 --port 7860: cannot be used"):
        launch(browser=False, host="192.0.2.1", state=tmp_path)


def test_the_editor_ends_in_order_when_it_is_terminated(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = str(free.getsockname()[1])
    command = [sys.executable, "-m", "drivesim.cli.main", "edit", "--port", port, "--no-browser", "--state", str(tmp_path)]
    paths = [str(Path(__file__).parents[2] / "apps"), os.environ.get("PYTHONPATH", "")]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(paths)}
    server = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)
    try:
        assert server.stdout is not None
        assert f"runs at http://127.0.0.1:{port}/ until" in server.stdout.readline()
        with urlopen(f"http://127.0.0.1:{port}/static/main.js") as answer:
            assert answer.status == 200
    finally:
        server.terminate()
        output, errors = server.communicate(timeout=60)
    assert server.returncode == 0 and "The editor has ended" in output and "Traceback" not in errors
