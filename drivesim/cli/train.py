"""`drivesim train STAGE` and `drivesim train export RUN DIR`."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Annotated

import typer

from drivesim.cli.numbers import positive
from drivesim.video_format import TRAINED_NAMES

app = typer.Typer(help="Train a stage of the cascade; the same command again goes on where it stopped.", no_args_is_help=True)


def _stage_command(stage: str) -> None:
    @app.command(stage, help=f"Train the {stage} stage.")
    def command(
        run: Annotated[Path, typer.Option(help="Run folder: state, log and previews.")],
        preset: Annotated[str, typer.Option(help="tiny (tests), cpu (two cores) or gpu (one large GPU).")] = "cpu",
        data: Annotated[list[Path] | None, typer.Option(help="Store to learn from; default: rendered as the preset says.")] = None,
        held_out: Annotated[list[Path] | None, typer.Option(help="Store to be measured on.")] = None,
        data_folder: Annotated[Path, typer.Option(help="Where stores are rendered.")] = Path("runs/data"),
        checkpoints: Annotated[Path | None, typer.Option(help="Folder with the stages that this one rests on.")] = None,
        backbone: Annotated[
            Path | None, typer.Option(help="Stable Diffusion folder (diffusers) to train in: image-ldm fine-tunes it on captioned "
                                           "frames, video-ldm learns temporal layers for it.")
        ] = None,
        init_from: Annotated[Path | None, typer.Option(help="Checkpoint folder whose weights training starts from.")] = None,
        set_: Annotated[list[str] | None, typer.Option("--set", metavar="FIELD=VALUE", help="Replace a recipe field.")] = None,
        minutes: Annotated[
            float | None, typer.Option(callback=positive, help="Stop after so long; run again to go on.")
        ] = None,
        device: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "auto",
        workers: Annotated[int | None, typer.Option(min=0, help="Rendering processes. [default: one a core]")] = None,
    ) -> None:
        from drivesim.config import InputError
        from drivesim.training.__main__ import parse_overrides
        from drivesim.training.job import run_training
        from drivesim.training.presets import PRESETS

        if preset not in PRESETS:
            raise InputError(f"--preset {preset}: choose one of {', '.join(PRESETS)}")
        run_training(stage, run, preset, data, held_out, data_folder, checkpoints, init_from,  # type: ignore[arg-type]
                     parse_overrides(set_ or []), minutes or math.inf, device, workers, typer.echo, backbone)  # fmt: skip


for _stage in TRAINED_NAMES:
    _stage_command(_stage)


@app.command()
def export(
    run: Annotated[Path, typer.Argument(help="Run folder.")],
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Checkpoint folder to write.")],
    data: Annotated[list[Path] | None, typer.Option(help="Stores, when they are not in runs/data.")] = None,
    checkpoints: Annotated[Path | None, typer.Option(help="Folder with the stages that this one rests on.")] = None,
    backbone: Annotated[Path | None, typer.Option(help="The run's --backbone, when it is elsewhere now.")] = None,
) -> None:
    """Write the averaged weights of a run as a checkpoint folder, or of a fine-tuned backbone as a folder like that."""
    from drivesim.training.job import export_run

    export_run(run, folder, data or [], checkpoints, typer.echo, backbone)
