"""`drivesim sweep`: one scenario in many variants."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from drivesim.cli.numbers import not_negative, positive


def sweep(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Scenario file with the key sweep, which says what varies.")],
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Folder to write; goes on where it stopped, and tries failures again.")
    ] = None,
    count: Annotated[bool, typer.Option("--count", help="Say how many runs there are and what they take, and make none.")] = False,
    index: Annotated[bool, typer.Option("--index", help="Write DIR/index.csv and index.parquet anew, and make no run.")] = False,
    workers: Annotated[
        int | None,
        typer.Option(callback=not_negative, help="Runs at a time; default: what this machine has room for. 0: without Ray."),
    ] = None,
    ray: Annotated[
        str | None, typer.Option(metavar="ADDRESS", help="Ray cluster to run on, from one of its machines: host:port or auto.")
    ] = None,
    seconds: Annotated[float | None, typer.Option(callback=positive, help="Instead of the scenarios' length.")] = None,
    fps: Annotated[float | None, typer.Option(callback=positive, help="Frames a second, instead of the scenarios'.")] = None,
    futures: Annotated[int | None, typer.Option(callback=positive, help="Instead of the scenarios' number of futures.")] = None,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "auto",
    quality: Annotated[str, typer.Option(help="draft, standard or best: more sampling steps.")] = "standard",
    checkpoints: Annotated[Path | None, typer.Option(help="Folder of the weights; default: the shipped ones.")] = None,
    ignore_free_space: Annotated[
        bool, typer.Option("--ignore-free-space", help="Start even where the disk seems too small for it.")
    ] = False,
) -> None:
    """Roll FILE out in all its variants, with an index of what came of each: docs/sweeps.md. Exit code 1 if a run failed."""
    from drivesim.cli.rollout import stoppable
    from drivesim.config import InputError
    from drivesim.evaluation.sweeps.carry_out import SweepPlan, rebuild_index, run_sweep, summary
    from drivesim.evaluation.sweeps.sweep_runs import SweepOptions

    if out is None and not count:
        raise InputError("--out: name the folder to write, or give --count to make nothing")
    if index and out is not None:
        typer.echo(f"{summary(rebuild_index(out))}; index in {out}")
        return
    with stoppable(f"interrupted; finished windows are kept in {out}, the same command goes on from there"):
        options = SweepOptions(seconds, fps, futures, device, quality, checkpoints)
        plan = SweepPlan.of(file, options, elsewhere=ray is not None)
        if count or out is None:
            typer.echo("\n".join(plan.describe(workers)))
            return
        states = run_sweep(plan, out, workers, ray, ignore_free_space, lambda line: typer.echo(line, err=True))
    typer.echo(f"{summary(states)}; index in {out}")
    if any(state.state == "failed" for state in states):
        typer.echo("the same command tries what failed again", err=True)
        raise typer.Exit(1)
