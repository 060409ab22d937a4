"""`drivesim` commands on a tiny cascade."""

from __future__ import annotations

from pathlib import Path

from typer.testing import CliRunner

from drivesim.cli.main import app


def drivesim(*arguments: str | Path) -> tuple[int, str]:
    """Exit code and all output of a command; an error that reached the user as a traceback is raised."""
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.output
