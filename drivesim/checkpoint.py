"""A checkpoint is a folder: config.json, weights.safetensors (fp16), train.yaml, and their sums in SHA256SUMS.

No pickles; loading is strict, and refuses what is not byte for byte what was written.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path
from typing import Any, TypeVar

import safetensors.torch
import torch
import yaml
from safetensors import SafetensorError
from torch import Tensor, nn

from drivesim.checksums import SUMS, faults, file_hash, read_sums, settle, write_sums
from drivesim.config import Config, InputError, read_json

FORMAT = 1
MAX_FILE_BYTES = 15 * 2**20
M = TypeVar("M", bound=nn.Module)


class Checkpoint(Config):
    """config.json: `kind` names the stage, `model` its architecture, `training` how it was made (steps, samples, seed, data).

    `base` is the sha256 of the weights that it was trained on top of, None if it stands alone; `decoder` the fingerprint of
    the decoder through which its context passes, None if there is none or it was not noted.
    """

    format: int
    kind: str
    model: dict[str, Any]
    training: dict[str, Any]
    base: str | None = None
    decoder: str | None = None


def weight_files(folder: Path) -> list[Path]:
    """The weight files of a checkpoint, in order of name."""
    return sorted(folder.glob("weights*.safetensors"))


def require_checkpoint(folder: Path) -> Path:
    """The folder; InputError if no checkpoint is there."""
    if not (folder / "config.json").is_file():
        raise InputError(f"{folder}: no checkpoint there (config.json is missing); train the stage or give the right folder")
    if not weight_files(folder):
        raise InputError(f"{folder}: no weights*.safetensors there; train the stage or give the right folder")
    return folder


def weights_hash(folder: Path) -> str:
    """sha256 over the weight files of a checkpoint, in order of name; InputError if there are none."""
    digest = hashlib.sha256()
    for file in weight_files(require_checkpoint(folder)):
        digest.update(file.read_bytes())
    return digest.hexdigest()


def write_checkpoint(folder: Path, checkpoint: Checkpoint, tensors: dict[str, Tensor], recipe: dict[str, Any]) -> str:
    """Writes a checkpoint folder with floating-point tensors as fp16; returns the hash of its weights.

    Weights are cut into files of at most 15 MiB, weights.safetensors or weights-00.safetensors and so on. All is written
    beside the folder first and then moved into it, config.json last: interrupted, a folder never pairs new weights with an
    old config. Other files of the folder stay, and are not in its SHA256SUMS.
    """
    scratch = folder.resolve().with_name(folder.resolve().name + ".part")
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir(parents=True)
    files: list[dict[str, Tensor]] = [{}]
    size = 0
    for name, tensor in sorted(tensors.items()):
        stored = tensor.detach().cpu().contiguous()
        stored = stored.half() if stored.is_floating_point() else stored
        if size + stored.nbytes > MAX_FILE_BYTES - 2**16 and files[-1]:
            files.append({})
            size = 0
        files[-1][name] = stored.clone()
        size += stored.nbytes
    for i, part in enumerate(files):
        name = "weights.safetensors" if len(files) == 1 else f"weights-{i:02d}.safetensors"
        safetensors.torch.save_file(part, scratch / name)
    (scratch / "train.yaml").write_text(yaml.safe_dump(recipe, sort_keys=False), encoding="utf-8")
    (scratch / "config.json").write_text(json.dumps(checkpoint.model_dump(), indent=2) + "\n", encoding="utf-8")
    sign_checkpoint(scratch)
    _swap(scratch, folder)
    return weights_hash(folder)


def _swap(scratch: Path, folder: Path) -> None:
    """Moves the files of a checkpoint from `scratch` to `folder`, which without a config.json is none meanwhile."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").unlink(missing_ok=True)
    for old in weight_files(folder):
        old.unlink()
    for new in (*weight_files(scratch), scratch / "train.yaml", scratch / SUMS, scratch / "config.json"):
        settle(new, folder / new.name)
    scratch.rmdir()


def sign_checkpoint(folder: Path) -> None:
    """Writes SHA256SUMS for the files of a checkpoint as they are."""
    files = (folder / "config.json", folder / "train.yaml", *weight_files(folder))
    write_sums(folder / SUMS, {file.name: file_hash(file) for file in files})


def checkpoint_faults(folder: Path) -> dict[str, str]:
    """What is wrong with the files of a checkpoint, by name: missing, changed or not in SHA256SUMS; empty if all is whole."""
    if not (folder / SUMS).is_file():
        return {SUMS: "is missing, so nobody can say whether the others are whole; `drivesim doctor DIR --repair` writes it"}
    try:
        sums = read_sums(folder / SUMS)
    except InputError:
        return {SUMS: "is damaged; copy or export the checkpoint again"}
    needed = {"config.json", "train.yaml", *(file.name for file in weight_files(folder))}
    return faults(folder, sums) | dict.fromkeys(sorted(needed - sums.keys()), f"is not in {SUMS}")


def read_checkpoint(folder: Path, kind: str) -> tuple[Checkpoint, dict[str, Tensor]]:
    """Reads a checkpoint folder; raises InputError if it is missing, of another kind or format, or damaged."""
    require_checkpoint(folder)
    checkpoint = Checkpoint.parse(read_json(folder / "config.json"), folder / "config.json")
    if checkpoint.format != FORMAT:
        raise InputError(f"{folder}/config.json: format {checkpoint.format} is not {FORMAT}; export the run again")
    if checkpoint.kind != kind:
        raise InputError(f"{folder}/config.json: this is a checkpoint of kind {checkpoint.kind}, expected {kind}")
    tensors: dict[str, Tensor] = {}
    for name, fault in checkpoint_faults(folder).items():
        raise InputError(f"{folder / name}: {fault}; copy or export the checkpoint again")
    for file in weight_files(folder):
        try:
            tensors.update(safetensors.torch.load_file(file))
        except (SafetensorError, OSError) as error:
            raise InputError(f"{file}: damaged weights ({error}); copy or export them again") from error
    return checkpoint, {name: x.float() if x.dtype == torch.float16 else x for name, x in tensors.items()}


def load_strictly(
    model: M, tensors: dict[str, Tensor], source: Path, described_by: str = "its config.json", advice: str = "export the run again"
) -> M:
    """Loads `tensors` into `model`; raises InputError naming what is missing, left over or of another shape, with `advice`."""
    expected = model.state_dict()
    missing = sorted(expected.keys() - tensors.keys())
    unknown = sorted(tensors.keys() - expected.keys())
    shapes = sorted(k for k in expected.keys() & tensors.keys() if expected[k].shape != tensors[k].shape)
    if missing or unknown or shapes:
        faults = [f"{len(n)} {what} ({n[0]})" for n, what in
                  ((missing, "missing"), (unknown, "unknown"), (shapes, "of another shape")) if n]  # fmt: skip
        raise InputError(f"{source}: its tensors do not fit {described_by}: {', '.join(faults)}; {advice}")
    model.load_state_dict(tensors)
    return model


def grown(value: Tensor, like: Tensor) -> Tensor:
    """A convolution's kernel [out in k k] with zeros for input channels that `like` has more, its taps added up where that one
    sees a single place; any other tensor as it is."""
    if value.ndim == 4 and value.shape[2] > 1 and like.shape == (*value.shape[:2], 1, 1):
        return value.sum(dim=(2, 3), keepdim=True)
    shape = (*value.shape[:1], *like.shape[1:2], *value.shape[2:])
    if value.ndim < 3 or like.shape != shape or like.shape[1] <= value.shape[1]:
        return value
    whole = torch.zeros(shape, dtype=value.dtype)
    whole[:, : value.shape[1]] = value
    return whole
