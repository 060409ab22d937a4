from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from drivesim import __version__
from drivesim.cli.main import app
from drivesim.config import InputError

GOOD = "name: {name}\nlook: {{time_of_day: day, crowdedness: 0}}\n"
HEAVY = {"torch", "gradio", "numpy", "cv2", "shapely", "h5py", "pydantic", "av"}
ROOT = Path(__file__).parents[2]


def test_valid_files_are_counted(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / f"{name}.yaml").write_text(GOOD.format(name=name))
    result = CliRunner().invoke(app, ["validate", str(tmp_path)])
    assert (result.exit_code, result.stdout, result.stderr) == (0, "2 scenarios valid\n", "")
    assert CliRunner().invoke(app, ["validate", str(tmp_path / "a.yaml")]).stdout == "1 scenario valid\n"


def test_every_fault_of_every_file_on_stderr_and_exit_code_2(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("name: a\nlook: {time_of_day: noon, crowdedness: x}\n")
    (tmp_path / "b.yaml").write_text(GOOD.format(name="b") + "raod: {}\n")
    (tmp_path / "c.yaml").write_text(GOOD.format(name="c"))
    result = CliRunner().invoke(app, ["validate", str(tmp_path)])
    assert (result.exit_code, result.stdout) == (2, "")
    lines = result.stderr.splitlines()
    assert [line.split(": ")[0].removeprefix(f"{tmp_path}/") for line in lines[:3]] == [
        "a.yaml:2:21",
        "a.yaml:2:40",
        "b.yaml:3:1",
    ]
    assert lines[2].endswith('unknown key "raod" (did you mean "road"?)')
    assert lines[3:] == ["3 errors in 2 of 3 files"]


def test_the_schema_is_json() -> None:
    result = CliRunner().invoke(app, ["validate", "--schema"])
    assert result.exit_code == 0
    assert json.loads(result.stdout)["required"] == ["name", "look"]


def test_nothing_to_do_is_a_usage_error() -> None:
    assert CliRunner().invoke(app, ["validate"]).exit_code == 2


def test_version() -> None:
    assert CliRunner().invoke(app, ["--version"]).stdout == f"drivesim {__version__}\n"


@pytest.mark.parametrize(
    ("error", "code", "line"),
    [(InputError("x.yaml: mend it"), 2, "x.yaml: mend it"), (KeyboardInterrupt(), 130, "interrupted")],
)
def test_errors_of_a_command_become_a_line_and_an_exit_code(error: BaseException, code: int, line: str) -> None:
    from drivesim.cli.main import _Commands

    failing = typer.Typer(cls=_Commands)

    @failing.command()
    def fail() -> None:
        raise error

    @failing.command()
    def other() -> None: ...

    result = CliRunner().invoke(failing, ["fail"])
    assert (result.exit_code, result.stderr) == (code, line + "\n")


def test_help_is_fast_and_imports_nothing_heavy() -> None:
    program = (
        "import sys; from drivesim.cli.main import main\n"
        "sys.argv = ['drivesim', '--help']\n"
        "try: main()\nexcept SystemExit as end: assert not end.code\n"
        f"print('heavy:', sorted({HEAVY} & set(sys.modules)))"
    )
    times = []
    for _ in range(3):  # the best of three: other tests may keep the cores busy
        start = time.perf_counter()
        done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT, check=True)
        times.append(time.perf_counter() - start)
        assert done.stdout.endswith("heavy: []\n"), done.stdout
        assert "validate" in done.stdout
    assert min(times) < 1.0


def test_scenario_modules_are_light() -> None:
    program = "import sys, drivesim.scene.scenario_file; assert not {'torch', 'h5py', 'av'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=True)


def test_control_c_ends_with_130() -> None:
    program = (
        "import time, typer; from drivesim.cli.main import app, main\n"
        "@app.command()\n"
        "def sleep():\n  print('asleep', flush=True); time.sleep(60)\n"
        "import sys; sys.argv = ['drivesim', 'sleep']; main()"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "asleep\n"
    os.kill(process.pid, signal.SIGINT)
    _, stderr = process.communicate(timeout=20)
    assert (process.returncode, stderr) == (130, "interrupted\n")
