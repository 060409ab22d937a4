"""Memory that a text's film takes, before it starts: weights by their files' headers, feature maps by sizes."""

from __future__ import annotations

from pathlib import Path

import torch

from drivesim.checkpoint import weight_files
from drivesim.config import MachineError, read_json
from drivesim.engine.settings import TextSampling
from drivesim.engine.text.temporal_parts import TemporalParts
from drivesim.engine.text.text_to_video import DECODED_AT_ONCE
from drivesim.engine.text.upscaling import PORTION
from drivesim.engine.timeline import LINKS_AT_ONCE
from drivesim.models.stable_diffusion.folder import WITH_WEIGHTS, parameters, part_config
from drivesim.models.stable_diffusion.upscaler import FACTOR
from drivesim.video_format import INTERPOLATION_FACTOR, LATENT_FACTOR, WINDOW

FEATURE_MAPS = {"unet": 24, "vae": 6}
"""Of the finest level, float32, that a network without gradients holds at once: skips, input, output, attention."""
FRAMES_AT_ONCE = max(WINDOW, LINKS_AT_ONCE * (INTERPOLATION_FACTOR + 1))  # of a U-Net's largest batch, by links


def needed_memory(
    backbone: Path, temporal: TemporalParts, upscaler: Path | None, settings: TextSampling, keys: int = WINDOW
) -> int:
    """Bytes, about: all weights in float32, and the most feature maps that any network holds; a film has so many `keys`."""
    folders = [backbone] if upscaler is None else [backbone, upscaler]
    weights = sum(parameters(folder, part) for folder in folders for part in WITH_WEIGHTS)
    layers = [folder for folder in temporal if folder is not None]
    weights += sum(file.stat().st_size for folder in layers for file in weight_files(folder)) // 2  # fp16
    pixels = settings.height * settings.width
    decoded = DECODED_AT_ONCE
    if temporal.decoder is not None:  # a frame's neighbours within reach are decoded, too: one to either side a level
        decoded += 2 * len(part_config(backbone, "vae")["block_out_channels"])
    upscaled = 1 if temporal.upscaler is None else PORTION
    frames = max(keys if settings.at_once else 0, FRAMES_AT_ONCE, _remade(temporal.interpolation))
    maps = [
        _maps(backbone, "unet", frames * pixels // LATENT_FACTOR**2),
        _maps(backbone, "vae", decoded * pixels),
    ]
    if upscaler is not None:
        maps += [_maps(upscaler, "unet", upscaled * pixels), _maps(upscaler, "vae", FACTOR**2 * pixels)]
    return 4 * (weights + max(maps))


def _remade(interpolation: Path | None) -> int:
    """The frames of a clip that an interpolation makes anew at once; 0 where it goes link by link."""
    model = {} if interpolation is None else read_json(interpolation / "config.json").get("model", {})
    return INTERPOLATION_FACTOR * (int(model["base_frames"]) - 1) + 1 if model.get("context") == "repeated" else 0


def _maps(folder: Path, part: str, places: int) -> int:
    """Numbers in the feature maps of a part's finest level, which has so many places."""
    return FEATURE_MAPS[part] * int(part_config(folder, part)["block_out_channels"][0]) * places


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
