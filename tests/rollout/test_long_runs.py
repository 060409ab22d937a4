"""Memory and open files stay flat however long a rollout is.

A stand-in for the models makes the frames: what is measured is all that surrounds them, which is what could grow (films,
state, manifest, joining). That the models' own part does not grow is tested in test_stream.
"""

from __future__ import annotations

import resource
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from tiny_cascade import SETTINGS

from drivesim.engine.engine import Engine
from drivesim.engine.future import FutureSpec
from drivesim.engine.stream import Carry, FinishedWindow, OpenFilm
from drivesim.engine.timeline import Portions
from drivesim.rollout import run as rollout
from drivesim.rollout.doctor.examination import examine
from drivesim.rollout.future_folder import FutureFolder
from drivesim.rollout.request import Request
from drivesim.rollout.run import roll_out
from drivesim.video_format import CONTEXT


def stand_in(engine: Engine, future: FutureSpec, carry: Carry, open_film: OpenFilm) -> Iterator[FinishedWindow]:
    """`finished_windows`, with frames that are a moving gradient."""
    timeline = future.timeline
    portions = Portions(timeline.frames, SETTINGS.super_resolution.length, SETTINGS.super_resolution.overlap)
    height, width, _ = SETTINGS.frame_shape
    ramp = np.add.outer(np.arange(height), np.arange(width))[None, :, :, None] + np.array([0, 40, 80])
    for index in range(carry.window, timeline.windows):
        window = timeline.window(index)
        carry = replace(carry, decoded=window.frames.stop)
        with open_film(index) as film:
            while portions.ready(carry.portion, carry.decoded):
                numbers = np.array(portions.finished(carry.portion))
                film.write(((ramp + 3 * numbers[:, None, None, None]) % 256).astype(np.uint8))
                engine.progress.lap("write")
                carry = replace(carry, portion=carry.portion + 1)
        keys = torch.zeros(min(len(window.keys), timeline.keys - window.keys.start), 8, 2, 4)
        carry = replace(carry, window=index + 1, keys=keys[-CONTEXT:], high=torch.zeros(2, 3, height, width))
        yield FinishedWindow(index, keys[window.context if index else 0 :], carry)


def measure(request: Request, out: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[list[float], list[int]]:
    """Resident memory in MiB, and open files, after each window of a rollout; the last is after all of it."""
    memory: list[float] = []
    files: list[int] = []

    def note() -> None:
        resident = int(Path("/proc/self/statm").read_text().split()[1])
        memory.append(resident * resource.getpagesize() / 2**20)
        files.append(len(list(Path("/proc/self/fd").iterdir())))

    commit = FutureFolder.commit
    monkeypatch.setattr(rollout, "finished_windows", stand_in)
    monkeypatch.setattr(FutureFolder, "commit", lambda self, *rest: (commit(self, *rest), note()))
    roll_out(request, out)
    note()
    return memory, files


@pytest.fixture
def request_(scenario: Path, checkpoints: Path) -> Request:
    return Request(scenario, fps=30.0, futures=1, device="cpu", settings=SETTINGS, checkpoints=checkpoints)


def test_memory_and_files_are_flat(request_: Request, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """31 windows; kept frames, or what a window made, would be 18 MiB or more of 750 frames."""
    memory, files = measure(Request(**{**vars(request_), "seconds": 130.0, "fps": 7.5}), tmp_path / "out", monkeypatch)
    assert len(memory) == 31 + 1
    assert len(set(files[:-1])) == 1 and files[-1] < files[0]
    assert max(memory[8:-1]) - memory[8] < 8, memory
    assert examine(tmp_path / "out").healthy


@pytest.mark.slow
def test_half_an_hour(request_: Request, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    memory, files = measure(Request(**{**vars(request_), "seconds": 1800.0}), tmp_path / "out", monkeypatch)
    print(f"\n{len(memory) - 1} windows, MiB after 10, 50 % and all of them, and at the end: ", end="")
    print(", ".join(f"{memory[i]:.1f}" for i in (9, len(memory) // 2, -2, -1)), "; open files", files[0], files[-2], files[-1])
    assert len(set(files[:-1])) == 1 and files[-1] < files[0]
    assert max(memory[10:-1]) - memory[10] < 16, memory
    assert examine(tmp_path / "out").whole == ["future-00: 54000 frames, 3376 key frames, 1 boxes"]
