"""`drivesim test-perception`: a user's detector on a finished rollout."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from drivesim.cli.formats.export import frames_bar
from drivesim.cli.numbers import positive, share


def test_perception(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Output of a rollout or a sweep, or a folder of rollouts.")],
    detector: Annotated[
        str, typer.Option(metavar="module:function | FILE.onnx", help="uint8 RGB [h w 3] to rows x1, y1, x2, y2, score, class.")
    ],
    out: Annotated[Path, typer.Option(metavar="FOLDER", help="New folder to write: report.json, report.md, report.html.")],
    classes: Annotated[
        str | None, typer.Option(metavar="NAMES", help="What the detector's class numbers mean, as in car,truck,-.")
    ] = None,
    stride: Annotated[int, typer.Option(callback=positive, help="2 looks at every other frame, 3 at every third, and so on.")] = 1,
    score: Annotated[float, typer.Option(callback=share, help="Score from which on a vehicle counts as found.")] = 0.5,
    min_visible: Annotated[
        float, typer.Option(callback=share, help="Vehicles of which a smaller share is in sight need not be found.")
    ] = 0.1,
    trusted_only: Annotated[
        bool, typer.Option("--trusted-only", help="Nor those that the film is not known to show, by the column trust.")
    ] = False,
) -> None:
    """Run a detector over the films of DIR and score what it finds against the labels: docs/test-perception.md."""
    from drivesim.cli.rollout import stoppable
    from drivesim.evaluation.perception.classes import parse_classes
    from drivesim.evaluation.perception.page import write_report
    from drivesim.evaluation.perception.report import summary
    from drivesim.evaluation.perception.trial import TrialSettings

    settings = TrialSettings(detector, stride, min_visible, trusted_only, score, parse_classes(classes))
    with stoppable(f"stopped; {out} is not written"), frames_bar() as show:
        values = write_report(folder, out, settings, show)
    for line in [summary(values), *values["findings"], *values["notes"]]:
        typer.echo(line)
    typer.echo(f"wrote {out / 'report.html'}")
