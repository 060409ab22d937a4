"""An installed wheel works from any directory and brings weights, scenarios and the editor along."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the unpacked wheel, as an installer would lay it out."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--disable-pip-version-check", "--no-deps",
               "--no-build-isolation", "--wheel-dir", str(folder), str(ROOT)]  # fmt: skip
    subprocess.run(command, check=True)
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder / "site")
    return folder / "site"


def run(installed: Path, folder: Path, code: str) -> str:
    """What Python prints for `code` in `folder`, with the wheel and not the clone on its path."""
    script = f"import sys; sys.path.insert(0, {str(installed)!r}); sys.path[:] = [p for p in sys.path if not p.startswith({str(ROOT)!r}) or 'site-packages' in p]\n{code}"  # noqa: E501
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    done = subprocess.run([sys.executable, "-c", script], cwd=folder, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_scenarios_and_weights_are_found_in_the_wheel(installed: Path, tmp_path: Path) -> None:
    code = (
        "from drivesim.config import shipped\n"
        "from drivesim.engine.cascade import weights_of\n"
        "from drivesim.scenario.file import check_scenarios\n"
        "print(shipped('scenarios')); print(len({f.split('/')[0] for f in weights_of(shipped('checkpoints'))}))\n"
        "print(check_scenarios([shipped('scenarios')]))\n"
        "from pathlib import Path; from drivesim.scenario.names import find_scenario\n"
        "print(find_scenario(Path('night_city')).is_relative_to(shipped('scenarios')))"
    )
    scenarios, stages, faults, named = run(installed, tmp_path, code).splitlines()
    assert Path(scenarios).is_relative_to(installed)
    assert (stages, faults, named) == ("4", "[]", "True")


def test_editor_and_console_script_are_in_the_wheel(installed: Path, tmp_path: Path) -> None:
    code = "import scenario_editor, drivesim.cli.main; print(scenario_editor.__file__); print(drivesim.cli.main.__file__)"
    for line in run(installed, tmp_path, code).splitlines():
        assert Path(line).is_relative_to(installed)
    (entry,) = installed.glob("*.dist-info/entry_points.txt")
    assert "drivesim = drivesim.cli.main:main" in entry.read_text()


def test_the_oldest_versions_of_all_extras_are_tested() -> None:
    """.ci/minimal installs `editor` and `test` with the oldest versions that are allowed."""
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    for name, asked in extras.items():
        assert set(asked) <= {*extras["editor"], *extras["test"]}, name
    assert "lowest-direct -e '.[editor,test]'" in (ROOT / ".ci" / "minimal").read_text()
