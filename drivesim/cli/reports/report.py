"""`drivesim report`: a finished rollout, or a sweep, as one page."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def report(folder: Annotated[Path, typer.Argument(metavar="DIR", help="Output folder of a rollout or a sweep.")]) -> None:
    """Write DIR/report.html: of a rollout films, labels over time, what the film shows of them, figures, scenario, how to make it
    again; of a sweep its runs as a table, parameters against figures, first frames, and the pages of its runs."""
    from drivesim.evaluation.rollout_report.page import write_rollout_report
    from drivesim.evaluation.sweeps.page import write_sweep_report
    from drivesim.evaluation.sweeps.sweep_folder import is_sweep

    typer.echo(f"wrote {(write_sweep_report if is_sweep(folder) else write_rollout_report)(folder)}")
