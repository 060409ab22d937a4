"""Clips of the procedural world, made by worker processes: into a store once, or fresh for ever.

Clip number k comes from the random stream (seed, "clip", k) alone, so that what is made does not depend on the number
of workers, and an interrupted run goes on where it stopped.
"""

from __future__ import annotations

import itertools
import math
import multiprocessing
import os
import signal
import traceback
from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from functools import partial
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any, NamedTuple, cast

from drivesim.config import InputError
from drivesim.dataset.clips import ClipStore, ClipWriter, check_recipe
from drivesim.dataset.progress import ProgressLine, Say
from drivesim.scene.clip import TIMES_OF_DAY, Clip, TimeOfDay
from drivesim.scene.road import SETTINGS, Setting
from drivesim.tensors import stream_seed

Make = Callable[..., Clip]  # the signature of world.generator.generate_clip


class ClipRequest(NamedTuple):
    """What is drawn anew for each clip."""

    seed: int
    fps: float


Work = Callable[[ClipRequest], Clip]


@dataclass(frozen=True)
class ClipSettings:
    """Clips of `frames` frames, `height` x `width` px; clip k has the rate `fps[k % len(fps)]`.

    `time_of_day` and `setting` None: drawn at random. Raises InputError for what makes no clip.
    """

    frames: int
    fps: tuple[float, ...]
    height: int
    width: int
    seed: int
    time_of_day: TimeOfDay | None = None
    setting: Setting | None = None
    noise: bool = True
    depth: bool = False

    def __post_init__(self) -> None:
        if self.frames < 1 or not self.fps or not all(0 < rate < math.inf for rate in self.fps) or min(self.height, self.width) < 8:
            raise InputError(
                f"frames {self.frames}, fps {list(self.fps)}, size {self.height}x{self.width}: "
                "a clip needs at least one frame, one positive rate and 8 pixels a side"
            )
        if self.time_of_day not in (None, *TIMES_OF_DAY):
            raise InputError(f"time of day {self.time_of_day}: choose one of {', '.join(TIMES_OF_DAY)}")
        if self.setting not in (None, *SETTINGS):
            raise InputError(f"setting {self.setting}: choose one of {', '.join(SETTINGS)}")

    def request(self, k: int) -> ClipRequest:
        """Seed and rate of clip number k."""
        return ClipRequest(stream_seed(self.seed, "clip", k), self.fps[k % len(self.fps)])

    def make(self, make: Make, request: ClipRequest) -> Clip:
        """The clip of one request."""
        return make(
            request.seed, self.frames, request.fps, self.height, self.width,
            time_of_day=self.time_of_day, setting=self.setting, noise=self.noise, depth=self.depth,
        )  # fmt: skip


def fill_store(
    path: Path | str,
    clips: int,
    frames: int,
    fps: Sequence[float],
    height: int,
    width: int,
    seed: int,
    workers: int | None = None,
    say: Say | None = None,
    make: Make | None = None,
    **options: Any,
) -> None:
    """Makes clips until the store holds `clips` of them; called again, it goes on where it was interrupted.

    Clip k has the rate fps[k % len(fps)]; `options` are those of ClipSettings (time_of_day, setting, noise, depth).
    `workers` processes (None: one a core; 0: in this process). Clips are written in order, each permanent at once.
    `say` is told now and then how far it is and how long it will take. `make` (default: the world) must be importable in
    worker processes. A store that is full is only read, so that several processes can ask for the same at once. Raises
    InputError for a store that was made with other settings, is being written, or is truncated or foreign.
    """
    make, version = _world() if make is None else (make, None)
    settings = ClipSettings(frames, tuple(map(float, fps)), height, width, seed, **options)
    made_with = asdict(settings) | {"fps": list(settings.fps), "world": version}  # JSON knows no tuples
    if _filled(Path(path), clips, made_with):
        return
    with ClipWriter(path, made_with) as writer:
        line = ProgressLine(f"{Path(path).name}: clip", len(writer), clips, say)
        requests = map(settings.request, range(len(writer), clips))
        with closing(_in_order(partial(settings.make, make), requests, workers)) as rendered:
            for clip in rendered:
                writer.append(clip)
                line(len(writer))


def _filled(path: Path, clips: int, made_with: dict[str, Any]) -> bool:
    """Whether the store is there and holds enough clips; InputError if it was made with other settings."""
    if not path.exists():
        return False
    with closing(ClipStore(path)) as store:
        check_recipe(path, store.recipe, made_with)
        return len(store) >= clips


def fresh_clips(
    seed: int,
    frames: int,
    fps: Sequence[float],
    height: int,
    width: int,
    first: int = 0,
    workers: int | None = None,
    make: Make | None = None,
    **options: Any,
) -> Generator[Clip, None, None]:
    """Clips number `first`, `first` + 1, ... without end, made a little ahead; close() stops the workers.

    They are the clips that `fill_store` makes of the same settings: give training another seed than what is held out.
    """
    make = _world()[0] if make is None else make
    settings = ClipSettings(frames, tuple(map(float, fps)), height, width, seed, **options)
    with closing(_in_order(partial(settings.make, make), map(settings.request, itertools.count(first)), workers)) as rendered:
        yield from rendered


def _world() -> tuple[Make, int]:
    from drivesim.world.generator import WORLD_VERSION, generate_clip

    return generate_clip, WORLD_VERSION


def usable_cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _in_order(work: Work, requests: Iterable[ClipRequest], workers: int | None) -> Generator[Clip, None, None]:
    """work(request) for each request, in their order; at most two clips a worker are made ahead."""
    workers = usable_cores() if workers is None else workers
    if workers == 0:
        yield from map(work, requests)
        return
    waiting, turn = enumerate(requests), 0
    started: list[tuple[Any, Connection]] = []
    idle: list[Connection] = []
    busy: set[Connection] = set()
    finished: dict[int, Clip] = {}
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
                    number, clip = _receive(ready)
                    finished[number] = clip
                    busy.remove(ready)
                    idle.append(ready)
            else:
                return
    finally:
        for process, connection in started:
            process.terminate()
            process.join()
            connection.close()


def _start(work: Work) -> tuple[Any, Connection]:
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


def _serve(connection: Connection, work: Work) -> None:
    """Life of a worker: receives (number, request), sends (number, clip) or what went wrong, until nobody listens."""
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
            connection.send((number, f"clip of seed {request.seed}:\n{traceback.format_exc()}"))


def _receive(connection: Connection) -> tuple[int, Clip]:
    """What a worker sends; RuntimeError with its traceback if it failed, or that it died."""
    try:
        number, result = connection.recv()
    except (EOFError, ConnectionResetError) as error:
        raise RuntimeError("a worker process died, perhaps for want of memory; use fewer workers") from error
    if isinstance(result, str):
        raise RuntimeError(f"a worker process failed: {result}")
    return number, result
