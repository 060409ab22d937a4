"""`drivesim train`: mistakes are told in one sentence with exit code 2, before anything is rendered or written."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from drivesim.cli.main import app

runner = CliRunner()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["image-ldm", "--preset", "huge"], "--preset huge"),
        (["image-ldm", "--set", "batch"], "FIELD=VALUE"),
        (["image-ldm", "--device", "toaster"], "--device toaster"),
        (["export", "DIR", "OUT"], "no training run there"),
    ],
)
def test_mistakes(arguments: list[str], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    options = [] if arguments[0] == "export" else ["--run", str(tmp_path / "run")]
    done = runner.invoke(app, ["train", *arguments, *options])
    assert done.exit_code == 2
    assert message in done.output
    assert not list(tmp_path.iterdir())


def test_every_stage_is_a_command() -> None:
    done = runner.invoke(app, ["train", "--help"])
    for name in ("autoencoder", "image-ldm", "video-ldm", "super-resolution", "export"):
        assert name in done.output
