"""The queue with a command that only pretends to roll out, and once with the engine and tiny weights."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from films import write_video
from scenario_editor.jobs.folder import JobFolder
from scenario_editor.jobs.queue import MAX_QUEUE, MAX_WAITING, Queue
from scenario_editor.storage.uploads import add_photo
from tiny_cascade import SCENARIO, SETTINGS

from drivesim.config import InputError
from drivesim.rollout.labels.file import read_rollout
from drivesim.rollout.request import Request
from drivesim.rollout.run import roll_out
from drivesim.video_io import read_video, video_info, write_image

TOYS = Path(__file__).parents[2] / "toys"

ANN, BOB = "a" * 32, "b" * 32
TEXT = "name: {}\nlook: {{time_of_day: day, crowdedness: 0}}\nrollout: {{seconds: 12, fps: 1.875, futures: 2}}\n"

# Makes a window each time the file "go" is there; fails as its name says.
PRETENDER = """
import json, os, pathlib, signal, sys, time
scenario, out = pathlib.Path(sys.argv[2]), pathlib.Path(sys.argv[4])
out.mkdir(exist_ok=True)
with (out.parent.parent / "ran").open("a") as ran:
    ran.write(scenario.stem + "\\n")
def stop(*_):
    (out / "progress.json").write_text(json.dumps({"state": "interrupted"}))
    sys.exit(143)
signal.signal(signal.SIGTERM, stop)
(out / "initial.png").write_bytes((scenario.parent.parent / "picture.png").read_bytes())
def manifest(state, windows):
    future = {"state": state, "windows": windows, "frames": windows * 10, "seconds": {}}
    (out / "manifest.json").write_text(json.dumps({"futures": {"future-00": future, "future-01": future}}))
if "crash" in scenario.stem:
    raise RuntimeError("CUDA out of memory")
if "wrong" in scenario.stem:
    sys.exit("no such weights; give another --checkpoints")
if "killed" in scenario.stem:
    os.kill(os.getpid(), signal.SIGKILL)
manifest("running", 0)
progress = {"pid": os.getpid(), "state": "running", "stage": "predict", "seconds_spent": 1.0, "seconds_left": 3.0, "futures": {}}
(out / "progress.json").write_text(json.dumps(progress))
while "long" in scenario.stem and not (out.parent.parent / "go").exists():
    time.sleep(0.02)
(out / "progress.json").unlink()
for name in ("future-00", "future-01"):
    (out / name).mkdir(exist_ok=True)
    (out / name / "video.mp4").write_bytes((scenario.parent.parent / "film.mp4").read_bytes())
manifest("complete", 3)
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "jobs"
    root.mkdir()
    frames = np.random.default_rng(0).integers(0, 255, (4, 32, 64, 3), np.uint8)
    write_image(root / "picture.png", frames[0])
    write_video(root / "film.mp4", frames, 1.875)
    return root


@pytest.fixture
def make(root: Path) -> Iterator[Callable[[], Queue]]:
    queues = []

    def one() -> Queue:
        queues.append(Queue(root, command=[sys.executable, "-c", PRETENDER]))
        return queues[-1]

    yield one
    for queue in queues:
        queue.close()


def submit(queue: Queue, name: str, owner: str = ANN) -> str:
    return queue.submit(TEXT.format(name), queue.root, owner)


def until(condition: Callable[[], bool], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "nothing happened"
        time.sleep(0.02)


def state(queue: Queue, job: str, owner: str = ANN) -> str:
    return queue.job(job, owner).state


def test_jobs_run_in_their_order_and_each_sees_his_own(make: Callable[[], Queue], root: Path) -> None:
    queue = make()
    first, second, third = submit(queue, "one"), submit(queue, "two", BOB), submit(queue, "three")
    assert [view.position for view in queue.jobs(ANN)] == [2, 0] and queue.job(second, BOB).position == 1
    queue.start()
    until(lambda: state(queue, third) == "complete")
    assert (root / "ran").read_text().split() == ["one", "two", "three"]
    assert [view.id for view in queue.jobs(ANN)] == [third, first] and [view.id for view in queue.jobs(BOB)] == [second]
    view = queue.job(first, ANN)
    assert view.share == 1 and view.error == "" and [f.state for f in view.futures] == ["complete"] * 2
    assert queue.film(first, ANN, 1) == view.out / "future-01" / "video.mp4" and queue.film(first, ANN, 2) is None
    assert view.command.startswith("drivesim rollout ") and "one.yaml" in view.command
    assert ANN not in "".join(path.read_text() for path in root.glob("*/job.json"))


def test_a_job_of_another_is_as_if_it_were_not_there(make: Callable[[], Queue]) -> None:
    queue = make()
    job = submit(queue, "one")
    for action in (queue.job, queue.cancel, queue.resume, queue.remove, lambda j, o: queue.film(j, o, 0)):
        for name, owner in ((job, BOB), ("0" * 32, ANN), ("../" + job, ANN), ("", ANN), ("..", ANN), (job + "\n", ANN)):
            with pytest.raises(InputError, match="no such rollout in your list"):
                action(name, owner)
    assert state(queue, job) == "queued"


def test_progress_cancel_and_resume(make: Callable[[], Queue], root: Path) -> None:
    queue = make()
    job = submit(queue, "long")
    queue.start()
    until(lambda: queue.job(job, ANN).seconds_left is not None)
    view = queue.job(job, ANN)
    assert (view.state, view.phase, view.share, view.position, view.can_cancel) == ("running", "predict", 0.25, 0, True)
    assert view.first_frame is not None and view.first_frame.is_file()
    with pytest.raises(InputError, match="cancel it first"):
        queue.remove(job, ANN)
    queue.cancel(job, ANN)
    until(lambda: JobFolder(root / job).read().pid is None)  # type: ignore[union-attr]
    view = queue.job(job, ANN)
    assert (view.state, view.error, view.can_resume, view.can_remove) == ("cancelled", "", True, True)
    (root / "go").touch()
    queue.resume(job, ANN)
    until(lambda: state(queue, job) == "complete")
    queue.remove(job, ANN)
    assert queue.jobs(ANN) == [] and not (root / job).exists()


def test_a_job_that_waits_is_cancelled_at_once(make: Callable[[], Queue], root: Path) -> None:
    queue = make()
    first, second = submit(queue, "long"), submit(queue, "two")
    queue.cancel(second, ANN)
    queue.start()
    (root / "go").touch()
    until(lambda: state(queue, first) == "complete")
    assert state(queue, second) == "cancelled" and (root / "ran").read_text().split() == ["long"]


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("crash", "the rollout broke off: CUDA out of memory"),
        ("wrong", "no such weights; give another --checkpoints"),
        ("killed", "the rollout was killed, perhaps for want of memory; resume it, finished windows are kept"),
    ],
)
def test_a_failure_is_one_sentence(make: Callable[[], Queue], name: str, error: str) -> None:
    queue = make()
    job, after = submit(queue, name), submit(queue, "after")
    queue.start()
    until(lambda: state(queue, after) == "complete")
    view = queue.job(job, ANN)
    assert (view.state, view.error, view.can_resume) == ("failed", error, True)


def test_the_sentence_of_progress_json_comes_first(root: Path) -> None:
    job = JobFolder(root / "job")
    job.out.mkdir(parents=True)
    (job.path / "log.txt").write_text("50 %, 1:00 left\n")
    assert job.failure(7) == "the rollout ended with exit code 7"
    (job.out / "progress.json").write_text(json.dumps({"state": "failed", "message": f"{job.out}: no space is left"}))
    assert job.failure(1) == "rollout: no space is left"
    (job.out / "progress.json").write_text("{")
    assert "exit code 7" in job.failure(7)


def test_progress_that_an_earlier_process_left_is_not_shown(make: Callable[[], Queue], root: Path) -> None:
    queue = make()
    job = JobFolder(root / submit(queue, "a"))
    job.out.mkdir()
    left = {"pid": 7, "state": "interrupted", "stage": "write", "seconds_spent": 9.0, "seconds_left": 1.0, "futures": {}}
    (job.out / "progress.json").write_text(json.dumps(left))
    record = job.read()
    assert record is not None
    shown = {pid: job.view(record.model_copy(update={"state": "running", "pid": pid}), 0, None) for pid in (7, 8, None)}
    assert (shown[7].phase, shown[7].share, shown[7].seconds_left) == ("write", 0.9, 1.0)
    for pid in (8, None):
        assert (shown[pid].phase, shown[pid].share, shown[pid].seconds_left) == ("load", 0.0, None)


def test_a_server_that_closes_leaves_its_job_to_the_next(make: Callable[[], Queue], root: Path) -> None:
    queue = make()
    job = submit(queue, "long")
    queue.start()
    until(lambda: queue.job(job, ANN).seconds_left is not None)
    queue.close()
    assert state(queue, job) == "queued"
    (root / "go").touch()
    again = make()
    again.start()
    until(lambda: state(again, job) == "complete")
    assert (root / "ran").read_text().split() == ["long", "long"]


def test_a_server_that_is_killed_leaves_its_rollout_running(make: Callable[[], Queue], root: Path) -> None:
    program = textwrap.dedent(
        f"""
        import sys, time
        from pathlib import Path
        from scenario_editor.jobs.queue import Queue
        queue = Queue(Path({str(root)!r}), command=[sys.executable, "-c", {PRETENDER!r}])
        queue.start()
        time.sleep(600)
        """
    )
    apps = str(Path(__file__).parents[3] / "apps")
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([apps, os.environ.get("PYTHONPATH", "")])}
    queue = make()
    job, after = submit(queue, "long"), submit(queue, "after")
    server = subprocess.Popen([sys.executable, "-c", program], env=environment)
    try:
        until(lambda: queue.job(job, ANN).seconds_left is not None)
    finally:
        server.send_signal(signal.SIGKILL)
        server.wait()
    queue.start()
    time.sleep(1)
    assert state(queue, job) == "running" and state(queue, after) == "queued"
    assert (root / "ran").read_text().split() == ["long"], "it has not been started a second time beside the first"
    queue.cancel(job, ANN)  # the process is not a child of this server
    until(lambda: state(queue, after) == "complete")
    assert state(queue, job) == "cancelled" and (root / "ran").read_text().split() == ["long", "after"]
    (root / "go").touch()
    queue.resume(job, ANN)
    until(lambda: state(queue, job) == "complete")


def test_two_servers_do_not_run_the_same_queue(make: Callable[[], Queue], root: Path) -> None:
    one, other = make(), make()
    one.start()
    other.start()
    jobs = [submit(one, "long"), *(submit(other, f"j{i}") for i in range(4))]
    until(lambda: state(one, jobs[0]) == "running")
    (root / "go").touch()
    until(lambda: all(state(other, job) == "complete" for job in jobs))
    assert (root / "ran").read_text().split() == ["long", "j0", "j1", "j2", "j3"]
    one.close()
    last = submit(one, "last")
    until(lambda: state(other, last) == "complete")


def test_what_cannot_be_rolled_out_is_refused(make: Callable[[], Queue], root: Path) -> None:
    queue = make()
    with pytest.raises(InputError, match="line 2: time_of_day must be"):
        queue.submit(TEXT.format("a").replace("day,", "noon,"), root, ANN)
    with pytest.raises(InputError, match="quality"):
        queue.submit(TEXT.format("a"), root, ANN, quality="superb")
    for _ in range(MAX_WAITING):
        submit(queue, "a")
    with pytest.raises(InputError, match="wait already"):
        submit(queue, "a")
    assert submit(queue, "a", BOB)
    assert len(list(root.glob("*/job.json"))) == MAX_WAITING + 1
    with pytest.raises(InputError, match="wait on this server already"):
        for i in range(MAX_QUEUE):
            submit(queue, "a", str(i))


def test_the_photo_goes_with_the_job(make: Callable[[], Queue], root: Path, tmp_path: Path) -> None:
    queue, session = make(), tmp_path / "session"
    write_image(tmp_path / "in.png", np.zeros((64, 128, 3), np.uint8))
    photo = add_photo((tmp_path / "in.png").read_bytes(), session)
    for written in (photo, str(session / photo)):
        job = queue.submit(TEXT.format("a") + f"photo: {written}\n", session, ANN)
        assert (root / job / photo).is_file() and f"photo: {photo}\n" in (root / job / "a.yaml").read_text()


def test_films_grow_with_the_windows_and_old_ones_go(root: Path) -> None:
    job = JobFolder(root / "job")
    state_of_future = job.out / "future-00" / ".state"
    state_of_future.mkdir(parents=True)
    assert job.film(0) is None
    frames = np.random.default_rng(0).integers(0, 255, (5, 32, 64, 3), np.uint8)
    lengths = []
    for window in range(4):
        write_video(state_of_future / f"{window:04d}.mp4", frames, 7.5)
        film = job.film(0)
        assert film is not None and film == job.film(0)
        lengths.append(video_info(film).frames)
        time.sleep(0.01)
    assert lengths == [5, 10, 15, 20]
    assert sorted(path.name for path in (job.path / "films").iterdir()) == ["future-00-3.mp4", "future-00-4.mp4"]
    assert job.film(0, windows=3) == job.path / "films" / "future-00-3.mp4"
    (job.out / "future-00" / "video.mp4").write_bytes((root / "film.mp4").read_bytes())
    assert job.film(0) == job.out / "future-00" / "video.mp4"
    assert job.film(0, windows=4) == job.path / "films" / "future-00-4.mp4"


def test_the_command_is_that_of_this_code(root: Path, tmp_path: Path) -> None:
    queue = Queue(root, checkpoints=tmp_path / "none")
    job = submit(queue, "a")
    queue.start()
    try:
        until(lambda: state(queue, job) == "failed")
    finally:
        queue.close()
    error = queue.job(job, ANN).error
    assert str(tmp_path / "none") in error and "Traceback" not in error and "exit code" not in error


def test_a_rollout_of_the_queue_is_that_of_the_command(tmp_path: Path, checkpoints: Path) -> None:
    program = (
        f"import sys; sys.path.insert(0, {str(TOYS)!r});"
        "from tiny_cascade import SETTINGS; from drivesim.engine.settings import SamplingSettings;"
        "SamplingSettings.preset = classmethod(lambda cls, quality: SETTINGS);"
        "from drivesim.cli.main import main; main()"
    )
    queue = Queue(tmp_path / "jobs", checkpoints, [sys.executable, "-c", program])
    text = SCENARIO.replace("seconds: 3", "seconds: 1")
    job = queue.submit(text, tmp_path, ANN)
    queue.start()
    try:
        until(lambda: state(queue, job) in ("complete", "failed"), 120)
    finally:
        queue.close()
    view = queue.job(job, ANN)
    assert view.state == "complete", view.error
    (tmp_path / "tiny.yaml").write_text(text)
    roll_out(Request(tmp_path / "tiny.yaml", settings=SETTINGS, checkpoints=checkpoints, device="auto"), tmp_path / "out")
    assert (view.out / "scenario.yaml").read_bytes() == (tmp_path / "out" / "scenario.yaml").read_bytes()
    for future in ("future-00", "future-01"):
        ours, theirs = view.out / future, tmp_path / "out" / future
        assert (read_video(ours / "video.mp4")[0] == read_video(theirs / "video.mp4")[0]).all()
        assert (read_rollout(ours / "rollout.h5").latents == read_rollout(theirs / "rollout.h5").latents).all()
