"""A run folder: recipe, log, previews and the state from which the same command goes on."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
import yaml
from safetensors import SafetensorError
from torch import Tensor, nn

from drivesim.config import InputError, read_yaml, write_atomic
from drivesim.training.optim import Ema, trainable


@dataclass
class TrainState:
    """Everything that a step changes: modules, their optimizers and averages, and the clock (samples seen, seconds spent)."""

    modules: dict[str, nn.Module]
    optimizers: dict[str, torch.optim.Optimizer]
    emas: dict[str, Ema]
    samples: int = 0
    seconds: float = 0.0


class Run:
    """The folder of one training run. `recipe` is kept as train.yaml; a run with another recipe is refused."""

    def __init__(self, folder: Path, recipe: dict[str, Any]) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / "train.yaml"
        if path.exists():
            changed = [key for key in recipe if read_yaml(path).get(key) != recipe[key]]
            if changed:
                raise InputError(f"{path}: this run was started with another {', '.join(changed)}; "
                                 "use another --run folder, or --init-from this one's export")  # fmt: skip
        else:
            write_atomic(path, yaml.safe_dump(recipe, sort_keys=False))

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
        if not path.exists():
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
        kept = module.state_dict()
        parameters = trainable(module)
        frozen = {name for name, _ in module.named_parameters()} - parameters.keys()
        for name, x in kept.items():
            if name not in frozen:
                yield f"{key}/weights/{name}", x
        for name, x in state.emas[key].tensors.items():
            yield f"{key}/ema/{name}", x
        for name, parameter in parameters.items():
            for field, x in state.optimizers[key].state.get(parameter, {}).items():
                yield f"{key}/optimizer/{field}/{name}", x


def prepare_optimizers(state: TrainState) -> None:
    """Gives fresh AdamW optimizers the tensors that their first step would make."""
    for key, module in state.modules.items():
        for parameter in trainable(module).values():
            state.optimizers[key].state[parameter] = {
                "step": torch.tensor(0.0),
                "exp_avg": torch.zeros_like(parameter),
                "exp_avg_sq": torch.zeros_like(parameter),
            }


def run_recipe(folder: Path) -> dict[str, Any]:
    """The recipe of a run folder; InputError if it is none."""
    if not (folder / "train.yaml").exists():
        raise InputError(f"{folder}: no training run there (train.yaml is missing)")
    return read_yaml(folder / "train.yaml")


def run_samples(folder: Path) -> int:
    """Samples that the saved state of a run has seen; 0 if nothing is saved."""
    path = folder / "state.safetensors"
    if not path.exists():
        return 0
    with safetensors.safe_open(path, framework="pt") as file:
        return int(file.metadata()["samples"])


def last_figures(folder: Path) -> dict[str, Any]:
    """The newest held-out figures in a run's log."""
    path = folder / "log.jsonl"
    lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()] if path.exists() else []
    held_out = [line["held_out"] for line in lines if "held_out" in line]
    return held_out[-1] if held_out else {}


