"""The same future is the same, however it is made: alone or beside others, in any order, on other threads and devices.

Alone, in any order and after a resume the bits are the same (test_run, test_killing); so they are with 1 and 2 threads where
the libraries split work by output alone. Where they do not, and on a GPU, sums are rounded in another order. Frames are
compared as the encoder gets them: what it makes of a pixel that differs by one grey level is its own affair, and no rounding.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from outcome import results
from tiny_cascade import SETTINGS

from drivesim.rollout.labels_file import read_rollout
from drivesim.rollout.request import Request
from drivesim.rollout.run import roll_out

TOYS = Path(__file__).parents[1] / "toys"
THREADS_TOLERANCE = 1e-4, 1
"""Latents (their standard deviation is about 1), and grey levels of a frame.

float32 rounds at 6e-8; sums of some hundred products in another order, through some ten layers and six steps, differ by about
1e-6. A grey level is 8e-3, so only a pixel that lies between two levels changes, to the other.
"""
DEVICE_TOLERANCE = 1e-2, 8

PROGRAM = """
import json, sys
import numpy as np
import torch
torch.set_num_threads(int(sys.argv[1]))
from pathlib import Path
from tiny_cascade import SETTINGS
from drivesim.rollout.request import Request
from drivesim.rollout.run import roll_out
from drivesim.video_io import VideoWriter
request = Request(Path(sys.argv[2]), 3.0, futures=1, device=sys.argv[5], settings=SETTINGS, checkpoints=Path(sys.argv[3]))
frames, write = [], VideoWriter.write
VideoWriter.write = lambda self, new: (frames.append(new.copy()), write(self, new))
roll_out(request, Path(sys.argv[4]))
np.save(Path(sys.argv[4]) / "frames.npy", np.concatenate(frames))
"""


@pytest.fixture
def request_(scenario: Path, checkpoints: Path) -> Request:
    return Request(scenario, device="cpu", settings=SETTINGS, checkpoints=checkpoints)


def test_the_order_in_which_futures_are_made_does_not_matter(request_: Request, tmp_path: Path) -> None:
    roll_out(Request(**{**vars(request_), "futures": 3}), tmp_path / "together")
    for number in (2, 0, 1):
        roll_out(Request(**{**vars(request_), "only": number}), tmp_path / "backwards")
    assert results(tmp_path / "backwards") == results(tmp_path / "together")


def make(scenario: Path, checkpoints: Path, out: Path, threads: int, device: str = "cpu") -> None:
    """A future in a process with so many threads."""
    paths = os.pathsep.join([str(TOYS), str(TOYS.parents[1]), os.environ.get("PYTHONPATH", "")])
    arguments = [str(threads), str(scenario), str(checkpoints), str(out), device]
    environment = {name: value for name, value in os.environ.items() if not name.endswith("_NUM_THREADS")}
    subprocess.run([sys.executable, "-c", PROGRAM, *arguments], env=environment | {"PYTHONPATH": paths}, check=True)


def farthest(one: Path, other: Path) -> tuple[float, int]:
    """The largest difference of two futures in their latents, and in the grey levels of their frames."""
    a, b = (read_rollout(folder / "future-00" / "rollout.h5") for folder in (one, other))
    np.testing.assert_array_equal(a.time_s, b.time_s)
    np.testing.assert_array_equal(a.boxes, b.boxes)
    frames = [np.load(folder / "frames.npy").astype(int) for folder in (one, other)]
    assert len(frames[0]) == len(a.time_s)
    return float(np.abs(a.latents - b.latents).max()), int(np.abs(frames[0] - frames[1]).max())


def test_one_thread_and_two(scenario: Path, checkpoints: Path, tmp_path: Path) -> None:
    for threads in (1, 2):
        make(scenario, checkpoints, tmp_path / f"{threads}", threads)
        manifest = json.loads((tmp_path / f"{threads}" / "manifest.json").read_text())
        assert manifest["machine"]["threads"] == threads
    latents, levels = farthest(tmp_path / "1", tmp_path / "2")
    assert latents <= THREADS_TOLERANCE[0] and levels <= THREADS_TOLERANCE[1], (latents, levels)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device on this machine")
def test_cpu_and_gpu(scenario: Path, checkpoints: Path, tmp_path: Path) -> None:
    for device in ("cpu", "cuda"):
        make(scenario, checkpoints, tmp_path / device, 1, device)
    latents, levels = farthest(tmp_path / "cpu", tmp_path / "cuda")
    assert latents <= DEVICE_TOLERANCE[0] and levels <= DEVICE_TOLERANCE[1], (latents, levels)
