"""`drivesim import`: scenarios from other formats."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(no_args_is_help=True, help="Read scenarios of other formats.")


@app.command()
def openscenario(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="OpenSCENARIO file (.xosc); its road is found from its folder.")],
    out: Annotated[Path, typer.Option(metavar="SCENARIO", help="New scenario file to write (.yaml).")],
) -> None:
    """Read an OpenSCENARIO 1.x file as a scenario; what is not read is named, with its line: docs/openscenario.md."""
    from drivesim.openscenario.read_scenario import import_openscenario

    scenario = import_openscenario(file, out)
    typer.echo(f"wrote {out}: {scenario.name}, {len(scenario.vehicles)} vehicles; drivesim validate {out} checks it")
