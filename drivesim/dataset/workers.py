"""Work shared among processes, whose results come in the order of the requests."""

from __future__ import annotations

import multiprocessing
import os
import signal
import traceback
from collections.abc import Callable, Generator, Iterable
from multiprocessing.connection import Connection, wait
from typing import Any, TypeVar, cast

Q = TypeVar("Q")  # a request
R = TypeVar("R")  # what is made of it, no text


def usable_cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def in_order(work: Callable[[Q], R], requests: Iterable[Q], workers: int | None) -> Generator[R, None, None]:
    """work(request) for each request, in their order; at most two results a worker are made ahead.

    `workers` processes (None: one a core; 0: in this process); `work` and requests must be importable there. close() stops
    them.
    """
    workers = usable_cores() if workers is None else workers
    if workers == 0:
        yield from map(work, requests)
        return
    waiting, turn = enumerate(requests), 0
    started: list[tuple[Any, Connection]] = []
    idle: list[Connection] = []
    busy: set[Connection] = set()
    finished: dict[int, R] = {}
    try:
        while True:
            while (idle or len(started) < workers) and len(busy) + len(finished) < 2 * workers:
                if (numbered := next(waiting, None)) is None:
                    break
                if not idle:
                    started.append(_start(work))
                    idle.append(started[-1][1])
                idle[-1].send(numbered)
                busy.add(idle.pop())
            if turn in finished:
                yield finished.pop(turn)
                turn += 1
            elif busy:
                for ready in cast(list[Connection], wait(list(busy))):
                    number, result = _receive(ready)
                    finished[number] = result
                    busy.remove(ready)
                    idle.append(ready)
            else:
                return
    finally:
        for process, connection in started:
            process.terminate()
            process.join()
            connection.close()


def _start(work: Callable[[Q], R]) -> tuple[Any, Connection]:
    """A worker process (single-threaded, spawned: safe beside threads and CUDA) and the connection to it."""
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    process = context.Process(target=_serve, args=(there, work), daemon=True)
    before = os.environ.get("OMP_NUM_THREADS")
    os.environ["OMP_NUM_THREADS"] = "1"
    try:
        process.start()
    finally:
        if before is None:
            del os.environ["OMP_NUM_THREADS"]
        else:
            os.environ["OMP_NUM_THREADS"] = before
    there.close()
    return process, here


def _serve(connection: Connection, work: Callable[[Q], R]) -> None:
    """Life of a worker: receives (number, request), sends (number, result) or what went wrong, until nobody listens."""
    import cv2

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, which ends the workers
    cv2.setNumThreads(1)
    while True:
        try:
            number, request = connection.recv()
        except EOFError:
            return
        try:
            connection.send((number, work(request)))
        except BrokenPipeError:
            return
        except Exception:
            connection.send((number, f"{request}:\n{traceback.format_exc()}"))


def _receive(connection: Connection) -> tuple[int, Any]:
    """What a worker sends; RuntimeError with its traceback if it failed, or that it died."""
    try:
        number, result = connection.recv()
    except (EOFError, ConnectionResetError) as error:
        raise RuntimeError("a worker process died, perhaps for want of memory; use fewer workers") from error
    if isinstance(result, str):
        raise RuntimeError(f"a worker process failed: {result}")
    return number, result
