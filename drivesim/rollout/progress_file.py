"""DIR/progress.json: how far a running rollout is, for other processes to poll.

    {"pid": 4711, "state": "running", "stage": "upsample", "done": 123, "total": 456,
     "seconds_spent": 12.3, "seconds_left": 78.9,
     "futures": {"future-00": {"windows": 1, "of": 3, "frames": 120}}}

`state`          running | interrupted | failed. A rollout that ends well removes the file: manifest.json then says that
                 its futures are complete. "running" with a `pid` that is no more: the process was killed.
`stage`          what was last worked on: load | compose | predict | interpolate | decode | upsample | write
`done`, `total`  units of work of this run, all phases together (sampling steps, frames decoded, portions written)
`seconds_spent`  of this run; with `seconds_left` (null while unknown) it gives the share that is done
`futures`        those asked for: windows and frames that are safe on disk, `of` so many windows
`message`        where it failed: one sentence

It is replaced whole, at most once a second and at every change of state: a reader never sees half of it.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self

from drivesim.config import MachineError
from drivesim.engine.progress import UNTIMED, Progress
from drivesim.failures import explain

PROGRESS = "progress.json"
INTERVAL = 1.0  # seconds
State = Literal["running", "interrupted", "failed"]


class LiveProgress:
    """Keeps progress.json while its context is open. That it cannot be written never stops a rollout.

    `futures` gives what the file says of them, MachineError from it means that there is no place to write to; `on_change` is
    called after every unit of work.
    """

    def __init__(
        self,
        folder: Path,
        futures: Callable[[], dict[str, dict[str, int]]],
        on_change: Callable[[Progress], None] = lambda _: None,
    ) -> None:
        self._path = folder / PROGRESS
        self._futures = futures
        self._on_change = on_change
        self._progress: Progress = UNTIMED
        self._written = float("-inf")

    def note(self, progress: Progress) -> None:
        """To be called after every unit of work; calls `on_change`."""
        self._progress = progress
        if time.monotonic() - self._written >= INTERVAL:
            self._write("running")
        self._on_change(progress)

    def __enter__(self) -> Self:
        self._write("running")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            self._path.unlink(missing_ok=True)
        elif isinstance(error, Exception):
            self._write("failed", str(explain(error) or error) or type(error).__name__)
        else:
            self._write("interrupted")

    def _write(self, state: State, message: str | None = None) -> None:
        self._written = time.monotonic()
        with suppress(OSError, MachineError):
            text = json.dumps(self._values(state, message)) + "\n"
            scratch = self._path.with_name(PROGRESS + ".part")
            scratch.write_text(text, encoding="utf-8")
            scratch.replace(self._path)

    def _values(self, state: State, message: str | None) -> dict[str, Any]:
        progress, left = self._progress, self._progress.remaining()
        return {
            "pid": os.getpid(),
            "state": state,
            "stage": progress.phase or "load",
            "done": sum(progress.units.values()),
            "total": sum(progress.totals.values()),
            "seconds_spent": round(sum(progress.seconds.values()), 1),
            "seconds_left": None if left is None else round(left, 1),
            "futures": self._futures(),
        } | ({} if message is None else {"message": message})
