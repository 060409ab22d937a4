"""`drivesim evaluate`: fidelity, speed, ablation, convolution, layout, scenarios, motion, tracks."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from drivesim.cli.numbers import LARGEST_SHEET_CELL, positive
from drivesim.cli.reports.figure_tables import autoencoder_table, figures_table, speed_table, world_table
from drivesim.scenario.names import find_scenario
from drivesim.video_format import NETWORK_WIDTH

if TYPE_CHECKING:
    from drivesim.evaluation.fidelity.measure import Answer

app = typer.Typer(help="Measure the shipped weights and the world, and look at every scenario.", no_args_is_help=True)

Checkpoints = Annotated[Path | None, typer.Option(metavar="DIR", help="Folder of the weights; default: the shipped ones.")]
Device = Annotated[str, typer.Option(help="auto, cpu or cuda.")]


@app.command()
def fidelity(
    quick: Annotated[bool, typer.Option("--quick", help="A small sample: minutes instead of hours.")] = False,
    frames: Annotated[
        int | None, typer.Option(callback=positive, help="Held-out worlds for the autoencoder. [default: 500, quick 160]")
    ] = None,
    seed: Annotated[int | None, typer.Option(min=0, help="Of the worlds; default: that of worlds training never sees.")] = None,
    real: Annotated[
        list[Path] | None, typer.Option(help="Film, image or folder of real daylight footage, to measure beside.")
    ] = None,
    real_frames: Annotated[int, typer.Option(min=1, help="Random frames of each --real.")] = 200,
    only: Annotated[str | None, typer.Option(metavar="PART", help="autoencoder, world or generated; default: all.")] = None,
    fid: Annotated[Path | None, typer.Option(metavar="FILE", help="TorchScript file of the Inception network, for FID.")] = None,
    fvd: Annotated[Path | None, typer.Option(metavar="FILE", help="TorchScript file of the I3D network, for FVD.")] = None,
    checkpoints: Checkpoints = None,
    json: Annotated[Path | None, typer.Option(metavar="FILE", help="Also write all figures to this file.")] = None,
    report: Annotated[Path | None, typer.Option(metavar="DIR", help="Write figures and sheets of what was measured there.")] = None,
    workers: Annotated[int | None, typer.Option(min=0, help="Rendering processes; default: one a core.")] = None,
    device: Device = "auto",
) -> None:
    """Measure weights on held-out worlds: what the autoencoder keeps, what the world is like, what is made beside renders."""
    from dataclasses import replace

    from drivesim.checksums import check_writable, make_folder
    from drivesim.config import shipped
    from drivesim.evaluation import held_out
    from drivesim.evaluation.fidelity import measure
    from drivesim.evaluation.fidelity.material import QUICK, WHOLE

    parts, amounts = measure.parse_part(only), QUICK if quick else WHOLE
    if json is not None:
        check_writable(json)
    if report is not None:
        make_folder(report)
    amounts = amounts if frames is None else replace(amounts, worlds=frames)
    question = measure.Question(
        checkpoints or shipped("checkpoints"),
        shipped("checkpoints") / "detector",
        amounts,
        parts,
        held_out.HELD_OUT_SEED if seed is None else seed,
        held_out.real_frames(real or [], real_frames),
        fid,
        fvd,
        device=device,
        workers=workers,
    )
    answer = measure.measure(question, _say)
    for table in (autoencoder_table(answer.rows), world_table(answer.world), figures_table(answer.figures)):
        if table:
            typer.echo(table)
    _write_report(answer, json, report)


def _write_report(answer: Answer, json: Path | None, report: Path | None) -> None:
    from json import dumps

    from drivesim.config import write_atomic
    from drivesim.video_io import write_image

    for path in (json, report and report / "figures.json"):
        if path is not None:
            write_atomic(path, dumps(answer.values(), indent=2) + "\n")
            typer.echo(f"wrote {path}")
    for name, sheet in answer.sheets.items() if report else ():
        assert report is not None
        write_image(report / f"{name}.jpg", sheet)
        typer.echo(f"wrote {report / name}.jpg")


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
    cascade = Cascade.load(checkpoints or shipped("checkpoints"), pick_device(device), transfer=True)
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

    rows = rollout_motion(folder, worlds)
    typer.echo(f"{'ground motion':<14}{'px a frame':>11}{'outward':>9}{'parallax':>10}")
    for name, figures in rows.items():
        typer.echo(f"{name:<14}{figures.expansion:>11.2f}{figures.outward:>9.2f}{figures.parallax:>10.2f}")


@app.command()
def tracks(
    folders: Annotated[list[Path], typer.Argument(metavar="DIR...", help="Output folders of rollouts.")],
    out: Annotated[Path, typer.Option(help="Sheet to write (.png, .jpg, .webp).")] = Path("tracks.png"),
    json: Annotated[Path | None, typer.Option(metavar="FILE", help="Also write the figures to this file.")] = None,
) -> None:
    """Lay crops of vehicles in a row, a second apart, and count: are they there, and does each stay the same car?"""
    from json import dumps

    from drivesim.checksums import check_writable
    from drivesim.config import write_atomic
    from drivesim.evaluation.track_figures import sightings, track_figures
    from drivesim.evaluation.track_sheet import finished_futures, track_sheet
    from drivesim.metrics.intervals import flat
    from drivesim.video_io import check_image_path, write_image

    check_image_path(out)
    if json is not None:
        check_writable(json)
    futures = finished_futures(folders)
    write_image(out, track_sheet(futures))
    figures = track_figures([sightings(rollout) for _, rollout in futures])
    typer.echo(figures_table(figures))
    if json is not None:
        write_atomic(json, dumps(flat(figures), indent=2) + "\n")
    typer.echo(f"wrote {out}" if json is None else f"wrote {out} and {json}")


@app.command()
def speed(
    quality: Annotated[
        list[str] | None, typer.Option(help="draft, standard or best; may be repeated. [default: standard and draft]")
    ] = None,
    rounds: Annotated[int, typer.Option(callback=positive, help="Times that everything is timed, after one that warms up.")] = 5,
    checkpoints: Checkpoints = None,
    json: Annotated[Path | None, typer.Option(metavar="FILE", help="Also write all figures to this file.")] = None,
    device: Device = "auto",
) -> None:
    """Time every phase of a rollout at 512x1024 and 30 fps, and the video network beside a public one of its size."""
    from json import dumps

    from drivesim.checksums import check_writable
    from drivesim.config import shipped, write_atomic
    from drivesim.engine.settings import Quality, parse_quality
    from drivesim.evaluation.speed import measure_speed
    from drivesim.metrics.intervals import flat
    from drivesim.tensors import pick_device

    chosen = list(dict.fromkeys(quality or ["standard", "draft"]))
    for name in chosen:
        parse_quality(name)
    if json is not None:
        check_writable(json)
    made = measure_speed(checkpoints or shipped("checkpoints"), pick_device(device), cast("list[Quality]", chosen), rounds, _say)
    typer.echo(speed_table(made, chosen))
    if json is not None:
        write_atomic(json, dumps(made.facts | flat(made.figures()), indent=2) + "\n")
        typer.echo(f"wrote {json}")


@app.command()
def ablation(
    study: Annotated[str, typer.Argument(metavar="STUDY", help="image, video, interpolation, decoder, upsampling or guidance.")],
    out: Annotated[Path, typer.Option(metavar="DIR", help="Runs of all arms, and the report.")],
    arms: Annotated[list[str] | None, typer.Option(help="Arm; may be repeated. [default: all of the study]")] = None,
    samples: Annotated[int | None, typer.Option(callback=positive, help="Of every arm. [default: the study's]")] = None,
    seeds: Annotated[int, typer.Option(callback=positive, help="Runs of every arm.")] = 2,
    parts: Annotated[int, typer.Option(callback=positive, help="Batches that are held out.")] = 8,
    preset: Annotated[str, typer.Option(help="tiny (tests), cpu (two cores) or gpu (one large GPU).")] = "cpu",
    data: Annotated[list[Path] | None, typer.Option(help="Store to learn from; default: rendered as the preset says.")] = None,
    held_out: Annotated[list[Path] | None, typer.Option(help="Store to be measured on.")] = None,
    data_folder: Annotated[Path, typer.Option(help="Where stores are rendered.")] = Path("runs/data"),
    set_: Annotated[list[str] | None, typer.Option("--set", metavar="FIELD=VALUE", help="Recipe field of all arms.")] = None,
    checkpoints: Checkpoints = None,
    device: Device = "auto",
    workers: Annotated[int | None, typer.Option(min=0, help="Rendering processes. [default: one a core]")] = None,
) -> None:
    """Train what a study's arms lack or have instead, all alike, and compare them held out; the same command again goes on."""
    from drivesim.config import InputError, shipped
    from drivesim.evaluation.ablation.run import AblationQuestion, chosen_arms, run_study
    from drivesim.training.__main__ import parse_overrides
    from drivesim.training.presets import PRESETS

    chosen_arms(study, tuple(arms or ()))
    if preset not in PRESETS:
        raise InputError(f"--preset {preset}: choose one of {', '.join(PRESETS)}")
    question = AblationQuestion(
        study, out, checkpoints or shipped("checkpoints"), shipped("checkpoints") / "detector", tuple(arms or ()), seeds, samples,
        parts, preset, tuple(data or ()), tuple(held_out or ()), data_folder, parse_overrides(set_ or []),
        device, workers,
    )  # fmt: skip
    file = run_study(question, typer.echo)
    typer.echo(file.read_text(encoding="utf-8"))
    typer.echo(f"wrote {file}")


@app.command()
def convolution(
    out: Annotated[Path, typer.Option(metavar="DIR", help="Figures and a sheet are written there.")],
    clips: Annotated[int, typer.Option(callback=positive, help="Held-out worlds, a clip each.")] = 6,
    quality: Annotated[str, typer.Option(help="draft, standard or best: more sampling steps.")] = "standard",
    checkpoints: Checkpoints = None,
    device: Device = "auto",
) -> None:
    """Sample clips four times as long, and frames twice as wide, in one go, and compare them with window by window."""
    from json import dumps

    from drivesim.checksums import make_folder
    from drivesim.config import shipped, write_atomic
    from drivesim.engine.settings import parse_quality
    from drivesim.evaluation.convolution import measure_convolution
    from drivesim.metrics.intervals import flat
    from drivesim.tensors import pick_device
    from drivesim.video_io import write_image

    settings, weights = parse_quality(quality), checkpoints or shipped("checkpoints")
    make_folder(out)
    measured = measure_convolution(weights, settings, pick_device(device), clips, say=_say)
    typer.echo(figures_table(measured.figures))
    write_atomic(out / "figures.json", dumps(measured.facts | flat(measured.figures), indent=2) + "\n")
    write_image(out / "sheet.png", measured.sheet)
    typer.echo(f"wrote {out / 'figures.json'} and {out / 'sheet.png'}")


@app.command()
def layout(
    frames: Annotated[int, typer.Option(callback=positive, help="Held-out worlds, a frame each.")] = 200,
    json: Annotated[Path | None, typer.Option(metavar="FILE", help="Also write all figures to this file.")] = None,
) -> None:
    """Compare the layout's maps and flow with the renderer's own classes, depth and motion, at 128x256."""
    from json import dumps

    from drivesim.checksums import check_writable
    from drivesim.config import write_atomic
    from drivesim.evaluation.held_out import HELD_OUT_SEED
    from drivesim.evaluation.layout_agreement import measure_layout
    from drivesim.metrics.intervals import flat
    from drivesim.metrics.layout_agreement import agreement_figures

    if json is not None:
        check_writable(json)
    figures = agreement_figures(measure_layout(frames, say=_say))
    typer.echo(figures_table(figures))
    if json is not None:
        facts = {"frames": frames, "seed": HELD_OUT_SEED}
        write_atomic(json, dumps(facts | flat(figures), indent=2) + "\n")
        typer.echo(f"wrote {json}")


def _say(text: str) -> None:
    typer.echo(text, err=True)
