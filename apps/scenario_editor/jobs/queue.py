"""A queue of rollouts on disk, run one after another as the same processes that `drivesim rollout` would be.

    ROOT/<id>/       one job, see `folder`
    ROOT/.changes    held while a job.json is changed
    ROOT/.runner     held by the server that runs jobs, and by the rollout it runs: if the server dies, the rollout goes
                     on alone, and the next server starts nothing before it has ended
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import secrets
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import drivesim
from drivesim.config import InputError, write_atomic
from drivesim.engine.settings import parse_quality
from scenario_editor.document.yaml_text import read, rewrite
from scenario_editor.jobs.folder import JobFolder, JobRecord, JobView, is_process_of
from scenario_editor.storage.uploads import photo_file

ROLLOUT = (sys.executable, "-P", "-m", "drivesim.cli.main")
MAX_WAITING, MAX_QUEUE = 20, 100  # jobs that have not been run yet, of one owner and of all
POLL = 0.3  # s
PATIENCE = 20.0  # s that a cancelled rollout has to tidy up
NICENESS = 5  # of a rollout, so that the page answers while it runs
_ID = re.compile(r"[0-9a-f]{32}")


def state_folder() -> Path:
    """Where sessions and jobs are kept unless the server is told otherwise: $XDG_STATE_HOME/drivesim/editor."""
    base = os.environ.get("XDG_STATE_HOME")
    return (Path(base) if base else Path.home() / ".local" / "state") / "drivesim" / "editor"


class Queue:
    """The rollouts of all sessions of a server; `owner` is the id of a session, which sees no others' jobs."""

    def __init__(
        self, root: Path | None = None, checkpoints: Path | None = None, command: Sequence[str] = ROLLOUT
    ) -> None:
        """`checkpoints` None are the shipped ones; `command` takes the place of `drivesim`. InputError for an unusable root."""
        self.root = (state_folder() / "jobs" if root is None else root).absolute()
        self._checkpoints = None if checkpoints is None else checkpoints.absolute()
        self._command = tuple(command)
        self._closing, self._joining = threading.Event(), threading.Lock()
        self._thread: threading.Thread | None = None
        try:
            self.root.mkdir(parents=True, exist_ok=True, mode=0o700)
            with self._changes():
                pass
        except OSError as error:
            raise InputError(f"{self.root}: jobs cannot be kept there ({error.strerror}); set XDG_STATE_HOME") from error

    def start(self) -> None:
        """Begins to run jobs, or waits for its turn while another server runs those of this folder."""
        self._thread = threading.Thread(target=self._run, name="rollout jobs", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stops the rollout that runs; a later `start`, here or in another server, goes on with it."""
        self._closing.set()
        if self._thread is not None:
            self._thread.join()

    # What a session asks for.

    def submit(self, text: str, folder: Path, owner: str, quality: str = "standard", device: str = "auto") -> str:
        """Puts the rollout of a scenario, whose photo is in `folder`, at the end of the queue: the id of the job.

        InputError for a text with faults, an unknown quality, and for too many jobs that wait.
        """
        parsed = read(text, folder)
        scenario, values = parsed.scenario, parsed.values
        if scenario is None or values is None:
            raise InputError(f"line {parsed.faults[0].line}: {parsed.faults[0].message}; mend the faults first")
        parse_quality(quality)
        job = JobFolder(self.root / secrets.token_hex(16))
        now, asked = time.time(), scenario.rollout
        record = JobRecord(
            id=job.path.name, owner=_hidden(owner), name=scenario.name, state="queued", created=now, order=now,
            seconds=asked.seconds, fps=asked.fps, futures=asked.futures, seed=asked.seed, quality=quality, device=device,
        )  # fmt: skip
        waiting = [r for _, r in self._all() if r.state == "queued"]
        own = sum(r.owner == record.owner for r in waiting)
        if own >= MAX_WAITING:
            raise InputError(f"{own} of your rollouts wait already; cancel one first")
        if len(waiting) >= MAX_QUEUE:
            raise InputError(f"{len(waiting)} rollouts wait on this server already; try again later")
        try:
            job.path.mkdir(mode=0o700)
            if values["photo"]:
                source = photo_file(values["photo"], folder)
                name = str(source.relative_to(folder.resolve()))
                (job.path / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(source, job.path / name)
                text = text if values["photo"] == name else rewrite(text, {"photo": name}).text
            write_atomic(job.path / f"{scenario.name}.yaml", text)
            job.write(record)
        except OSError as error:
            shutil.rmtree(job.path, ignore_errors=True)
            raise InputError(f"the rollout cannot be kept in {self.root} ({error.strerror}); free some space") from error
        return record.id

    def jobs(self, owner: str) -> list[JobView]:
        """The jobs of an owner, newest first."""
        everyone = self._all()
        active = sorted((r.state != "running", r.order, r.id) for _, r in everyone if r.state in ("running", "queued"))
        places = {job_id: i for i, (_, _, job_id) in enumerate(active)}
        own = [(job, record) for job, record in everyone if record.owner == _hidden(owner)]
        own.sort(key=lambda pair: pair[1].created, reverse=True)
        return [job.view(record, places.get(record.id, 0), self._checkpoints) for job, record in own]

    def job(self, job_id: str, owner: str) -> JobView:
        """One of them; InputError, the same for a job that is another's and for one that is not there."""
        self._own(job_id, owner)
        return next(view for view in self.jobs(owner) if view.id == job_id)

    def cancel(self, job_id: str, owner: str) -> None:
        """Takes a job out of the queue, or stops it; its finished windows are kept."""
        with self._changes():
            job, record = self._own(job_id, owner)
            if record.state not in ("queued", "running"):
                return
            job.write(record.model_copy(update={"state": "cancelled"}))
            if is_process_of(record.pid, job.path):
                _signal(record.pid, signal.SIGTERM)

    def resume(self, job_id: str, owner: str) -> None:
        """Puts a cancelled or failed job at the end of the queue; it goes on after its last finished window."""
        with self._changes():
            job, record = self._own(job_id, owner)
            if record.state in ("cancelled", "failed"):
                job.write(record.model_copy(update={"state": "queued", "order": time.time(), "error": ""}))

    def remove(self, job_id: str, owner: str) -> None:
        """Deletes a job and what it made; InputError while it waits or runs."""
        with self._changes():
            job, record = self._own(job_id, owner)
            if record.state in ("queued", "running"):
                raise InputError("a rollout that waits or runs cannot be removed; cancel it first")
            if is_process_of(record.pid, job.path):
                raise InputError("the rollout is still stopping; remove it in a moment")
            gone = job.path.rename(self.root / f".removed-{job_id}")
        shutil.rmtree(gone, ignore_errors=True)

    def film(self, job_id: str, owner: str, future: int, windows: int | None = None) -> Path | None:
        """A film (MP4) of a future that can be played now, None before its first window is finished.

        Of a future that is not complete it is a new file each time that a window is; `windows` asks for the film as it
        was with so many, which is kept for as long as there is one newer.
        """
        job, record = self._own(job_id, owner)
        if not 0 <= future < record.futures:
            return None
        with self._joining:
            return job.film(future, windows)

    def _own(self, job_id: str, owner: str) -> tuple[JobFolder, JobRecord]:
        job = JobFolder(self.root / job_id) if isinstance(job_id, str) and _ID.fullmatch(job_id) else None
        record = job.read() if job else None
        if job is None or record is None or record.owner != _hidden(owner):
            raise InputError("there is no such rollout in your list; it may have been removed")
        return job, record

    def _all(self) -> list[tuple[JobFolder, JobRecord]]:
        folders = [JobFolder(path) for path in self.root.iterdir() if _ID.fullmatch(path.name)]
        return [(job, record) for job in folders if (record := job.read()) is not None]

    # Running them.

    def _run(self) -> None:
        """The thread of a server: waits until it is the one that runs jobs, then runs them."""
        lock = os.open(self.root / ".runner", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            while not self._closing.is_set() and not _locked(lock):
                self._closing.wait(POLL)
            if self._closing.is_set():
                return
            for path in self.root.glob(".removed-*"):
                shutil.rmtree(path, ignore_errors=True)
            with self._changes():  # nobody runs anything now: what says so was interrupted
                for job, record in self._all():
                    if record.state == "running":
                        job.write(record.model_copy(update={"state": "queued", "pid": None}))
            while not self._closing.is_set():
                with suppress(OSError):  # a full disk: the next round tries again
                    if not self._run_next(lock):
                        self._closing.wait(POLL)
                    continue
                self._closing.wait(5)
        finally:
            os.close(lock)

    def _run_next(self, lock: int) -> bool:
        """Runs the job that is next to its end, or until the server closes; False if none waits."""
        with self._changes():
            waiting = [(job, record) for job, record in self._all() if record.state == "queued"]
            if not waiting:
                return False
            job, record = min(waiting, key=lambda pair: (pair[1].order, pair[1].id))
            record = job.write(record.model_copy(update={"state": "running", "pid": None, "base": job.done(record)}))
            try:
                process = self._spawn(job, record, lock)
            except OSError as error:
                sentence = f"the rollout cannot be started ({error.strerror}); resume it later"
                job.write(record.model_copy(update={"state": "failed", "error": sentence}))
                return True
            job.write(record.model_copy(update={"pid": process.pid}))
        self._watch(job, process)
        with self._changes():
            found = job.read()
            if found is not None:
                job.write(found.model_copy(update={"pid": None} | self._outcome(job, found, process.returncode)))
        return True

    def _outcome(self, job: JobFolder, record: JobRecord, code: int) -> dict[str, str]:
        if code == 0:
            return {"state": "complete", "error": ""}
        if record.state != "running":
            return {}
        if self._closing.is_set():
            return {"state": "queued"}
        return {"state": "failed", "error": job.failure(code)}

    def _spawn(self, job: JobFolder, record: JobRecord, lock: int) -> subprocess.Popen[bytes]:
        paths = [str(Path(drivesim.__file__).parents[1]), os.environ.get("PYTHONPATH", "")]
        environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, paths))}  # the code of this server
        with (job.path / "log.txt").open("wb") as log:
            process = subprocess.Popen(
                [*self._command, *job.arguments(record, self._checkpoints)],
                env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True, pass_fds=(lock,),
            )  # fmt: skip
        with suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, process.pid, NICENESS)
        return process

    def _watch(self, job: JobFolder, process: subprocess.Popen[bytes]) -> None:
        """Waits for the end of a process; stops it when its job is cancelled, or this server closes."""
        asked: float | None = None
        while process.poll() is None:
            if asked is None:
                record = job.read()
                cancelled = record is None or record.state != "running"  # and `cancel` has sent the signal
                if self._closing.is_set() and not cancelled:
                    process.terminate()
                if self._closing.is_set() or cancelled:
                    asked = time.monotonic()
            elif time.monotonic() - asked > PATIENCE:
                process.kill()  # it loses the window it is at, as after any crash
            with suppress(subprocess.TimeoutExpired):
                process.wait(POLL)

    @contextmanager
    def _changes(self) -> Iterator[None]:
        """While it is open no other thread or server changes a job.json."""
        lock = os.open(self.root / ".changes", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
        finally:
            os.close(lock)


def _hidden(owner: str) -> str:
    return hashlib.sha256(str(owner).encode("utf-8", "surrogatepass")).hexdigest()


def _locked(lock: int) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _signal(pid: int | None, number: int) -> None:
    if pid is not None:
        with suppress(OSError):
            os.kill(pid, number)
