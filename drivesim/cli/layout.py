"""`drivesim layout`: what a scenario's futures would show, without networks."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from drivesim.scenario.names import find_scenario


def layout(
    scenario: Annotated[Path, typer.Argument(callback=find_scenario, help="Scenario file, or the name of a shipped one.")],
    out: Annotated[Path, typer.Option(metavar="DIR", help="Folder to write future-00/layout.mp4 and labels.csv into.")],
    seconds: Annotated[float | None, typer.Option(help="Instead of the scenario's length.")] = None,
    futures: Annotated[int | None, typer.Option(help="Instead of the scenario's number of futures.")] = None,
    only: Annotated[int | None, typer.Option(metavar="K", min=0, max=999, help="Make future K alone; the first is 0.")] = None,
    seed: Annotated[int | None, typer.Option(help="Instead of the scenario's seed.")] = None,
) -> None:
    """Draw the layout of SCENARIO, who drives and stands where, as video with boxes and as tables of labels, in seconds."""
    from drivesim.api.layouts import write_layout

    for film in write_layout(scenario, out, seconds=seconds, futures=futures, only=only, seed=seed):
        typer.echo(f"wrote {film} and {film.with_name('labels.csv')}")
