"""LoRA folders of diffusers, folded into a backbone (Hu et al. 2106.09685).

Each weight W of which they speak becomes W + strength * alpha / rank * up down.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import NamedTuple

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn

from drivesim.config import InputError
from drivesim.models.stable_diffusion.network import StableDiffusion

FILE = "pytorch_lora_weights.safetensors"
_KEY = re.compile(
    r"(?P<part>unet|text_encoder)\.(?P<layer>.+?)"
    r"(?:\.lora_(?P<letter>[AB])|(?:\.lora|\.lora_linear_layer|_lora)\.(?P<side>down|up))\.weight"
)
_ALPHA = re.compile(r"(?P<part>unet|text_encoder)\.(?P<layer>.+?)\.alpha")


class LowRank(NamedTuple):
    """What is added to one layer: `up` [o r ...] times `down` [r i ...], scaled."""

    down: Tensor
    up: Tensor
    scale: float

    def change(self, shape: torch.Size) -> Tensor:
        """The change of a weight of this shape: a matrix, or the kernels of a convolution."""
        return self.scale * (self.up.flatten(1).float() @ self.down.flatten(1).float()).reshape(shape)


def fold_lora(model: StableDiffusion, folder: Path, strength: float = 1.0) -> None:
    """Adds a LoRA folder (or file) to U-Net and text encoder; `weights` of the model stay those of its backbone.

    InputError if it is missing or damaged, of another format than diffusers', or of another kind of model.
    """
    path = folder / FILE if folder.is_dir() else folder
    changes: list[tuple[Tensor, Tensor]] = []
    for (part, name), low_rank in _read(path).items():
        weight = _weight(model.unet if part == "unet" else model.text.clip, name)
        try:
            if weight is None:
                raise RuntimeError("no such layer")
            changes.append((weight, low_rank.change(weight.shape)))
        except RuntimeError as error:
            raise InputError(f"{path}: {part}.{name} does not fit this backbone ({error}); give its own") from error
    with torch.no_grad():
        for weight, change in changes:
            weight.add_(strength * change)


def _weight(network: nn.Module, name: str) -> Tensor | None:
    """The weight of a layer; names of older text encoders begin with text_model, and an attention's last layer is number 0."""
    for known in (name, name.removeprefix("text_model."), f"{name}.0"):
        try:
            found = network.get_submodule(known.replace(".processor.", "."))
        except AttributeError:
            continue
        if isinstance(found, nn.Linear | nn.Conv2d):
            return found.weight
    return None


def _read(path: Path) -> dict[tuple[str, str], LowRank]:
    """The changes of each layer, by part and name."""
    if not path.is_file():
        raise InputError(f"{path}: no such file; give a LoRA folder that diffusers has saved ({FILE})")
    try:
        with safe_open(path, framework="pt") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            notes = json.loads((file.metadata() or {}).get("lora_adapter_metadata", "{}"))
    except (SafetensorError, OSError, ValueError) as error:
        raise InputError(f"{path}: damaged LoRA weights ({error}); copy them again") from error
    sides: dict[tuple[str, str], dict[str, Tensor]] = {}
    alphas: dict[tuple[str, str], float] = {}
    for key, tensor in tensors.items():
        if alpha := _ALPHA.fullmatch(key):
            alphas[alpha["part"], alpha["layer"]] = float(tensor)
        elif found := _KEY.fullmatch(key):
            side = found["side"] or {"A": "down", "B": "up"}[found["letter"]]
            sides.setdefault((found["part"], found["layer"]), {})[side] = tensor
        else:
            raise InputError(f"{path}: {key} is no name that diffusers gives; load it there and save it with save_lora_weights")
    if single := [".".join(layer) for layer, pair in sides.items() if len(pair) != 2]:
        raise InputError(f"{path}: {single[0]} has one of its two matrices alone; copy it again")
    found_layers = {}
    for layer, pair in sides.items():
        rank = len(pair["down"])
        found_layers[layer] = LowRank(pair["down"], pair["up"], alphas.get(layer, _noted_alpha(notes, layer, rank)) / rank)
    return found_layers


def _noted_alpha(notes: dict[str, object], layer: tuple[str, str], rank: int) -> float:
    """The alpha that the file's notes give a layer; the rank itself, a scale of 1, where they give none."""
    part, name = layer
    pattern = notes.get(f"{part}.alpha_pattern")
    alpha = pattern.get(name) if isinstance(pattern, dict) else None
    noted = notes.get(f"{part}.lora_alpha", rank) if alpha is None else alpha
    return float(noted) if isinstance(noted, int | float) else float(rank)
