"""A run folder: recipe, log, previews and the state from which the same command goes on."""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
import yaml
from safetensors import SafetensorError
from torch import Tensor, nn

from drivesim.config import InputError, read_yaml, write_atomic
from drivesim.training.optim import Ema, rank, trainable


@dataclass
class TrainState:
    """Everything that a step changes: modules, their optimizers and averages, and the clock (samples seen, seconds spent)."""

    modules: dict[str, nn.Module]
    optimizers: dict[str, tuple[torch.optim.Optimizer, ...]]
    emas: dict[str, Ema]
    samples: int = 0
    seconds: float = 0.0


class Run:
    """The folder of one training run. `recipe` is kept as train.yaml; a run with another recipe is refused.

    Fields that only one of the two recipes has do not count: programs gain fields, whose default is what they did before.
    Neither does `device`, which is a note.
    """

    def __init__(self, folder: Path, recipe: dict[str, Any]) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / "train.yaml"
        noted = {key: recipe[key] for key in recipe.keys() & {"device"}}
        old = read_yaml(path) if path.exists() else {}
        changed = [key for key in recipe if key in old and key not in noted and _differ(old[key], recipe[key])]
        if changed:
            raise InputError(f"{path}: this run was started with another {', '.join(changed)}; "
                             "use another --run folder, or --init-from this one's export")  # fmt: skip
        kept = _joined(recipe, old) | noted
        if kept != old and rank() == 0:
            write_atomic(path, yaml.safe_dump(kept, sort_keys=False))

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Within it no other process can train in the folder; InputError if one does."""
        if rank() != 0:
            yield
            return
        lock = os.open(self.folder, os.O_RDONLY)
        try:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise InputError(f"{self.folder}: a process is training there; wait for it or use another --run folder") from error
            yield
        finally:
            os.close(lock)

    def log(self, **figures: Any) -> None:
        """Appends one line to log.jsonl."""
        with (self.folder / "log.jsonl").open("a", encoding="utf-8") as file:
            file.write(json.dumps({"time": round(time.time(), 1), **figures}) + "\n")

    def save(self, state: TrainState) -> None:
        """Writes the state so that a crash leaves either the old or the new one."""
        scratch = self.folder / "state.safetensors.part"
        tensors = {name: x.detach().cpu().contiguous().clone() for name, x in _state_tensors(state)}
        safetensors.torch.save_file(tensors, scratch, {"samples": str(state.samples), "seconds": repr(state.seconds)})
        scratch.replace(self.folder / "state.safetensors")

    def resume(self, state: TrainState) -> bool:
        """Fills `state` from the folder; False if there is nothing yet."""
        path = self.folder / "state.safetensors"
        if not has_state(self.folder):
            return False
        try:
            with safetensors.safe_open(path, framework="pt") as file:
                clock = file.metadata()
                tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        except (SafetensorError, OSError) as error:
            raise InputError(f"{path}: damaged training state ({error}); delete it to start anew") from error
        with torch.no_grad():
            for name, x in _state_tensors(state):
                if name not in tensors or tensors[name].shape != x.shape:
                    raise InputError(f"{path}: {name} does not fit the model; use another --run folder")
                x.copy_(tensors[name])
        state.samples, state.seconds = int(clock["samples"]), float(clock["seconds"])
        return True


def _state_tensors(state: TrainState) -> Iterator[tuple[str, Tensor]]:
    """Every tensor of the state with a stable name."""
    for key, module in state.modules.items():
        for name, x in module.state_dict().items():
            yield f"{key}/weights/{name}", x
        for name, x in state.emas[key].tensors.items():
            yield f"{key}/ema/{name}", x
        for name, parameter in trainable(module).items():
            for optimizer in state.optimizers[key]:
                for field, x in optimizer.state.get(parameter, {}).items():
                    yield f"{key}/optimizer/{field}/{name}", x


def run_recipe(folder: Path) -> dict[str, Any]:
    """The recipe of a run folder; InputError if it is none."""
    if not (folder / "train.yaml").exists():
        raise InputError(f"{folder}: no training run there (train.yaml is missing)")
    return read_yaml(folder / "train.yaml")


def has_state(folder: Path) -> bool:
    """Whether a run has saved its state there."""
    return (folder / "state.safetensors").exists()


def _differ(old: Any, new: Any) -> bool:
    """Whether two values of a recipe differ; of mappings, in the keys that both have."""
    if isinstance(old, dict) and isinstance(new, dict):
        return any(_differ(old[key], new[key]) for key in old.keys() & new.keys())
    return bool(old != new)


def _joined(new: dict[str, Any], old: dict[str, Any]) -> dict[str, Any]:
    """`old` with the fields that only `new` has, those of mappings within included."""
    both = {key: _joined(new[key], value) for key, value in old.items() if isinstance(value, dict) and key in new}
    return new | old | both


def last_figures(folder: Path) -> dict[str, Any]:
    """The newest held-out figures in a run's log."""
    path = folder / "log.jsonl"
    lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()] if path.exists() else []
    held_out = [line["held_out"] for line in lines if "held_out" in line]
    return held_out[-1] if held_out else {}


