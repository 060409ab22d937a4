"""Who makes the runs of a sweep: processes of Ray, on this machine or on a cluster, or this process alone."""

from __future__ import annotations

import os
import signal
import socket
import threading
import traceback
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from drivesim.config import InputError, MachineError, shortened
from drivesim.engine.settings import SamplingSettings
from drivesim.evaluation.sweeps.sweep_runs import PlannedRun, plan_of
from drivesim.failures import explain
from drivesim.rollout.request import Request
from drivesim.rollout.run import carry_out
from drivesim.video_format import NETWORK_HEIGHT

RUN_BYTES = 2 * 2**30  # of memory that a rollout takes at 512x1024: 1.4 GiB were measured, networks included
RUN_CORES = 4  # that a rollout makes good use of
CONNECT_SECONDS = 5.0
OBJECT_BYTES = 100 * 2**20  # that Ray keeps for what tasks send each other, which is a sentence


@dataclass(frozen=True)
class RunTask:
    """A run to be made in a folder, which must be the same on every machine of a cluster, as the checkpoints must."""

    run: PlannedRun
    folder: Path
    request: Request


@dataclass(frozen=True)
class RunOutcome:
    """What came of it: nothing to say, or the sentence that tells why it failed, and, of a fault of the program, where."""

    name: str
    fault: str = ""
    trace: str = ""


@dataclass(frozen=True)
class WorkerPlan:
    """How many runs are made at a time, with so many cores and bytes of memory each, on a GPU each or not."""

    workers: int
    cores: int
    memory: int
    gpu: bool


def make_run(task: RunTask) -> RunOutcome:
    """Makes a run, or what is missing of it. Nothing is raised but what ends the whole sweep."""
    try:
        carry_out(plan_of(task.run, task.request), task.folder, ignore_free_space=True)
    except InputError as error:
        return RunOutcome(task.run.name, str(error))
    except Exception as error:
        if failure := explain(error):
            return RunOutcome(task.run.name, str(failure))
        return RunOutcome(task.run.name, shortened(f"{type(error).__name__}: {error}", 300), traceback.format_exc())
    return RunOutcome(task.run.name)


def one_after_the_other(tasks: Iterable[RunTask]) -> Iterator[RunOutcome]:
    """The outcomes of runs that are made in this process."""
    yield from map(make_run, tasks)


def plan_workers(settings: SamplingSettings, runs: int, asked: int | None, gpus: int) -> WorkerPlan:
    """How many processes this machine has room for, or as many as are asked for; a GPU serves one."""
    cores = len(os.sched_getaffinity(0))
    memory = round(RUN_BYTES * max(0.25, (settings.height / NETWORK_HEIGHT) ** 2))
    most = gpus or min(max(1, cores // RUN_CORES), max(1, int(0.8 * free_memory() / memory)))
    workers = max(1, min(runs, asked or most))
    return WorkerPlan(workers, max(1, cores // workers), memory, bool(gpus))


def free_memory() -> int:
    """Bytes of memory that programs may still take."""
    for line in Path("/proc/meminfo").read_text().splitlines() if Path("/proc/meminfo").is_file() else ():
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) * 1024
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2


def load_ray() -> Any:
    """The package ray, which is not to report on its use; InputError if it is not installed."""
    check_ray()
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    os.environ.setdefault("RAY_task_oom_retries", "2")  # Ray's own choice is to try for ever
    import ray

    return ray


def check_ray() -> None:
    """InputError if ray is not installed; it is not loaded, which takes seconds."""
    if find_spec("ray") is None:
        raise InputError(
            "sweeps run on Ray, which is not installed: pip install 'drivesim[ray]'; --workers 0 makes one run after the other"
        )


@contextmanager
def local_ray(plan: WorkerPlan) -> Iterator[Any]:
    """Ray on this machine, for as long as it is needed; MachineError if it does not start."""
    ray = load_ray()
    try:
        with _own_signals():
            ray.init(
                address="local", num_cpus=plan.workers * plan.cores, num_gpus=plan.workers if plan.gpu else 0,
                object_store_memory=OBJECT_BYTES, include_dashboard=False, log_to_driver=False, logging_level="ERROR",
                configure_logging=False,
            )  # fmt: skip
    except Exception as error:  # Ray raises nothing more special where its processes do not come up in time
        ray.shutdown()
        raise MachineError(
            f"Ray did not start on this machine ({_first_line(error)}); close other programs and give the same command again, or "
            "make one run after the other with --workers 0"
        ) from error
    try:
        yield ray
    finally:
        ray.shutdown()


@contextmanager
def ray_cluster(address: str) -> Iterator[Any]:
    """The Ray cluster at an address (host:port, or auto), of which this machine is one; InputError if none answers there."""
    _check_answers(address)
    ray = load_ray()
    try:
        with _own_signals():
            ray.init(address=address, log_to_driver=False, logging_level="ERROR", configure_logging=False)
    except (OSError, RuntimeError, ValueError) as error:
        raise InputError(_no_answer(address, _first_line(error))) from error
    try:
        yield ray
    finally:
        ray.shutdown()


def cluster_plan(ray: Any, settings: SamplingSettings, device: str) -> WorkerPlan:
    """What each run takes of a cluster, so that its largest machine can make one; a GPU each where there are any."""
    machines = [node["Resources"] for node in ray.nodes() if node["Alive"]]
    gpu = device == "cuda" or (device == "auto" and any(machine.get("GPU", 0) >= 1 for machine in machines))
    able = [machine for machine in machines if not gpu or machine.get("GPU", 0) >= 1]
    if not any(machine.get("CPU", 0) >= 1 for machine in able):
        raise InputError(f"--ray: no machine of the cluster has a free core{' and a GPU' if gpu else ''} to give")
    memory = plan_workers(settings, 1, 1, 0).memory
    cores = min(RUN_CORES, int(max(machine.get("CPU", 0) for machine in able)))
    slots = sum(int(machine.get("GPU", 0) if gpu else machine.get("CPU", 0) // cores) for machine in able)
    return WorkerPlan(max(1, slots), cores, memory, gpu)


def ray_outcomes(
    ray: Any, plan: WorkerPlan, tasks: Iterable[RunTask], work: Callable[[RunTask], RunOutcome] = make_run
) -> Iterator[RunOutcome]:
    """The outcomes of runs that Ray's workers make, in the order in which they end; one whose process dies is tried twice again."""
    remote = ray.remote(work).options(num_cpus=plan.cores, num_gpus=1 if plan.gpu else 0, max_retries=2)
    waiting = {remote.remote(task): task for task in tasks}
    try:
        while waiting:
            (ready,), _ = ray.wait(list(waiting), num_returns=1)
            task = waiting.pop(ready)
            try:
                yield ray.get(ready)
            except ray.exceptions.RayError as error:
                yield RunOutcome(
                    task.run.name,
                    f"its worker process died ({type(error).__name__}), perhaps for want of memory: try fewer --workers, "
                    "then give the same command again: what is finished is kept",
                    _first_line(error),
                )
    finally:
        for left in waiting:
            ray.cancel(left, force=True)


def _check_answers(address: str) -> None:
    """InputError unless something listens at a host and port."""
    host, _, port = address.rpartition(":")
    if address == "auto":
        return
    if not host or "/" in host or not port.isdecimal() or not 0 < int(port) < 65536:
        raise InputError(f"--ray {address}: give host:port, or auto, on a machine of the cluster")
    try:
        socket.create_connection((host, int(port)), CONNECT_SECONDS).close()
    except OSError as error:
        raise InputError(_no_answer(address, error.strerror or str(error))) from error


def _first_line(error: Exception) -> str:
    return shortened(next(iter(str(error).strip().splitlines()), type(error).__name__), 120)


def _no_answer(address: str, why: str) -> str:
    return f"--ray {address}: no Ray cluster answers there ({why}); start one with ray start --head, or leave --ray out"


@contextmanager
def _own_signals() -> Iterator[None]:
    """Within it Ray begins, which would take SIGTERM for itself; it ends this command as it ends all others."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    earlier = signal.getsignal(signal.SIGTERM)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, earlier)
