"""The folder of one rollout job: what was asked, how far it is, and what can be looked at before it is done.

    <id>/job.json          what was asked, and the state of the job
    <id>/NAME.yaml         the scenario as it was when the job was submitted, its photo beside it
    <id>/rollout/          what `drivesim rollout` makes
    <id>/log.txt           what it printed
    <id>/films/            films of futures that are not finished, as far as they are
"""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, Literal

import av

from drivesim.config import Config, InputError, write_atomic
from drivesim.engine.timeline import Timeline
from drivesim.rollout.manifest import future_name
from drivesim.rollout.progress_file import PROGRESS
from drivesim.rollout.segments import join_segments
from drivesim.rollout.windows import finished_films
from drivesim.video_io import video_info

JobState = Literal["queued", "running", "complete", "failed", "cancelled"]
MAX_ERROR = 300  # characters
KEPT_FILMS = 2  # of one future: the newest, and the one that a browser may still be parsed


class JobRecord(Config):
    """job.json."""

    id: str
    owner: str
    """A hash of the session's id: what may be seen of a job must not give away the session."""
    name: str
    state: JobState
    created: float
    order: float
    """Jobs run in this order: the time (s) at which it was submitted, or resumed."""
    seconds: float
    fps: float
    futures: int
    seed: int
    quality: str
    device: str
    pid: int | None = None
    """The process of a running job."""
    base: float = 0.0
    """Share that was done when it was started last."""
    error: str = ""


@dataclass(frozen=True)
class FutureView:
    """How far one future is: `windows` of `of` and `frames` are safe on disk; `video` is there when it is complete."""

    name: str
    state: Literal["waiting", "running", "complete"]
    windows: int
    of: int
    frames: int
    video: Path | None


@dataclass(frozen=True)
class JobView:
    """All that a list of jobs shows of one.

    `position` counts the jobs of all users before it, `share` is 0 to 1, `seconds_left` None while nothing was timed,
    `error` one sentence, `out` the folder that `command` would make.
    """

    id: str
    name: str
    state: JobState
    created: float
    position: int
    phase: str
    share: float
    seconds_left: float | None
    seconds: float
    fps: float
    seed: int
    quality: str
    futures: tuple[FutureView, ...]
    error: str
    out: Path
    command: str
    first_frame: Path | None
    can_cancel: bool
    can_resume: bool
    can_remove: bool


class JobFolder:
    """The folder of one job. Only `Queue` changes job.json, one process at a time."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.out = path / "rollout"

    def read(self) -> JobRecord | None:
        """What job.json says; None if it is not there, or not one of this version."""
        try:
            return JobRecord.parse(json.loads((self.path / "job.json").read_text(encoding="utf-8")), self.path)
        except (OSError, ValueError, TypeError, InputError):
            return None

    def write(self, record: JobRecord) -> JobRecord:
        """Writes job.json."""
        write_atomic(self.path / "job.json", json.dumps(record.model_dump()))
        return record

    def arguments(self, record: JobRecord, checkpoints: Path | None) -> list[str]:
        """What follows `drivesim` on the command line."""
        words = ["rollout", str(self.path / f"{record.name}.yaml"), "--out", str(self.out)]
        words += ["--quality", record.quality, "--device", record.device]
        return words + (["--checkpoints", str(checkpoints)] if checkpoints is not None else [])

    def view(self, record: JobRecord, position: int, checkpoints: Path | None) -> JobView:
        """What can be said of the job now."""
        live = _json(self.out / PROGRESS) if record.state == "running" else {}
        if record.pid is None or live.get("pid") != record.pid:
            live = {}  # it was left by the process before
        futures = self.futures(record)
        done = record.state == "complete"
        picture = self.out / "initial.png"
        return JobView(
            id=record.id,
            name=record.name,
            state=record.state,
            created=record.created,
            position=position,
            phase=str(live.get("stage", "load")) if record.state == "running" else "",
            share=1.0 if done else _share(record, live, futures),
            seconds_left=_number(live.get("seconds_left")),
            seconds=record.seconds,
            fps=record.fps,
            seed=record.seed,
            quality=record.quality,
            futures=futures,
            error=record.error,
            out=self.out,
            command=shlex.join(["drivesim", *self.arguments(record, checkpoints)]),
            first_frame=picture if picture.is_file() else None,
            can_cancel=record.state in ("queued", "running"),
            can_resume=record.state in ("failed", "cancelled"),
            can_remove=record.state not in ("queued", "running"),
        )

    def futures(self, record: JobRecord) -> tuple[FutureView, ...]:
        """How far each future is, by progress.json where a rollout keeps one, else by manifest.json."""
        manifest = _group(_json(self.out / "manifest.json").get("futures"))
        live = _group(_json(self.out / PROGRESS).get("futures"))
        of = Timeline.of(record.seconds, record.fps).windows
        return tuple(_future(self.out, number, of, manifest, live) for number in range(record.futures))

    def done(self, record: JobRecord) -> float:
        """Share of the windows that are safe on disk."""
        futures = self.futures(record)
        return sum(future.windows for future in futures) / sum(future.of for future in futures)

    def failure(self, code: int) -> str:
        """Why the process ended with that exit code, in one sentence."""
        if code < 0:
            names = {int(signal.SIGKILL): "killed, perhaps for want of memory", int(signal.SIGTERM): "stopped from outside"}
            what = names.get(-code, f"ended by signal {-code}")
            return f"the rollout was {what}; resume it, finished windows are kept"
        live = _json(self.out / PROGRESS)
        if live.get("state") == "failed" and live.get("message"):
            sentence = str(live["message"])
        elif code in (130, 143):
            return "the rollout was stopped from outside; resume it, finished windows are kept"
        else:
            sentence = _last_sentence(self.path / "log.txt") or f"the rollout ended with exit code {code}"
        return sentence.replace(f"{self.path}{os.sep}", "")[:MAX_ERROR]

    def film(self, future: int, windows: int | None = None) -> Path | None:
        """A film of a future that can be played now, None before there is one: of its first `windows`, or of all it has."""
        name = future_name(future)
        kept = self.path / "films" / f"{name}-{windows}.mp4"
        if windows is not None and kept.is_file():
            return kept
        for _ in range(2):  # it may be finished just now
            video = self.out / name / "video.mp4"
            if video.is_file():
                return video
            with suppress(InputError, OSError, av.FFmpegError):
                return self._joined(name)
        return None

    def _joined(self, name: str) -> Path | None:
        """What is finished of a future as one film, its pictures as they were coded."""
        segments = finished_films(self.out / name)
        if not segments:
            return None
        films = self.path / "films"
        film = films / f"{name}-{len(segments)}.mp4"
        if not film.is_file():
            films.mkdir(exist_ok=True)
            scratch = films / f".{os.getpid()}-{film.name}"
            join_segments(segments, scratch, Fraction(video_info(segments[0]).fps))
            scratch.replace(film)
            for old in sorted(films.glob(f"{name}-*.mp4"), key=lambda path: path.stat().st_mtime)[:-KEPT_FILMS]:
                old.unlink(missing_ok=True)
        return film


def is_process_of(pid: int | None, folder: Path) -> bool:
    """Whether a process of that id runs, and is the rollout of `folder`: ids are used again after a restart."""
    if pid is None:
        return False
    try:
        command = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except FileNotFoundError:
        if Path("/proc/self").exists():
            return False
        listed = subprocess.run(["ps", "-o", "command=", "-p", str(pid)], capture_output=True, text=True, check=False)
        command = listed.stdout
    except OSError:
        return False
    return str(folder) in command


def _future(out: Path, number: int, of: int, manifest: dict[str, Any], live: dict[str, Any]) -> FutureView:
    name = future_name(number)
    recorded, now = _group(manifest.get(name)), _group(live.get(name))
    video = out / name / "video.mp4"
    if recorded.get("state") == "complete" and video.is_file():
        return FutureView(name, "complete", of, of, int(_number(recorded.get("frames")) or 0), video)
    windows, frames = (int(_number(now.get(key, recorded.get(key))) or 0) for key in ("windows", "frames"))
    begun = windows > 0 or (out / name).is_dir()
    return FutureView(name, "running" if begun else "waiting", min(windows, of), of, frames, None)


def _share(record: JobRecord, live: dict[str, Any], futures: Sequence[FutureView]) -> float:
    """Share of the work: by time where it is known, else by windows."""
    spent, left = _number(live.get("seconds_spent")), _number(live.get("seconds_left"))
    if spent is not None and left is not None and spent + left > 0:
        return min(1.0, record.base + (1.0 - record.base) * spent / (spent + left))
    return sum(future.windows for future in futures) / sum(future.of for future in futures)


def _last_sentence(log: Path) -> str:
    """The last line of a log but for notes of progress; of a stack trace only what went wrong."""
    try:
        text = log.read_bytes()[-20_000:].decode("utf-8", errors="replace")
    except OSError:
        return ""
    lines = [line.strip() for line in text.splitlines() if line.strip() and not line.rstrip().endswith(" left")]
    if not lines:
        return ""
    if "Traceback (most recent call last):" in text:
        kind, _, what = lines[-1].partition(": ")
        return f"the rollout broke off: {what or kind}" if kind.replace(".", "").isidentifier() else lines[-1]
    return lines[-1]


def _json(path: Path) -> dict[str, Any]:
    """An object that another process writes; empty while there is none."""
    try:
        return _group(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError):
        return {}


def _group(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
