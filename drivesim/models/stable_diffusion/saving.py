"""A fine-tuned Stable Diffusion as a folder that diffusers, and everything here, loads like a published one."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import yaml

from drivesim.config import InputError
from drivesim.models.stable_diffusion.folder import part_hash
from drivesim.models.stable_diffusion.network import StableDiffusion

NOTES = "drivesim.json"
"""How a folder of ours was trained; no other folder has it."""


def check_target(folder: Path) -> None:
    """InputError if something else than a folder of ours is there, which saving would replace."""
    if folder.exists() and not (folder / NOTES).is_file():
        raise InputError(f"{folder}: is there already, and was not written by `train export`; give another folder")


def save_folder(model: StableDiffusion, source: Path, folder: Path, training: dict[str, Any], recipe: dict[str, Any]) -> str:
    """Writes U-Net and text encoder of `model` with all else of the folder `source` that it came from; returns the U-Net's hash.

    All is written beside the folder first, which is replaced as a whole: interrupted, it never has parts of two models.
    """
    check_target(folder)
    scratch = folder.resolve().with_name(folder.resolve().name + ".part")
    shutil.rmtree(scratch, ignore_errors=True)
    shutil.copytree(source, scratch, ignore=shutil.ignore_patterns("*.bin", "*.ckpt", "*.msgpack", ".*"))
    for part in ("unet", "text_encoder"):
        shutil.rmtree(scratch / part)
    for single_file in scratch.glob("*.safetensors"):  # all parts in one file, with the old U-Net
        single_file.unlink()
    model.unet.save_pretrained(scratch / "unet", safe_serialization=True)
    model.text.clip.save_pretrained(scratch / "text_encoder")
    (scratch / NOTES).write_text(json.dumps(training, indent=2) + "\n", encoding="utf-8")
    (scratch / "train.yaml").write_text(yaml.safe_dump(recipe, sort_keys=False), encoding="utf-8")
    if folder.exists():
        shutil.rmtree(folder)
    scratch.rename(folder)
    return part_hash(folder, "unet")
