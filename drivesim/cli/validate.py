"""`drivesim validate`: every fault of every scenario file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from drivesim.scenario.names import find_scenario


def validate(
    scenarios: Annotated[
        list[Path] | None,
        typer.Argument(metavar="SCENARIO...", help="Files, folders of them, names of shipped scenarios, or - for standard input."),
    ] = None,
    schema: Annotated[
        bool, typer.Option("--schema", help="Print the JSON Schema, which lets text editors complete and check files.")
    ] = False,
) -> None:
    """Check scenario files; list every error of every file as file:line:column: message (exit code 2)."""
    import json

    from drivesim.scenario.file import check_scenarios, scenario_files, scenario_schema
    from drivesim.traffic.scenario.crashes import forced_crashes

    if schema:
        print(json.dumps(scenario_schema(), indent=2))
        return
    if not scenarios:
        raise typer.BadParameter("name a scenario file or folder, or give --schema", param_hint="SCENARIO...")
    scenarios = [Path("/dev/stdin") if str(path) == "-" else path for path in scenarios]
    scenarios = [path if path.is_dir() else find_scenario(path) or path for path in scenarios]
    faults = check_scenarios(scenarios, forced_crashes)
    files = len(scenario_files(scenarios))
    if faults:
        wrong = len({fault.file for fault in faults})
        summary = f"{_count(len(faults), 'error')} in {wrong} of {_count(files, 'file')}"
        typer.echo("\n".join([*map(str, faults), summary]), err=True)
        raise typer.Exit(2)
    typer.echo(f"{_count(files, 'scenario')} valid")


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'s' * (number != 1)}"
