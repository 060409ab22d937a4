"""The console script `drivesim`. Commands parse, call one library function, print; bodies import what is heavy."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from drivesim import __version__
from drivesim.cli import compose, data, doctor, edit, evaluate, layout, rollout, train, validate
from drivesim.cli.formats import export, importing
from drivesim.cli.reports import report, sweep, test_perception
from drivesim.cli.text import text_to_video


class _Commands(TyperGroup):
    """Errors as one line on stderr: exit code 2 for what the user can mend, 1 where the machine failed, 130 after Ctrl-C."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            typer.echo("interrupted", err=True)
            raise typer.Exit(130) from None
        except Exception as error:
            from drivesim.config import InputError
            from drivesim.failures import explain

            failure = None if isinstance(error, InputError) else explain(error)
            if failure is None and not isinstance(error, InputError):
                raise
            typer.echo(str(failure or error), err=True)
            raise typer.Exit(1 if failure else 2) from None


app = typer.Typer(
    name="drivesim",
    cls=_Commands,
    help="Driving-scenario simulation: a YAML scenario becomes minutes of driving video, in several futures.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


def _print_version(asked: bool) -> None:
    if asked:
        typer.echo(f"drivesim {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    pass


# One line a command, in the order of the help: app.command()(function), or app.add_typer(group, name="...").
app.command()(validate.validate)
app.command()(compose.compose)
app.command()(rollout.rollout)
app.command()(layout.layout)
app.command()(export.export)
app.command()(sweep.sweep)
app.add_typer(importing.app, name="import")
app.command()(report.report)
app.command("test-perception")(test_perception.test_perception)
app.command("text-to-video")(text_to_video.text_to_video)
app.add_typer(data.app, name="data")
app.add_typer(train.app, name="train")
app.add_typer(evaluate.app, name="evaluate")
app.command()(doctor.doctor)
app.command()(edit.edit)


def main() -> None:
    """Entry point of the console script."""
    app()


if __name__ == "__main__":
    main()
