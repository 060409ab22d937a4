"""`drivesim report`: a finished rollout as one page."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def report(folder: Annotated[Path, typer.Argument(metavar="DIR", help="Output folder of a rollout.")]) -> None:
    """Write DIR/report.html: films, labels over time, what the film shows of them, figures, scenario, how to make it again."""
    from drivesim.evaluation.rollout_report.page import write_rollout_report

    typer.echo(f"wrote {write_rollout_report(folder)}")
