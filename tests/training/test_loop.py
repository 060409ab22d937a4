"""The loop on a toy stage: it learns, resumes bit for bit, and several processes train as one."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from drivesim.config import InputError
from drivesim.training.loop import batches, due, train
from drivesim.training.run import Run
from drivesim.training.stage import Recipe

sys.path.insert(0, str(Path(__file__).parent))
from toy import ToyStage

CPU = torch.device("cpu")


def recipe(**changes: object) -> Recipe:
    values = {"batch": 8, "samples": 1600, "learning_rate": 0.15, "warmup": 80, "clip": 10.0, "ema": 80,
              "evaluate_every": 800, "save_every": 400, "bf16": False}  # fmt: skip
    return Recipe.model_validate(values | changes)


def run_in(folder: Path, made: Recipe, stop_at: int | None = None) -> tuple[ToyStage, dict[str, torch.Tensor]]:
    """Trains the toy stage in `folder`, perhaps interrupted at `stop_at` samples."""
    stage = ToyStage(made)
    if stop_at is not None:
        losses = stage.losses

        def interrupted(batch: dict[str, torch.Tensor], samples: int):
            if samples == stop_at:
                raise KeyboardInterrupt
            return losses(batch, samples)

        stage.losses = interrupted  # type: ignore[method-assign]
        with pytest.raises(KeyboardInterrupt):
            train(stage, Run(folder, made.model_dump(mode="json")), CPU, lambda _: None)
        return stage, {}
    state = train(stage, Run(folder, made.model_dump(mode="json")), CPU, lambda _: None)
    weights = {f"{key}/{n}": p.detach().clone() for key, m in stage.modules.items() for n, p in m.named_parameters()}
    return stage, weights | {f"ema/{n}": x.clone() for n, x in state.emas["model"].tensors.items()}


def test_learns_the_linear_map(tmp_path: Path) -> None:
    run_in(tmp_path, recipe())
    lines = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    held_out = [line["held_out"]["error"] for line in lines if "held_out" in line]
    assert len(held_out) == 2
    assert held_out[-1] < 1e-2 < held_out[0]


@pytest.mark.parametrize("stop_at", [8, 792, 1200])
def test_resumed_training_equals_uninterrupted_bit_for_bit(tmp_path: Path, stop_at: int) -> None:
    _, whole = run_in(tmp_path / "whole", recipe())
    run_in(tmp_path / "parts", recipe(), stop_at)
    resumed, parts = run_in(tmp_path / "parts", recipe())
    assert resumed.seen[0] == stop_at
    assert whole.keys() == parts.keys()
    for name, tensor in whole.items():
        assert torch.equal(tensor, parts[name]), name


def test_every_sample_is_seen_once_whatever_the_processes() -> None:
    stage = ToyStage(recipe(samples=64))
    drawn = torch.cat([batch["index"] for batch in batches(stage, 16, CPU)])
    assert drawn.tolist() == list(range(16, 64))


def test_another_recipe_is_refused(tmp_path: Path) -> None:
    Run(tmp_path, recipe().model_dump(mode="json"))
    with pytest.raises(InputError, match="batch"):
        Run(tmp_path, recipe(batch=16).model_dump(mode="json"))


def test_damaged_state_is_refused_by_name(tmp_path: Path) -> None:
    run_in(tmp_path, recipe(samples=80))
    state = tmp_path / "state.safetensors"
    state.write_bytes(state.read_bytes()[:100])
    with pytest.raises(InputError, match="state.safetensors"):
        run_in(tmp_path, recipe(samples=80))


def test_due_marks_each_multiple_once() -> None:
    marks = [samples for samples in range(8, 200, 8) if due(50, 8, samples)]
    assert marks == [56, 104, 152]


def test_two_processes_train_as_one(tmp_path: Path) -> None:
    """Gradients of two gloo processes are averaged: the same weights as one process with the whole batch, up to rounding."""
    _, whole = run_in(tmp_path / "one", recipe(samples=400))
    script = (
        "import sys, torch, torch.distributed as dist\n"
        f"sys.path.insert(0, {str(Path(__file__).parent)!r})\n"
        "from pathlib import Path\n"
        "from test_loop import recipe, run_in\n"
        "dist.init_process_group('gloo')\n"
        f"_, weights = run_in(Path({str(tmp_path / 'two')!r}), recipe(samples=400))\n"
        f"torch.save(weights, Path({str(tmp_path)!r}) / f'rank{{dist.get_rank()}}.pt')\n"
        "dist.destroy_process_group()\n"
    )
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = os.environ | {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "WORLD_SIZE": "2", "OMP_NUM_THREADS": "1"}
    processes = [
        subprocess.Popen([sys.executable, "-c", script], env=environment | {"RANK": str(r), "LOCAL_RANK": str(r)})
        for r in range(2)
    ]
    assert [process.wait(timeout=120) for process in processes] == [0, 0]
    first, second = (torch.load(tmp_path / f"rank{r}.pt", weights_only=True) for r in range(2))
    for name, tensor in whole.items():
        assert torch.equal(first[name], second[name]), name
        torch.testing.assert_close(first[name], tensor, rtol=1e-4, atol=1e-5)
