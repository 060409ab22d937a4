"""`drivesim text-to-video`: a sentence becomes video, by a public image model with temporal layers."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from drivesim.cli.numbers import parse_pixels, positive
from drivesim.cli.rollout import progress_bars, stoppable
from drivesim.video_format import FRAME_RATES


def text_to_video(
    prompt: Annotated[str, typer.Argument(help="What the video shall show.")],
    backbone: Annotated[Path, typer.Option(help="Stable Diffusion folder (diffusers; 1.x or 2.x).")],
    temporal: Annotated[Path, typer.Option(help="Checkpoint of temporal layers (train video-ldm --backbone, exported), or a "
                                                   "folder of video-ldm, interpolation, decoder, super-resolution, so trained.")],
    out: Annotated[Path, typer.Option(metavar="VIDEO", help="Film to write (.mp4); what made it is written beside it (.json).")],
    negative: Annotated[str, typer.Option(help="What it shall not show.")] = "",
    seconds: Annotated[float, typer.Option(callback=positive)] = 4.0,
    fps: Annotated[float, typer.Option(callback=positive, help="{:g}, {:g} or {:g}.".format(*FRAME_RATES))] = FRAME_RATES[-1],
    size: Annotated[str, typer.Option(metavar="HEIGHTxWIDTH", help="Frame size in pixels.")] = "256x512",
    seed: Annotated[int, typer.Option(min=0)] = 0,
    guidance: Annotated[float, typer.Option(callback=positive, help="How far away from the negative text.")] = 7.5,
    steps: Annotated[int, typer.Option(min=1, help="Sampling steps of key frames; half of them between, and to upscale.")] = 50,
    at_once: Annotated[
        bool, typer.Option("--at-once", help="Predict all key frames in one go, not in windows: memory grows with the length.")
    ] = False,
    transfer: Annotated[
        bool, typer.Option("--transfer", help="The temporal layers were trained in another backbone of the same kind.")
    ] = False,
    lora: Annotated[Path | None, typer.Option(help="LoRA folder of diffusers for this backbone.")] = None,
    lora_strength: Annotated[float, typer.Option(callback=positive, help="How much of it; 1 is as it was trained.")] = 1.0,
    upscaler: Annotated[
        Path | None, typer.Option(help="Folder of the Stable Diffusion x4 upscaler: frames four times as large.")
    ] = None,
    upscaler_level: Annotated[
        int | None,
        typer.Option(min=0, help="Noise on the frames that the upscaler is given, a diffusion time: more leaves it more freedom. "
                     "[default: 20]"),
    ] = None,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "auto",
) -> None:
    """Make a video of PROMPT."""
    from drivesim.config import InputError
    from drivesim.engine.settings import TextSampling
    from drivesim.engine.text.film import TextFilm, write_text_film
    from drivesim.engine.text.text_to_video import TextPrompt

    height, width = parse_pixels("--size", size)
    half = -(-steps // 2)
    values = {"guidance": guidance, "steps": steps, "interpolation_steps": half, "upscaler_steps": half, "height": height,
              "width": width, "at_once": at_once}  # fmt: skip
    if upscaler_level is not None:
        if upscaler is None:
            raise InputError(f"--upscaler-level {upscaler_level}: is for an upscaler; give --upscaler, or leave it out")
        values["upscaler_level"] = upscaler_level
    settings = TextSampling.parse(values, "text-to-video")
    film = TextFilm(TextPrompt(prompt, negative), backbone, temporal, seconds, fps, seed, settings, transfer, upscaler, lora,
                    lora_strength)  # fmt: skip
    with stoppable("interrupted; nothing is written"), progress_bars() as show:
        write_text_film(film, out, device, show)
    typer.echo(f"wrote {out}")
