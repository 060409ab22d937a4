"""`drivesim rollout`: a scenario becomes video."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from drivesim.cli.numbers import positive
from drivesim.scenario.names import find_scenario
from drivesim.video_format import CONTEXT, FRAME_RATES

if TYPE_CHECKING:
    from collections.abc import Callable

    from drivesim.engine.progress import Progress
    from drivesim.video_format import Phase


def rollout(
    scenario: Annotated[
        Path, typer.Argument(callback=find_scenario, help="Scenario file, the name of a shipped one, or - for standard input.")
    ],
    out: Annotated[Path, typer.Option(metavar="DIR", help="Folder to write; goes on where an earlier run stopped.")],
    seconds: Annotated[
        float | None, typer.Option(help="Instead of the scenario's length; more than DIR has makes it longer.")
    ] = None,
    fps: Annotated[float | None, typer.Option(help="{:g}, {:g} or {:g}, instead of the scenario's.".format(*FRAME_RATES))] = None,
    futures: Annotated[int | None, typer.Option(help="Instead of the scenario's number of futures.")] = None,
    only: Annotated[int | None, typer.Option(metavar="K", help="Make future K alone; the first is 0.")] = None,
    seed: Annotated[int | None, typer.Option(help="Instead of the scenario's seed.")] = None,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "auto",
    fresh: Annotated[bool, typer.Option("--fresh", help="Remove an earlier rollout in DIR and start anew.")] = False,
    quality: Annotated[str, typer.Option(help="draft, standard or best: more sampling steps.")] = "standard",
    height: Annotated[
        int | None, typer.Option(callback=positive, help="Of frames in pixels, before upsampling by 4; default: 128.")
    ] = None,
    checkpoints: Annotated[Path | None, typer.Option(help="Folder of the weights; default: the shipped ones.")] = None,
    free: Annotated[
        bool, typer.Option("--free", help="Networks make up what follows the first frame, as with `traffic: free`.")
    ] = False,
    context: Annotated[
        int, typer.Option(min=1, max=CONTEXT, help="Key frames that the next window is given: 2, or the last one alone.")
    ] = CONTEXT,
    transfer: Annotated[
        bool, typer.Option("--transfer", help="The video LDM was trained on top of another image LDM than that beside it.")
    ] = False,
    labels_video: Annotated[
        bool, typer.Option("--labels-video", help="Beside each video.mp4 write labels.mp4, with the boxes drawn.")
    ] = False,
    ignore_free_space: Annotated[
        bool, typer.Option("--ignore-free-space", help="Start even where the disk seems too small for it.")
    ] = False,
) -> None:
    """Roll SCENARIO out into video, in several futures. The same command again goes on where it was interrupted."""
    same = f"the same command{' without --fresh' if fresh else ''}"
    with stoppable(f"interrupted; finished windows are kept in {out}, {same} goes on from there"), progress_bars() as show:
        from drivesim.api.rollouts import roll_out

        work: dict[Phase, float] = {}

        def note(progress: Progress) -> None:
            work.update(progress.seconds)
            show(progress)

        finished = roll_out(
            scenario, out, seconds=seconds, fps=fps, futures=futures, only=only, seed=seed, device=device, quality=quality,
            height=height, checkpoints=checkpoints, fresh=fresh, free=free, context=context, transfer=transfer,
            ignore_free_space=ignore_free_space, on_change=note, say=lambda line: typer.echo(line, err=True),
        )  # fmt: skip
    from drivesim.rollout.manifest import future_name

    complete = [future_name(number) for number in finished.manifest.complete]
    if labels_video:
        _film_labels([out / name for name in complete])
    spent = ", ".join(f"{phase} {seconds:.1f}" for phase, seconds in work.items() if seconds)
    typer.echo(f"seconds spent: {spent}" if spent else "nothing was missing")
    films = ", ".join(str(out / name / "video.mp4") for name in complete)
    typer.echo(f"{len(complete)} future{'s' * (len(complete) != 1)} there: {films}; side by side: {out / 'preview.png'}")


def _film_labels(folders: Iterable[Path]) -> None:
    """Writes labels.mp4 in the folders of futures that have none."""
    from drivesim.rollout.future_folder import DATA, LABELS_FILM, VIDEO
    from drivesim.rollout.labels.film import write_labels_film

    for folder in folders:
        if not (folder / LABELS_FILM).is_file():
            write_labels_film(folder / VIDEO, folder / DATA, folder / LABELS_FILM)


@contextmanager
def stoppable(message: str) -> Iterator[None]:
    """Within it Ctrl-C and SIGTERM end the command with `message` and exit code 130 or 143, after tidying up."""

    class Terminated(KeyboardInterrupt):
        pass

    def terminate(number: int, frame: object) -> None:
        raise Terminated

    earlier = signal.signal(signal.SIGTERM, terminate) if threading.current_thread() is threading.main_thread() else None
    try:
        yield
    except KeyboardInterrupt as error:
        typer.echo(message, err=True)
        raise typer.Exit(143 if isinstance(error, Terminated) else 130) from None
    finally:
        if earlier is not None:
            signal.signal(signal.SIGTERM, earlier)


@contextmanager
def progress_bars() -> Iterator[Callable[[Progress], None]]:
    """A bar for every phase and the time that the whole job will still take; plain lines where there is no terminal."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn
    from rich.progress import Progress as Bars

    console = Console(stderr=True)
    bars = Bars(
        TextColumn("{task.description:<12}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[note]}"),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )
    whole = bars.add_task("whole job", total=1, note="")
    tasks = {}
    reported = 0.0

    def show(progress: Progress) -> None:
        nonlocal reported
        spent, left = sum(progress.seconds.values()), progress.remaining()
        for phase, total in progress.totals.items():
            if total and phase not in tasks:
                tasks[phase] = bars.add_task(phase, total=total, note="")
            if phase in tasks:
                bars.update(tasks[phase], completed=progress.units[phase], note=f"{progress.seconds[phase]:.0f} s")
        if left is not None:
            share = spent / max(spent + left, 1e-9)
            bars.update(whole, total=100, completed=round(100 * share), note=f"{clock(left)} left")
            if not console.is_terminal and spent - reported >= 15:
                reported = spent
                console.print(f"{100 * share:.0f} %, {clock(left)} left")

    with bars:
        yield show


def clock(seconds: float) -> str:
    """Minutes and seconds."""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes}:{rest:02d}"
