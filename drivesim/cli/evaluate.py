"""`drivesim evaluate`: fidelity, scenarios, motion."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from drivesim.cli.numbers import LARGEST_SHEET_CELL, positive
from drivesim.scenario.names import find_scenario
from drivesim.video_format import NETWORK_WIDTH

if TYPE_CHECKING:
    from drivesim.evaluation.autoencoder import Fidelity
    from drivesim.evaluation.world import WorldFigures

app = typer.Typer(help="Measure the shipped weights and the world, and look at every scenario.", no_args_is_help=True)

Checkpoints = Annotated[Path | None, typer.Option(metavar="DIR", help="Folder of the weights; default: the shipped ones.")]
Device = Annotated[str, typer.Option(help="auto, cpu or cuda.")]


@app.command()
def fidelity(
    frames: Annotated[int, typer.Option(callback=positive, help="Held-out worlds, a frame of each.")] = 500,
    seed: Annotated[int | None, typer.Option(min=0, help="Of the worlds; default: that of worlds training never sees.")] = None,
    real: Annotated[
        list[Path] | None, typer.Option(help="Film, image or folder of real daylight footage, to measure beside.")
    ] = None,
    real_frames: Annotated[int, typer.Option(min=1, help="Random frames of each --real.")] = 200,
    only: Annotated[str | None, typer.Option(metavar="PART", help="autoencoder or world; default: both.")] = None,
    checkpoints: Checkpoints = None,
    json: Annotated[Path | None, typer.Option(metavar="FILE", help="Also write all figures to this file.")] = None,
    workers: Annotated[int | None, typer.Option(min=0, help="Rendering processes; default: one a core.")] = None,
    device: Device = "auto",
) -> None:
    """Measure the autoencoder on held-out worlds against noise-free pictures, and the world's detail and speed."""
    from dataclasses import asdict
    from json import dumps

    from drivesim.checkpoint import weights_hash
    from drivesim.checksums import check_writable
    from drivesim.config import InputError, shipped, write_atomic
    from drivesim.evaluation import autoencoder, held_out, world
    from drivesim.models.latent_space import LatentSpace
    from drivesim.tensors import pick_device
    from drivesim.world.generator import WORLD_VERSION

    if only not in (None, "autoencoder", "world"):
        raise InputError(f"--only {only}: choose autoencoder or world")
    if json is not None:
        check_writable(json)
    where = pick_device(device)
    seed = held_out.HELD_OUT_SEED if seed is None else seed
    folder, space = (checkpoints or shipped("checkpoints")) / "autoencoder", None
    if only != "world":
        space = LatentSpace.load(folder).to(where)
    footage = held_out.real_frames(real or [], real_frames)
    pairs = held_out.held_out_pairs(frames, seed, workers, _say)
    report: dict[str, object] = {"frames": frames, "seed": seed, "world_version": WORLD_VERSION}
    if space is not None:
        rows = autoencoder.autoencoder_fidelity(space, pairs, footage, _say)
        report["autoencoder"] = {"weights": weights_hash(folder)} | {name: asdict(row) for name, row in rows.items()}
        typer.echo(_autoencoder_table(rows))
    if only != "autoencoder":
        figures = world.world_figures(pairs, footage, seed)
        report["world"] = asdict(figures)
        typer.echo(_world_table(figures))
    if json is not None:
        write_atomic(json, dumps(report, indent=2) + "\n")
        typer.echo(f"wrote {json}")


@app.command()
def scenarios(
    paths: Annotated[
        list[Path] | None, typer.Argument(metavar="[SCENARIO...]", help="Files, folders or names; default: the shipped ones.")
    ] = None,
    out: Annotated[Path, typer.Option(help="Sheet to write (.png, .jpg, .webp).")] = Path("scenarios.jpg"),
    width: Annotated[int, typer.Option(min=32, max=LARGEST_SHEET_CELL, help="Width of each picture on the sheet.")] = NETWORK_WIDTH,
    boxes: Annotated[bool, typer.Option("--boxes/--no-boxes", help="Draw the vehicles that are asked for.")] = False,
    quality: Annotated[str, typer.Option(help="draft, standard or best: more sampling steps.")] = "standard",
    seed: Annotated[int | None, typer.Option(min=0, help="Instead of the scenarios' seeds.")] = None,
    checkpoints: Checkpoints = None,
    device: Device = "auto",
) -> None:
    """Compose the first frame of every scenario, before super-resolution, and lay them on one sheet."""
    from drivesim.config import shipped
    from drivesim.engine.cascade import Cascade
    from drivesim.engine.settings import parse_quality
    from drivesim.evaluation.scenario_sheet import scenario_sheet
    from drivesim.tensors import pick_device
    from drivesim.video_io import check_image_path, write_image

    check_image_path(out)
    settings = parse_quality(quality)
    cascade = Cascade.load(checkpoints or shipped("checkpoints"), pick_device(device))
    found = [find_scenario(path) or path for path in paths or [shipped("scenarios")]]
    write_image(out, scenario_sheet(cascade, settings, found, width, boxes, seed, _say))
    typer.echo(f"wrote {out}")


@app.command()
def motion(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Output folder of a rollout.")],
    worlds: Annotated[int, typer.Option(min=0, help="Held-out worlds to compare with.")] = 8,
) -> None:
    """Measure whether the road streams toward the camera in the futures of a rollout."""
    from drivesim.evaluation.motion import rollout_motion

    typer.echo(f"{'ground motion':<14}{'px a frame':>11}{'outward':>9}{'parallax':>10}")
    for name, figures in rollout_motion(folder, worlds).items():
        typer.echo(f"{name:<14}{figures.expansion:>11.2f}{figures.outward:>9.2f}{figures.parallax:>10.2f}")


def _say(text: str) -> None:
    typer.echo(text, err=True)


def _autoencoder_table(rows: dict[str, Fidelity]) -> str:
    from drivesim.evaluation.autoencoder import LEAST_PSNR

    lines = [f"{'autoencoder':<28}{'frames':>7}{'PSNR dB':>9}{'worst 10 %':>12}{'SSIM':>8}"]
    lines += [
        f"{name:<28}{row.frames:>7}{row.psnr:>9.2f}{row.psnr_worst_tenth:>12.2f}{row.ssim:>8.4f}"
        for name, row in rows.items()
    ]
    return "\n".join([*lines, f"PSNR of all held-out frames {_verdict(rows['all'].psnr, LEAST_PSNR)}"])


def _world_table(world: WorldFigures) -> str:
    from drivesim.evaluation.world import LEAST_ENERGY, LEAST_SPEED

    lines = [f"{'world':<28}{'frames':>7}{'gradient energy':>17}"]
    lines += [f"{'day, noise-free':<28}{world.day_frames:>7}{world.gradient_energy:>17.1f}"]
    for name, real in world.real.items():
        lines.append(f"{'real ' + name:<28}{real.frames:>7}{real.gradient_energy:>17.1f}")
        lines.append(f"world / real {name}: {real.ratio:.2f} {_verdict(real.ratio, LEAST_ENERGY)}")
    for (height, width), least in LEAST_SPEED.items():
        rate = world.frames_per_second[f"{height}x{width}"]
        lines.append(f"{height}x{width}: {rate:.1f} frames/s of one core {_verdict(rate, least)}")
    return "\n".join([*lines, f"making a world and its first frame of 512x1024 takes {world.seconds_a_world:.2f} s"])


def _verdict(value: float, least: float) -> str:
    return f"({'meets' if value >= least else 'MISSES'} the bar of {least:g})"
