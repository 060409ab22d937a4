"""Sweeps from file to folder, run after run in this process, and once on a real Ray."""

from __future__ import annotations

import csv
import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from tiny_cascade import SCENARIO, SETTINGS
from tiny_rollout import drivesim
from toy_sweep import SWEEP, sweep, write_sweep

from drivesim.engine.settings import SamplingSettings
from drivesim.evaluation.sweeps import workers
from drivesim.evaluation.sweeps.carry_out import SweepPlan, run_sweep
from drivesim.evaluation.sweeps.sweep_runs import SweepOptions
from drivesim.rollout.request import Request


@pytest.fixture(autouse=True)
def tiny(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every --quality samples small frames in few steps."""
    monkeypatch.setattr(SamplingSettings, "preset", classmethod(lambda cls, quality: SETTINGS))


def index(folder: Path) -> list[dict[str, str]]:
    with (folder / "index.csv").open() as file:
        return list(csv.DictReader(file))


def test_runs_are_made_indexed_and_tried_again(tmp_path: Path, checkpoints: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One run fails and one makes no scenario: the others are made; the same command makes what is missing, and nothing else."""
    file = write_sweep(tmp_path, SWEEP.replace("{from: 14, to: 20, steps: 2}", "[14, 900]"))
    real, made = workers.carry_out, []

    def fails_at_night(plan: object, folder: Path, **options: object) -> object:
        made.append(folder.name)
        if folder.name == "run-0002" and made.count("run-0002") == 1:
            raise OSError(28, "No space left on device", str(folder))
        return real(plan, folder, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(workers, "carry_out", fails_at_night)
    code, text = sweep(file, tmp_path / "out", "--checkpoints", checkpoints)
    assert code == 1 and "run-0002 failed: " in text and "no space is left on the disk" in text, text
    rows = index(tmp_path / "out")
    assert [row["state"] for row in rows] == ["complete", "invalid", "failed", "invalid"]
    assert [row["look.time_of_day"] for row in rows] == ["day", "day", "night", "night"] and rows[1]["vehicles.0.ahead"] == "900"
    assert "ahead must be a number" in rows[1]["fault"] and "no space" in rows[2]["fault"] and rows[0]["frames"] == "8"
    code, text = sweep(file, tmp_path / "out", "--checkpoints", checkpoints)
    assert code == 0 and made == ["run-0000", "run-0002", "run-0002"], "what is complete stays"
    assert [row["state"] for row in index(tmp_path / "out")] == ["complete", "invalid", "complete", "invalid"]
    (tmp_path / "out" / "index.csv").unlink()
    code, text = drivesim("sweep", file, "--out", tmp_path / "out", "--index")
    assert code == 0 and text.startswith("2 complete, 2 invalid")
    parquet = pytest.importorskip("pyarrow.parquet").read_table(tmp_path / "out" / "index.parquet").to_pydict()
    assert parquet["state"] == ["complete", "invalid", "complete", "invalid"]
    assert parquet["vehicles.0.ahead"] == [14, 900, 14, 900] and parquet["frames"] == [8, None, 8, None]
    other = write_sweep(tmp_path, SWEEP)
    code, text = sweep(other, tmp_path / "out", "--checkpoints", checkpoints)
    assert code == 2 and "vehicles.0.ahead of run-0000 was 14" not in text and "of run-0001 was 900, is 20" in text


def test_count_says_what_it_takes_and_makes_nothing(tmp_path: Path, checkpoints: Path) -> None:
    code, text = drivesim("sweep", write_sweep(tmp_path), "--count", "--device", "cpu", "--checkpoints", checkpoints)
    assert code == 0 and text.startswith("4 runs, 8 futures, 23 s of video\n") and "of memory each" in text and "of disk" in text
    assert [path.name for path in tmp_path.iterdir()] == ["sweep.yaml"]


def test_bad_input_is_one_sentence(tmp_path: Path, checkpoints: Path) -> None:
    file = write_sweep(tmp_path)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        nobody = f"127.0.0.1:{free.getsockname()[1]}"
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "a").touch()
    cases = (
        (("--ray", nobody), "out", "no Ray cluster answers there"),
        (("--ray", "somewhere"), "out", "give host:port"),
        (("--ray", f"ray://{nobody}"), "out", "give host:port"),
        (("--ray", nobody, "--device", "cuda:1"), "out", "Ray gives each run its GPU"),
        (("--ray", nobody, "--workers", "2"), "out", "give one of them"),
        (("--workers", "0"), "full", "no sweep made it"),
        (("--workers", "0", "--quality", "good"), "out", "--quality good"),
    )
    for options, out, words in cases:
        if "--ray" in options:
            pytest.importorskip("ray")
        code, text = sweep(file, tmp_path / out, "--checkpoints", checkpoints, *options, workers=None)
        assert code == 2 and words in text and len(text.strip().splitlines()) == 1, text
        assert not (tmp_path / "out").exists()
    code, text = drivesim("sweep", file)
    assert code == 2 and "--out: name the folder" in text
    code, text = drivesim("validate", file)
    assert code == 2 and 'unknown key "sweep" (files with it are for drivesim sweep' in text
    code, text = drivesim("sweep", file, "--out", tmp_path / "full", "--index")
    assert code == 2 and "holds no sweep" in text


def test_workers_fit_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(16)), raising=False)
    monkeypatch.setattr(workers, "free_memory", lambda: 64 * 2**30)
    standard = SamplingSettings()
    plan = workers.plan_workers(standard, 100, None, 0)
    assert (plan.workers, plan.cores, plan.gpu) == (4, 4, False)
    assert workers.plan_workers(standard, 3, None, 0).workers == 3, "no more than there are runs"
    assert workers.plan_workers(standard, 100, 16, 0).cores == 1, "as many as are asked for"
    assert workers.plan_workers(standard, 100, None, 8).workers == 8, "one a GPU"
    monkeypatch.setattr(workers, "free_memory", lambda: 6 * 2**30)
    assert workers.plan_workers(standard, 100, None, 0).workers == 2, "memory is for two"


@pytest.mark.slow
def test_ray_makes_the_same_bits(tmp_path: Path, checkpoints: Path) -> None:
    """On Ray's own processes of this machine, and on a cluster that is found by its address; one run cannot be made."""
    pytest.importorskip("ray")
    text = SCENARIO + "sweep: {fields: {vehicles.0.ahead: [14, 16, 900]}}\n"
    file, options = write_sweep(tmp_path, text), SweepOptions(1.0, 1.875, 1, "cpu", "draft", checkpoints)
    plan = SweepPlan.of(file, options)
    run_sweep(plan, tmp_path / "here", workers=0)
    lines: list[str] = []
    states = run_sweep(plan, tmp_path / "ray", workers=1, say=lines.append)
    assert [state.state for state in states] == ["complete", "complete", "invalid"], lines
    port = "6399"
    ray = Path(sys.executable).with_name("ray")
    start = [ray, "start", "--head", "--block", f"--port={port}", "--num-cpus=2", "--include-dashboard=false"]
    environment = os.environ | {"PYTHONUNBUFFERED": "1", "RAY_USAGE_STATS_ENABLED": "0"}
    with subprocess.Popen(start, stdout=subprocess.PIPE, text=True, env=environment) as head:
        try:
            assert head.stdout is not None and any("Ray runtime started" in line for line in head.stdout)
            states = run_sweep(plan, tmp_path / "cluster", address=f"127.0.0.1:{port}", say=lines.append)
        finally:
            head.terminate()  # it ends the processes that it began, and no others, as ray stop would
    assert [state.state for state in states] == ["complete", "complete", "invalid"], lines
    manifests = [tmp_path / name / "run-0001" / "manifest.json" for name in ("here", "ray", "cluster")]
    films = [json.loads(path.read_text())["files"]["future-00/video.mp4"] for path in manifests]
    assert films[0] == films[1] == films[2], "the same bits"


@pytest.mark.slow
def test_a_process_that_dies_fails_its_run_alone(tmp_path: Path) -> None:
    ray = pytest.importorskip("ray")
    plan = workers.WorkerPlan(1, 1, 0, False)
    runs = [workers.PlannedRun(name, {}, None, "", "") for name in ("run-0000", "run-0001")]
    tasks = [workers.RunTask(run, tmp_path, Request(tmp_path)) for run in runs]

    def work(task: workers.RunTask) -> workers.RunOutcome:
        if task.run.name == "run-0000":
            os._exit(9)
        return workers.RunOutcome(task.run.name)

    with workers.local_ray(plan):
        outcomes = {outcome.name: outcome for outcome in workers.ray_outcomes(ray, plan, tasks, work)}
    assert "its worker process died" in outcomes["run-0000"].fault and outcomes["run-0001"].fault == ""
