"""The loop on a toy stage: it learns, resumes bit for bit, and several processes train as one."""

from __future__ import annotations

import json
import math
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from toy import ToyStage

from drivesim.config import InputError, MachineError, read_yaml
from drivesim.training.loop import SKIPS_IN_A_ROW, batches, due, signals_noted, start_state, step, train
from drivesim.training.run import Run
from drivesim.training.stage import Recipe

CPU = torch.device("cpu")


def recipe(**changes: object) -> Recipe:
    values = {"batch": 8, "samples": 1600, "learning_rate": 0.15, "warmup": 80, "clip": 10.0, "ema": 80,
              "evaluate_every": 800, "save_every": 400, "bf16": False}  # fmt: skip
    return Recipe.model_validate(values | changes)


def disturbed(made: Recipe, at: int, disturb: Callable[[], None]) -> ToyStage:
    """The toy stage, to which something happens in the middle of the step that begins at `at` samples."""
    stage = ToyStage(made)
    losses = stage.losses

    def losses_and_more(batch: dict[str, torch.Tensor], samples: int):
        for number, loss in enumerate(losses(batch, samples)):
            yield loss
            if samples == at and number == 0:
                disturb()

    stage.losses = losses_and_more  # type: ignore[method-assign]
    return stage


def run_in(
    folder: Path, made: Recipe, stop_at: int | None = None, number: int = signal.SIGINT
) -> tuple[ToyStage, dict[str, torch.Tensor]]:
    """Trains the toy stage in `folder`, perhaps interrupted by a signal in the step from `stop_at` samples on."""
    stage = ToyStage(made)
    if stop_at is not None:
        stage = disturbed(made, stop_at, lambda: os.kill(os.getpid(), number))
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


@pytest.mark.parametrize(
    ("stop_at", "number", "optimizer"),
    [(8, signal.SIGINT, "adamw"), (792, signal.SIGTERM, "adamw"), (1200, signal.SIGINT, "adamw"), (1200, signal.SIGINT, "muon")],
)
def test_resumed_training_equals_uninterrupted_bit_for_bit(tmp_path: Path, stop_at: int, number: int, optimizer: str) -> None:
    made = recipe(optimizer=optimizer)
    _, whole = run_in(tmp_path / "whole", made)
    run_in(tmp_path / "parts", made, stop_at, number)
    resumed, parts = run_in(tmp_path / "parts", made)
    assert resumed.seen[0] == stop_at + 8  # the step in which the signal came was made whole
    assert whole.keys() == parts.keys()
    for name, tensor in whole.items():
        assert torch.equal(tensor, parts[name]), name


def test_an_exception_within_a_step_leaves_the_last_good_state(tmp_path: Path) -> None:
    """One module has stepped, the other has not: nothing of that is saved, whether it is a fault or a second Ctrl-C."""

    def fail() -> None:
        raise ArithmeticError

    def interrupt_twice() -> None:
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGINT)

    _, whole = run_in(tmp_path / "whole", recipe())
    values = recipe().model_dump(mode="json")
    for error, disturb in ((ArithmeticError, fail), (KeyboardInterrupt, interrupt_twice)):
        run = Run(tmp_path / error.__name__, values)
        with pytest.raises(error):
            train(disturbed(recipe(), 1000, disturb), run, CPU, lambda _: None)
        resumed, parts = run_in(run.folder, recipe())
        assert resumed.seen[0] == 800
        assert all(torch.equal(tensor, parts[name]) for name, tensor in whole.items())


def test_signal_handlers_are_put_back() -> None:
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    with signals_noted() as asked:
        os.kill(os.getpid(), signal.SIGTERM)
        assert asked.is_set()
    assert before == (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM))


def with_gradients_of(worth: Callable[[int], float]) -> ToyStage:
    """The toy stage with its loss multiplied by what `worth` says of the samples seen."""
    stage = ToyStage(recipe(optimizer="muon"))
    losses = stage.losses
    stage.losses = lambda batch, samples: (  # type: ignore[method-assign]
        (name, worth(samples) * loss, {"noted": worth(samples) * loss.detach()}) for name, loss, _ in losses(batch, samples)
    )
    return stage


def test_steps_without_finite_gradients_change_nothing_and_are_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("drivesim.training.loop.REPORT_SECONDS", -1.0)
    bad = {80, 88, 400}
    said: list[str] = []
    stage = with_gradients_of(lambda samples: math.nan if samples in bad else 1.0)
    train(stage, Run(tmp_path, {}), CPU, said.append)
    lines = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert {line["samples"] - 8 for line in lines if line.get("skipped_steps")} == bad
    assert sum("1 steps SKIPPED" in line for line in said) == 3
    assert all(math.isfinite(value) for line in lines for value in line.values() if isinstance(value, float))
    assert stage.evaluate()["error"] < 0.1


def test_many_steps_without_finite_gradients_end_the_run(tmp_path: Path) -> None:
    stage = with_gradients_of(lambda samples: math.inf if samples >= 160 else 1.0)
    with pytest.raises(MachineError, match=f"{SKIPS_IN_A_ROW} steps in a row.*320 samples is saved"):
        train(stage, Run(tmp_path, {}), CPU, lambda _: None)
    saved = ToyStage(recipe(optimizer="muon"))
    assert start_state(saved, Run(tmp_path, {})).samples == 160 + 8 * SKIPS_IN_A_ROW
    assert torch.isfinite(saved.model.weight).all()


@pytest.mark.parametrize(("wanted", "there"), [(True, True), (True, False), (False, True)])
def test_bfloat16_where_it_is_wanted_and_the_device_has_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, wanted: bool, there: bool
) -> None:
    monkeypatch.setattr("drivesim.training.loop.computes_bfloat16", lambda device: there)
    stage = ToyStage(recipe(bf16=wanted))
    kinds = set()
    stage.model.register_forward_hook(lambda module, args, made: kinds.add(made.dtype))
    state = start_state(stage, Run(tmp_path / "run", {}))
    step(stage, state, stage.draw(0, range(stage.recipe.batch)), torch.device("cpu"))
    assert kinds == {torch.bfloat16 if wanted and there else torch.float32}


def test_every_sample_is_seen_once_whatever_the_processes() -> None:
    stage = ToyStage(recipe(samples=64))
    drawn = torch.cat([batch["index"] for batch in batches(stage, 16, CPU)])
    assert drawn.tolist() == list(range(16, 64))


def test_another_recipe_is_refused(tmp_path: Path) -> None:
    Run(tmp_path, recipe().model_dump(mode="json"))
    with pytest.raises(InputError, match="batch"):
        Run(tmp_path, recipe(batch=16).model_dump(mode="json"))


def test_fields_that_an_older_program_did_not_know_count_as_their_default(tmp_path: Path) -> None:
    Run(tmp_path, {"batch": 8, "model": {"width": 3}, "gone": 1})
    Run(tmp_path, {"batch": 8, "model": {"width": 3, "depth": 2}, "clip": 1.0, "device": "a"})
    expected = {"batch": 8, "model": {"width": 3, "depth": 2}, "gone": 1, "clip": 1.0, "device": "b"}
    Run(tmp_path, {"batch": 8, "device": "b"})  # a note, no part of the recipe
    assert read_yaml(tmp_path / "train.yaml") == expected
    for other, name in (({"clip": 2.0}, "clip"), ({"model": {"depth": 4}}, "model")):
        with pytest.raises(InputError, match=name):
            Run(tmp_path, other)


def test_only_one_process_trains_in_a_folder(tmp_path: Path) -> None:
    run = Run(tmp_path, recipe(samples=80).model_dump(mode="json"))
    with run.locked(), pytest.raises(InputError, match="a process is training there"):
        run_in(tmp_path, recipe(samples=80))
    run_in(tmp_path, recipe(samples=80))


def test_frozen_parameters_are_part_of_the_state(tmp_path: Path) -> None:
    """They may come from another checkpoint, which need not be there any more."""

    def frozen(value: float) -> ToyStage:
        stage = ToyStage(recipe(samples=80))
        stage.modules["model"].register_parameter("kept", torch.nn.Parameter(torch.tensor(value), requires_grad=False))
        return stage

    run = Run(tmp_path, {})
    train(frozen(7.0), run, CPU, lambda _: None)
    stage = frozen(0.0)
    start_state(stage, run)
    assert stage.modules["model"].kept == 7.0


def test_damaged_state_is_refused_by_name(tmp_path: Path) -> None:
    run_in(tmp_path, recipe(samples=80))
    state = tmp_path / "state.safetensors"
    state.write_bytes(state.read_bytes()[:100])
    with pytest.raises(InputError, match="state.safetensors"):
        run_in(tmp_path, recipe(samples=80))


def test_due_marks_each_multiple_once() -> None:
    marks = [samples for samples in range(8, 200, 8) if due(50, 8, samples)]
    assert marks == [56, 104, 152]


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What two gloo processes leave that train the toy stage to its end, then until the second one gets a signal, then until the
    time of the first one is over."""
    folder = tmp_path_factory.mktemp("pair")
    in_two_processes(
        f"folder = Path({str(folder)!r})\n"
        "_, weights = run_in(folder / 'two', recipe(samples=400))\n"
        "torch.save(weights, folder / f'rank{dist.get_rank()}.pt')\n"
        "values = recipe().model_dump(mode='json')\n"
        "signalled = (lambda: os.kill(os.getpid(), signal.SIGTERM)) if dist.get_rank() == 1 else (lambda: None)\n"
        "try:\n"
        "    train(disturbed(recipe(), 400, signalled), Run(folder / 'signal', values), CPU, lambda _: None)\n"
        "    raise SystemExit('not interrupted')\n"
        "except KeyboardInterrupt:\n"
        "    pass\n"
        "seconds = 0.0 if dist.get_rank() == 0 else 1e9\n"
        "assert train(ToyStage(recipe()), Run(folder / 'time', values), CPU, lambda _: None, seconds).samples == 8\n"
    )
    return folder


def test_two_processes_train_as_one(pair: Path, tmp_path: Path) -> None:
    """Gradients of two gloo processes are averaged: the same weights as one process with the whole batch, up to rounding."""
    _, whole = run_in(tmp_path, recipe(samples=400))
    first, second = (torch.load(pair / f"rank{r}.pt", weights_only=True) for r in range(2))
    for name, tensor in whole.items():
        assert torch.equal(first[name], second[name]), name
        torch.testing.assert_close(first[name], tensor, rtol=1e-4, atol=1e-5)


def test_two_processes_stop_after_the_same_step(pair: Path) -> None:
    """Whether the second one gets a signal, or the time of the first one is over: neither waits for the other for ever."""
    values = recipe().model_dump(mode="json")
    assert start_state(ToyStage(recipe()), Run(pair / "signal", values)).samples == 408
    assert start_state(ToyStage(recipe()), Run(pair / "time", values)).samples == 8


def in_two_processes(body: str) -> None:
    """Runs `body` in two gloo processes, both of which must come to their end."""
    script = (
        "import os, signal, sys, torch, torch.distributed as dist\n"
        f"sys.path[:0] = [{str(Path(__file__).parent)!r}, {str(Path(__file__).parents[1] / 'toys')!r}]\n"
        "from pathlib import Path\n"
        "from test_loop import CPU, Run, ToyStage, disturbed, recipe, run_in, train\n"
        "dist.init_process_group('gloo')\n"
        f"{body}"
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
