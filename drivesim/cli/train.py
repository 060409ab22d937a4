"""`drivesim train STAGE` and `drivesim train export RUN DIR`."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Annotated

import typer

from drivesim.cli.numbers import parse_pixels, positive
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
                                           "frames, video-ldm and decoder learn temporal layers for it; for super-resolution "
                                           "the folder of the x4 upscaler.")
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
def dreambooth(
    pictures: Annotated[list[Path], typer.Argument(metavar="PICTURE...", help="A few pictures of one thing, or a folder of them.")],
    run: Annotated[Path, typer.Option(help="Run folder: stores, state, log and previews.")],
    backbone: Annotated[Path, typer.Option(help="Stable Diffusion folder to train.")],
    kind: Annotated[str, typer.Option(help="What the thing is, in a word or two: car.")],
    token: Annotated[str, typer.Option(help="Rare word that shall stand for the thing, before its kind.")] = "sks",
    prior: Annotated[int, typer.Option(min=1, help="Pictures that the backbone makes of the kind, to keep its meaning.")] = 100,
    steps: Annotated[int, typer.Option(min=1, help="Sampling steps of these.")] = 50,
    size: Annotated[str, typer.Option(metavar="HEIGHTxWIDTH", help="Frame size in pixels.")] = "256x512",
    preset: Annotated[str, typer.Option(help="tiny (tests), cpu or gpu.")] = "gpu",
    set_: Annotated[list[str] | None, typer.Option("--set", metavar="FIELD=VALUE", help="Replace a recipe field.")] = None,
    minutes: Annotated[float | None, typer.Option(callback=positive, help="Stop after so long; run again to go on.")] = None,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "auto",
) -> None:
    """Teach a public backbone a word for one thing. Export it as any run; give its folder to text-to-video --transfer."""
    from drivesim.config import InputError
    from drivesim.training.__main__ import parse_overrides
    from drivesim.training.dreambooth import Subject, train_dreambooth
    from drivesim.training.presets import PRESETS

    if preset not in PRESETS:
        raise InputError(f"--preset {preset}: choose one of {', '.join(PRESETS)}")
    height, width = parse_pixels("--size", size)
    if width != 2 * height:
        raise InputError(f"--size {size}: give HEIGHTxWIDTH with width twice the height, such as 256x512")
    train_dreambooth(run, backbone, Subject(pictures, token, kind), prior, steps, height, preset,
                     parse_overrides(set_ or []), minutes or math.inf, device, typer.echo)  # fmt: skip


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
