"""`drivesim data generate`, `drivesim data import` and `drivesim data show`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from drivesim.cli.numbers import LARGEST_SHEET_CELL, parse_pixels, positive
from drivesim.video_format import FRAME_RATES, NETWORK_HEIGHT, NETWORK_WIDTH

app = typer.Typer(help="Make clips of the driving world, of films or labelled pictures, and look at them.", no_args_is_help=True)

Size = Annotated[str, typer.Option(metavar="HEIGHTxWIDTH", help="Frame size in pixels.")]


@app.command()
def generate(
    out: Annotated[Path, typer.Argument(metavar="OUT.h5", help="Store to fill; one that is there is added to.")],
    clips: Annotated[int, typer.Option(min=1, help="Clips that the store shall hold in the end.")] = 100,
    frames: Annotated[int, typer.Option(min=1, help="Frames a clip.")] = 16,
    fps: Annotated[
        list[float] | None,
        typer.Option(callback=positive, help=f"Frame rate; several take turns; default: {FRAME_RATES[0]:g}."),
    ] = None,
    size: Size = f"{NETWORK_HEIGHT}x{NETWORK_WIDTH}",
    seed: Annotated[int, typer.Option(min=0, help="Clip k depends on the seed and k alone.")] = 1,
    workers: Annotated[int | None, typer.Option(min=0, help="Rendering processes; default: one a core.")] = None,
    time_of_day: Annotated[str | None, typer.Option(help="day or night; default: at random.")] = None,
    setting: Annotated[
        str | None, typer.Option(help="highway, city, residential or rural; default: at random.")
    ] = None,
    noise: Annotated[bool, typer.Option(help="Noise of the camera's sensor.")] = True,
    depth: Annotated[bool, typer.Option(help="Keep the depth of every pixel, too.")] = False,
) -> None:
    """Render clips with exact labels into a store; the same command again goes on where it stopped."""
    from drivesim.dataset.clips import ClipStore
    from drivesim.dataset.synthesis import fill_store

    height, width = _parse_size(size)
    fill_store(
        out, clips, frames, fps or [FRAME_RATES[0]], height, width, seed, workers, typer.echo,
        time_of_day=time_of_day, setting=setting, noise=noise, depth=depth,
    )  # fmt: skip
    store = ClipStore(out)
    megabytes = out.stat().st_size / 1e6
    typer.echo(f"{out}: {len(store)} clips, {store.total_frames} frames of {height}x{width}, {megabytes:.1f} MB")


@app.command("import")
def import_(
    footage: Annotated[
        list[Path], typer.Argument(metavar="FOOTAGE...", help="Films, and folders of films; with --labels a folder of pictures.")
    ],
    out: Annotated[Path, typer.Option(help="Store to fill (.h5); the same command again goes on where it stopped.")],
    labels: Annotated[
        str | None, typer.Option(metavar="FORMAT", help="The folder holds pictures with boxes: yolo, coco, kitti or nuscenes.")
    ] = None,
    kinds: Annotated[
        str | None,
        typer.Option(metavar="CLASS=KIND,...", help="With --labels: classes that are vehicles beside those that are by name, as in "
                     "Tram=bus; kinds are sedan, hatchback, suv, van, truck and bus."),
    ] = None,
    caption: Annotated[
        str | None, typer.Option(help="What the films show, in words; FILM.txt beside a film, where there is one, says it instead.")
    ] = None,
    fps: Annotated[
        float | None, typer.Option(callback=positive, help=f"Frames a second of films to keep; default: {FRAME_RATES[-1]:g}.")
    ] = None,
    seconds: Annotated[
        float | None, typer.Option(callback=positive, help="Length of the clips that films are cut into; default: 5.")
    ] = None,
    size: Size = f"{NETWORK_HEIGHT}x{NETWORK_WIDTH}",
) -> None:
    """Cut films into clips of which nothing is known but, perhaps, a caption; or make clips of a frame of labelled pictures.

    Boxes follow their pictures, of which the lower part of 1:2 is kept. Cars
    are sedans, since nobody says which they are; what is no vehicle is left
    out. KITTI and nuScenes tell where vehicles are in the world, too.

    YOLO: images/, labels/ and classes.txt or data.yaml. COCO: a JSON file, or
    a folder with annotations.json or annotations/. KITTI: image_2/, label_2/
    and perhaps calib/. nuScenes: v1.0-NAME/; key frames of CAM_FRONT.
    """
    from drivesim.config import InputError

    height = _parse_size(size)[0]
    if labels is None:
        from drivesim.dataset.importers.films import import_films

        if kinds is not None:
            raise InputError("--kinds: films have no labels; leave it out, or give --labels")
        clips = import_films(out, footage, fps or FRAME_RATES[-1], seconds or 5.0, height, caption, typer.echo)
    else:
        from drivesim.dataset.importers.kinds import parse_kinds
        from drivesim.dataset.importers.labelled_folders import import_labelled

        if fps is not None or seconds is not None:
            raise InputError("--fps and --seconds: pictures have no rate; leave them out with --labels")
        if len(footage) != 1:
            raise InputError(f"--labels {labels}: give one folder, and a store of its own for each")
        clips = import_labelled(out, footage[0], labels, height, parse_kinds(kinds) if kinds else {}, caption, typer.echo)
    typer.echo(f"{out}: {clips} clips")


@app.command()
def show(
    store: Annotated[Path | None, typer.Argument(metavar="[STORE]", help="Store to look into.")] = None,
    out: Annotated[Path, typer.Option(help="Picture to write (.png, .jpg, .webp).")] = Path("sheet.png"),
    clips: Annotated[int, typer.Option(min=1, help="Random clips (with --real: as many real frames).")] = 16,
    frames: Annotated[int, typer.Option(min=1, help="Successive frames of each clip.")] = 1,
    boxes: Annotated[bool, typer.Option("--boxes", help="Draw the labels.")] = False,
    world: Annotated[bool, typer.Option("--world", help="Render fresh clips, no store needed.")] = False,
    fps: Annotated[float, typer.Option(callback=positive, help="Frame rate of fresh clips.")] = FRAME_RATES[0],
    size: Size = f"{NETWORK_HEIGHT}x{NETWORK_WIDTH}",
    real: Annotated[list[Path] | None, typer.Option(help="Film, image or folder whose frames to lay beside.")] = None,
    width: Annotated[int, typer.Option(min=16, max=LARGEST_SHEET_CELL, help="Width of each picture on the sheet.")] = NETWORK_WIDTH,
    seed: Annotated[int, typer.Option(min=0, help="Which clips and frames.")] = 0,
) -> None:
    """Lay random frames of a store, of the world and of real footage on one sheet."""
    from drivesim.config import InputError
    from drivesim.dataset.clips import ClipStore
    from drivesim.dataset.sheets import real_pictures, sheet, store_clips, world_clips
    from drivesim.video_io import check_image_path, write_image

    check_image_path(out)
    height, across = _parse_size(size)
    parts: list[tuple[str, object]] = []
    if store is not None:
        parts.append((store.name, store_clips(ClipStore(store), clips, frames, seed)))
    if world:
        parts.append((f"world, seed {seed}", world_clips(clips, frames, fps, height, across, seed)))
    if real:
        parts.append(("real", real_pictures(real, clips, height, seed)))
    if not parts:
        raise InputError("nothing to show; give a STORE, --world or --real")
    write_image(out, sheet(parts, boxes, width))  # type: ignore[arg-type]
    typer.echo(str(out))


def _parse_size(text: str) -> tuple[int, int]:
    """ "128x256" as (128, 256); InputError for anything else, or another aspect than 1:2."""
    from drivesim.config import InputError

    height, width = parse_pixels("--size", text)
    if width != 2 * height:
        raise InputError(f"--size {text}: give HEIGHTxWIDTH with width twice the height, such as 128x256")
    return height, width
