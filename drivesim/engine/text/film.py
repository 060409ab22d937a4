"""A film of a text on disk, and beside it what it was made of; what would fail after an hour fails before."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from drivesim import __version__
from drivesim.checkpoint import weights_hash
from drivesim.checksums import check_writable
from drivesim.config import InputError, write_atomic
from drivesim.engine.progress import Progress
from drivesim.engine.settings import TextSampling
from drivesim.engine.text.memory import check_memory, needed_memory
from drivesim.engine.text.temporal_parts import TemporalParts
from drivesim.engine.text.text_to_video import TextPrompt, TextToVideo
from drivesim.engine.text.upscaling import TextUpscaling
from drivesim.engine.timeline import Timeline
from drivesim.models.stable_diffusion.folder import check_folder, part_hash
from drivesim.models.stable_diffusion.upscaler import FACTOR, check_upscaler
from drivesim.tensors import pick_device
from drivesim.video_writer import VideoWriter


@dataclass(frozen=True)
class TextFilm:
    """All that decides the pixels of a film of a text; `transfer` as of VideoLDM.load, `lora` as of fold_lora.

    `temporal` is a checkpoint of temporal layers, or a folder of several: see TemporalParts.
    """

    prompt: TextPrompt
    backbone: Path
    temporal: Path
    seconds: float
    fps: float
    seed: int
    settings: TextSampling
    transfer: bool = False
    upscaler: Path | None = None
    lora: Path | None = None
    lora_strength: float = 1.0


def write_text_film(film: TextFilm, out: Path, device_name: str, show: Callable[[Progress], None]) -> None:
    """Makes the film `out` (.mp4), and `out` with the suffix .json; InputError or MachineError for what cannot be made."""
    timeline, device, notes = Timeline.of(film.seconds, film.fps), pick_device(device_name), out.with_suffix(".json")
    if out.suffix.lower() != ".mp4":
        raise InputError(f"--out {out}: films are written as MP4; give a name that ends in .mp4")
    for path in (out, notes):
        check_writable(path)
    check_folder(film.backbone)
    parts = TemporalParts.of(film.temporal)
    if film.upscaler is None:
        parts = parts._replace(upscaler=None)
    else:
        check_upscaler(film.upscaler)
    check_memory(needed_memory(film.backbone, parts, film.upscaler, film.settings, timeline.keys), device)
    maker = TextToVideo.load(
        film.backbone, parts.video, film.settings, device, film.transfer, film.lora, film.lora_strength, parts.decoder,
        parts.interpolation,
    )  # fmt: skip
    upscaling = None if film.upscaler is None else TextUpscaling.load(film.upscaler, film.settings, device, parts.upscaler)
    totals = maker.units(timeline)
    scale = 1
    if upscaling is not None:
        scale, totals["upsample"] = FACTOR, upscaling.units(timeline.frames)
    maker.progress = Progress(totals, show)
    pieces = maker.frames(film.prompt, timeline, film.seed)
    if upscaling is not None:
        upscaling.progress = maker.progress
        pieces = upscaling.upscaled(pieces, timeline.frames, film.prompt, film.seed)
    with VideoWriter(out, timeline.fps, scale * film.settings.height, scale * film.settings.width) as writer:
        for frames in pieces:
            writer.write(frames)
    write_atomic(notes, json.dumps(_described(film, parts, maker.settings, timeline), indent=2) + "\n")


def _described(film: TextFilm, parts: TemporalParts, settings: TextSampling, timeline: Timeline) -> dict[str, object]:
    """What made the film: everything that decides its pixels, networks by the sha256 of their weights."""
    return {
        **asdict(film),
        "backbone": part_hash(film.backbone, "unet"),
        "temporal": {name: None if part is None else weights_hash(part) for name, part in parts._asdict().items()},
        "upscaler": None if film.upscaler is None else part_hash(film.upscaler, "unet"),
        "lora": None if film.lora is None else str(film.lora),
        "settings": settings.model_dump(mode="json"),
        "frames": timeline.frames,
        "drivesim": __version__,
    }
