"""A film of a text on disk, and beside it what it was made of; what would fail after an hour fails before."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import torch

from drivesim import __version__
from drivesim.checkpoint import require_checkpoint, weights_hash
from drivesim.checksums import check_writable
from drivesim.config import InputError, MachineError, write_atomic
from drivesim.engine.progress import Progress
from drivesim.engine.settings import TextSampling
from drivesim.engine.text_to_video import TextPrompt, TextToVideo
from drivesim.engine.timeline import LINKS_AT_ONCE, Timeline
from drivesim.models.stable_diffusion.folder import WITH_WEIGHTS, check_folder, parameters, part_config, part_hash
from drivesim.tensors import pick_device
from drivesim.video_format import INTERPOLATION_FACTOR, LATENT_FACTOR, WINDOW
from drivesim.video_writer import VideoWriter

ACTIVATIONS = 24
"""Feature maps of the finest level, float32, that a U-Net without gradients holds at once: skips, input, output, attention."""


@dataclass(frozen=True)
class TextFilm:
    """All that decides the pixels of a film of a text."""

    prompt: TextPrompt
    backbone: Path
    temporal: Path
    seconds: float
    fps: float
    seed: int
    settings: TextSampling
    transfer: bool = False


def write_text_film(film: TextFilm, out: Path, device_name: str, show: Callable[[Progress], None]) -> None:
    """Makes the film `out` (.mp4), and `out` with the suffix .json; InputError or MachineError for what cannot be made."""
    timeline, device, notes = Timeline.of(film.seconds, film.fps), pick_device(device_name), out.with_suffix(".json")
    if out.suffix.lower() != ".mp4":
        raise InputError(f"--out {out}: films are written as MP4; give a name that ends in .mp4")
    for path in (out, notes):
        check_writable(path)
    check_folder(film.backbone)
    require_checkpoint(film.temporal)
    check_memory(needed_memory(film), device)
    maker = TextToVideo.load(film.backbone, film.temporal, film.settings, device, film.transfer)
    maker.progress = Progress(maker.units(timeline), show)
    with VideoWriter(out, timeline.fps, film.settings.height, film.settings.width) as writer:
        for frames in maker.frames(film.prompt, timeline, film.seed):
            writer.write(frames)
    described = {
        **asdict(film), "backbone": part_hash(film.backbone, "unet"), "temporal": weights_hash(film.temporal),
        "settings": maker.settings.model_dump(mode="json"), "frames": timeline.frames, "drivesim": __version__,
    }  # fmt: skip
    write_atomic(notes, json.dumps(described, indent=2) + "\n")


def needed_memory(film: TextFilm) -> int:
    """Bytes that making the film takes, about: all weights in float32, and what the U-Net holds of its largest batch of frames."""
    weights = sum(parameters(film.backbone, part) for part in WITH_WEIGHTS)
    stored = sum(file.stat().st_size for file in film.temporal.glob("weights*.safetensors")) // 2  # fp16
    frames = max(WINDOW, LINKS_AT_ONCE * (INTERPOLATION_FACTOR + 1))
    width = int(part_config(film.backbone, "unet")["block_out_channels"][0])
    cells = film.settings.height * film.settings.width // LATENT_FACTOR**2
    return 4 * (weights + stored + ACTIVATIONS * frames * width * cells)


def check_memory(needed: int, device: torch.device) -> None:
    """MachineError if the device has less free memory than is needed; nothing where nobody says how much that is."""
    free = free_memory(device)
    if free is not None and free < needed:
        where = "GPU memory" if device.type == "cuda" else "memory"
        raise MachineError(f"about {needed / 2**30:.1f} GiB of {where} are needed and {free / 2**30:.1f} are free; close other "
                           "programs, or give a smaller --size or another --device")  # fmt: skip


def free_memory(device: torch.device) -> int | None:
    """Bytes that are free on the device; None where that is not said."""
    if device.type == "cuda":
        return torch.cuda.mem_get_info(device)[0]
    meminfo = Path("/proc/meminfo")
    lines = meminfo.read_text().splitlines() if meminfo.is_file() else []
    return next((1024 * int(line.split()[1]) for line in lines if line.startswith("MemAvailable")), None)
