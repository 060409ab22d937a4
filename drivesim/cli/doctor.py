"""`drivesim doctor`: is an output folder or a checkpoint whole?"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def doctor(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Output of a rollout, a checkpoint, or a folder of checkpoints.")],
    repair: Annotated[
        bool, typer.Option("--repair", help="Make again what is damaged, where it can be computed; the rest stays as it is.")
    ] = False,
    checkpoints: Annotated[
        Path | None, typer.Option(help="Folder of the weights to repair a rollout with; default: the shipped ones.")
    ] = None,
) -> None:
    """Say what of DIR is whole and what is not: sums, counts, times, films, boxes. Exit code 1 if something is not."""
    from drivesim.cli.rollout import progress_bars, stoppable
    from drivesim.rollout.doctor.examination import examine
    from drivesim.rollout.doctor.treatment import repair as mend

    report = examine(folder)
    if repair and report.faults:
        again = f"stopped; what is finished is kept, go on with: drivesim rollout of the same scenario into {folder}"
        with stoppable(again), progress_bars() as show:
            report = mend(report, checkpoints, show, lambda line: typer.echo(line, err=True))
    for line in report.whole:
        typer.echo(f"whole       {line}")
    for line in report.unfinished:
        typer.echo(f"unfinished  {line}")
    for name, fault in report.faults.items():
        typer.echo(f"DAMAGED     {name}: {fault}")
    if not report.healthy:
        mendable = "; drivesim doctor --repair makes again what can be computed" if report.faults and not repair else ""
        typer.echo(f"{folder}: not whole{mendable}")
        raise typer.Exit(1)
    typer.echo(f"{folder}: all is whole")
