from __future__ import annotations

import json
import os
import re
import resource
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml
from typer.testing import CliRunner

from drivesim import __version__
from drivesim.cli.main import app
from drivesim.config import InputError, shipped
from drivesim.scenario.file import parse_scenario

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


def _fits(schema: dict[str, Any], value: Any, root: dict[str, Any]) -> bool:
    """Whether `value` is valid by the part of JSON Schema 2020-12 that the scenario schema uses; KeyError for other parts."""
    types = {"string": str, "integer": int, "number": int | float, "object": dict, "array": list, "null": type(None)}

    def holds(word: str, asked: Any) -> bool:
        match word:
            case "$ref":
                return _fits(root["$defs"][asked.removeprefix("#/$defs/")], value, root)
            case "type":
                kinds = [types[kind] for kind in ([asked] if isinstance(asked, str) else asked)]
                return any(isinstance(value, kind) for kind in kinds) and not isinstance(value, bool)
            case "enum" | "const":
                return value in asked if word == "enum" else value == asked
            case "pattern":
                return re.search(asked, value) is not None
            case "exclusiveMinimum":
                return value > asked
            case "minimum" | "maximum":
                return value >= asked if word == "minimum" else value <= asked
            case "maxLength":
                return len(value) <= asked
            case "minItems" | "maxItems":
                return not isinstance(value, list) or (len(value) >= asked if word == "minItems" else len(value) <= asked)
            case "items":
                return not isinstance(value, list) or all(_fits(asked, item, root) for item in value)
            case "required":
                return set(asked) <= set(value)
            case "properties":
                return all(_fits(asked[key], value[key], root) for key in set(asked) & set(value))
            case "additionalProperties":
                return asked is False and set(value) <= set(schema["properties"])
            case "oneOf" | "anyOf":
                fitting = sum(_fits(choice, value, root) for choice in asked)
                return fitting == 1 if word == "oneOf" else fitting > 0
        annotations = ("title", "deprecated", "description", "default", "$defs", "$schema", "format")
        return dict.fromkeys(annotations, True)[word]

    # "type" first: the other words take it for granted
    return all(holds(word, asked) for word, asked in sorted(schema.items(), key=lambda item: item[0] != "type"))


def test_the_schema_says_the_same_as_the_check() -> None:
    schema = json.loads(CliRunner().invoke(app, ["validate", "--schema"]).stdout)
    base = {"name": "a", "look": {"time_of_day": "day", "crowdedness": 9}}
    car, box = {"ahead": 20, "left": 0, "kind": "van"}, {"box": [1, 2, 30, 40], "kind": "bus", "heading": 9}
    good = [yaml.safe_load(path.read_text()) for path in shipped("scenarios").glob("*.yaml")]
    good += [base, base | {"vehicles": [car, box]}, base | {"rollout": {"seconds": 600, "fps": 7.5}}]
    stop = {"action": "stop", "rate": 3, "when": {"distance": 9}}
    good += [base | {"ego": {"speed": 9}, "traffic": "free"}, base | {"rollout": {"speed": 9}}]
    good += [base | {"vehicles": [car | {"name": "b", "paint": "red", "speed": 8, "actions": [stop]}]}]
    good += [base | {key: None} for key in ("road", "camera", "ego", "vehicles", "traffic", "photo", "rollout", "guidance")]
    wrong = [
        {}, [], {"name": "a"}, base | {"name": "A b"}, base | {"name": "x" * 65}, base | {"lanes": 2},
        base | {"look": None}, base | {"name": None},
        base | {"look": {"time_of_day": "dusk", "crowdedness": 1}}, base | {"look": {"time_of_day": "day", "crowdedness": 25}},
        base | {"camera": {"height": "1.4"}}, base | {"camera": {"pitch": -9}}, base | {"rollout": {"fps": 15}},
        base | {"rollout": {"futures": 0}}, base | {"rollout": {"seed": 2**32}}, base | {"rollout": {"seconds": 1e9}},
        base | {"guidance": {"boxes": True}}, base | {"vehicles": {}}, base | {"vehicles": [car] * 25},
        base | {"vehicles": [car | box]}, base | {"vehicles": [{"ahead": 9, "kind": "van"}]}, base | {"photo": 3},
        base | {"traffic": "some"}, base | {"ego": {"speed": 40}}, base | {"rollout": {"speed": -1}},
        base | {"vehicles": [car | {"actions": [stop | {"rate": 0}]}]},
        base | {"vehicles": [car | {"actions": [{"action": "fly"}]}]},
        base | {"vehicles": [car | {"actions": [stop | {"when": {"hour": 3}}]}]}, base | {"vehicles": [box | {"paint": "red"}]},
        base | {"vehicles": [box | {"box": [1, 2, 3]}]}, base | {"vehicles": [car | {"kind": "tram"}]},
    ]  # fmt: skip
    for values in good:
        assert _fits(schema, values, schema) and parse_scenario(json.dumps(values), Path("f"))[0], values
    for values in wrong:
        assert not _fits(schema, values, schema) and not parse_scenario(json.dumps(values), Path("f"))[0], values


def test_a_scenario_comes_from_a_pipe() -> None:
    command = [sys.executable, "-m", "drivesim.cli.main", "validate", "-"]
    text = GOOD.format(name="a")
    done = subprocess.run(command, input=text, capture_output=True, text=True, cwd=ROOT)
    assert (done.returncode, done.stdout, done.stderr) == (0, "1 scenario valid\n", "")
    done = subprocess.run(command, input=text + "lanse: 3", capture_output=True, text=True, cwd=ROOT)
    assert (done.returncode, done.stderr.splitlines()[0].split(": ")[0]) == (2, "/dev/stdin:3:1")


def test_a_crash_that_the_script_forces_is_a_warning(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    vehicle = "{ahead: 44.7, left: 0, kind: sedan, speed: 10}"
    text = GOOD.format(name="a").replace("0", "1") + "ego: {speed: 20}\ntraffic: scripted\n"
    path.write_text(text + f"vehicles: [{vehicle}]\n")
    command = [sys.executable, "-m", "drivesim.cli.main", "validate", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    warning = f"{path}:5:41: warning: ego and vehicle 1 (sedan) crash into each other at 4.1 s, as the script has it\n"
    assert (done.returncode, done.stdout, done.stderr) == (0, "1 scenario valid\n", warning)


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
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert done.stdout.endswith("heavy: []\n"), done.stdout
    assert "validate" in done.stdout
    # of the processor, of which other programs may have the rest
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < 1.0


def test_scenario_modules_are_light() -> None:
    program = "import sys, drivesim.scenario.file; assert not {'torch', 'h5py', 'av'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=True)


def test_control_c_ends_with_130() -> None:
    program = (
        "import signal, time, typer; from drivesim.cli.main import app, main\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"  # a shell's background jobs ignore it
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
