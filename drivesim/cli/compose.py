"""`drivesim compose`: the first frame of a scenario."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from drivesim.cli.numbers import positive
from drivesim.scenario.names import find_scenario


def compose(
    scenario: Annotated[
        Path, typer.Argument(callback=find_scenario, help="Scenario file, the name of a shipped one, or - for standard input.")
    ],
    out: Annotated[Path, typer.Option(help="Picture to write (.png, .jpg or .webp), 512x1024 unless --height is given.")],
    variants: Annotated[int, typer.Option(help="How many; more than one are written as OUT-00, OUT-01, ...")] = 1,
    seed: Annotated[int | None, typer.Option(help="Instead of the scenario's seed.")] = None,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "auto",
    quality: Annotated[str, typer.Option(help="draft, standard or best: more sampling steps.")] = "standard",
    height: Annotated[
        int | None, typer.Option(callback=positive, help="In pixels, before upsampling by 4; default: 128.")
    ] = None,
    checkpoints: Annotated[Path | None, typer.Option(help="Folder of the weights; default: the shipped ones.")] = None,
) -> None:
    """Compose the first frame that a rollout of SCENARIO with this seed would start from."""
    from drivesim.api.rollouts import compose as compose_frames
    from drivesim.video_io import check_image_path, write_image

    check_image_path(out)
    frames = compose_frames(
        scenario, variants=variants, seed=seed, device=device, quality=quality, height=height, checkpoints=checkpoints
    )
    paths = [out] if variants == 1 else [out.with_name(f"{out.stem}-{i:02d}{out.suffix}") for i in range(variants)]
    for path, frame in zip(paths, frames, strict=True):
        write_image(path, frame)
        typer.echo(f"wrote {path}")
