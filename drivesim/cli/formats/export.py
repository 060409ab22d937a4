"""`drivesim export`: a finished rollout in a format that perception tools read."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from drivesim.cli.numbers import positive, share
from drivesim.scenario.names import find_scenario

if TYPE_CHECKING:
    from collections.abc import Callable

    from drivesim.labels.selection import ExportProgress


def export(
    name: Annotated[str, typer.Argument(metavar="FORMAT", help="coco, kitti, nuscenes, openlabel, mcap, maps or openscenario.")],
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Output of a rollout; for openscenario a SCENARIO file or name.")],
    out: Annotated[Path, typer.Option(metavar="FOLDER", help="New folder to write; it is there when all in it is written.")],
    futures: Annotated[str | None, typer.Option(help="Numbers of futures, as in 0,2-4; default: all.")] = None,
    stride: Annotated[int, typer.Option(callback=positive, help="2 exports every other frame, 3 every third, and so on.")] = 1,
    min_visible: Annotated[
        float,
        typer.Option(callback=share, help="Leave out vehicles with a smaller share in sight; 0 keeps what is wholly hidden."),
    ] = 0.1,
    trusted_only: Annotated[
        bool, typer.Option("--trusted-only", help="Leave out vehicles that the film is not known to show, by the column trust.")
    ] = False,
) -> None:
    """Write pictures and labels of the rollout in DIR in another FORMAT. What the formats hold is in docs/export.md.

    openscenario writes a scenario, as .xosc and .xodr: docs/openscenario.md.
    """
    from drivesim.cli.rollout import stoppable
    from drivesim.config import InputError
    from drivesim.labels.export import check_format, parse_futures, write_export

    if name == "openscenario":
        if futures is not None or stride != 1 or trusted_only:
            raise InputError("openscenario: is written of a scenario, which has no frames; leave --futures, --stride and so on out")
        _export_scenario(folder, out)
        return
    check_format(name, ["openscenario"])
    numbers = None if futures is None else parse_futures(futures)
    with stoppable(f"stopped; {out} is not written"), frames_bar() as show:
        write_export(
            name, folder, out, numbers, stride, min_visible, trusted_only, show, lambda line: typer.echo(line, err=True)
        )
    typer.echo(f"wrote {out}")


def _export_scenario(scenario: Path, out: Path) -> None:
    from drivesim.openscenario.write_scenario import write_openscenario
    from drivesim.scenario.file import load_scenario

    for file in write_openscenario(load_scenario(find_scenario(scenario) or scenario), out):
        typer.echo(f"wrote {file}")


@contextmanager
def frames_bar() -> Iterator[Callable[[ExportProgress], None]]:
    """A bar with the time left; a line every 15 s where there is no terminal."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    from drivesim.cli.rollout import clock

    console = Console(stderr=True)
    columns = TextColumn("frames"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[note]}")
    bars = Progress(*columns, console=console, transient=True, disable=not console.is_terminal)
    bar = bars.add_task("frames", total=None, note="")
    reported = 0.0

    def show(progress: ExportProgress) -> None:
        nonlocal reported
        left = f"{clock(progress.remaining or 0)} left"
        bars.update(bar, total=progress.total, completed=progress.done, note=left)
        if not console.is_terminal and progress.seconds - reported >= 15:
            reported = progress.seconds
            console.print(f"{100 * progress.done / progress.total:.0f} %, {left}")

    with bars:
        yield show
