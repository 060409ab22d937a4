"""The same future is the same, however it is made: alone or beside others, in any order, on other threads and devices.

Alone, in any order and after a resume the bits are the same (test_run, test_windows, test_killing). With other threads and on other
devices sums are rounded in another order, so latents and frames are compared as they leave the engine: a film's encoder may answer
a difference of one level with one of several.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from outcome import results

from drivesim.rollout.request import Request
from drivesim.rollout.run import roll_out

TOYS = Path(__file__).parents[1] / "toys"
# Latents (their standard deviation is about 1), and levels of the frames. In float32 a sum is off by 6e-8 of its terms; a few
# hundred layers and steps later that is 1e-5 at most, and a level changes only where a value lies that near to a half. GPUs may
# multiply in tf32, which is off by 1e-3.
THREADS_TOLERANCE = 1e-4, 1
DEVICE_TOLERANCE = 1e-2, 8

PROGRAM = """
import sys
from contextlib import nullcontext
from pathlib import Path
import numpy as np
import torch
from tiny_cascade import SECONDS, SETTINGS
from drivesim.engine.cascade import Cascade
from drivesim.engine.engine import Engine
from drivesim.engine.future import FutureSpec, Prompt
from drivesim.engine.stream import Carry, finished_windows
from drivesim.engine.timeline import Timeline
from drivesim.scenario.file import load_scenario

class Film(list):
    write = list.append

scenario, checkpoints, folder, *ways = sys.argv[1:]
for way in ways:
    device, threads = way.split("-")
    torch.set_num_threads(int(threads))
    engine = Engine(Cascade.load(Path(checkpoints), torch.device(device)), SETTINGS)
    prompt = Prompt.of(load_scenario(Path(scenario)))
    carry, film = Carry.start(engine.first_latents(prompt, 5)), Film()
    windows = finished_windows(engine, FutureSpec(prompt, Timeline.of(SECONDS, 7.5), 5, 0), carry, lambda index: nullcontext(film))
    latents = np.concatenate([window.keys.numpy() for window in windows])
    np.savez(Path(folder) / way, latents=latents, frames=np.concatenate(film))
"""


def test_the_order_in_which_futures_are_made_does_not_matter(request_: Request, tmp_path: Path) -> None:
    roll_out(Request(**{**vars(request_), "futures": 3}), tmp_path / "together")
    for number in (2, 0, 1):
        roll_out(Request(**{**vars(request_), "only": number}), tmp_path / "backwards")
    assert results(tmp_path / "backwards") == results(tmp_path / "together")


def make(scenario: Path, checkpoints: Path, folder: Path, *ways: str) -> list[Path]:
    """A future for each way (a device and its number of threads), one after the other in a process of their own.

    Latents and frames in npz files.
    """
    paths = os.pathsep.join([str(TOYS), str(TOYS.parents[1]), os.environ.get("PYTHONPATH", "")])
    environment = {name: value for name, value in os.environ.items() if not name.endswith("_NUM_THREADS")}
    command = [sys.executable, "-c", PROGRAM, str(scenario), str(checkpoints), str(folder), *ways]
    subprocess.run(command, env=environment | {"PYTHONPATH": paths}, check=True)
    return [folder / f"{way}.npz" for way in ways]


def farthest(one: Path, other: Path) -> tuple[float, int]:
    """The largest difference of two futures in their latents, and in the levels of their frames."""
    a, b = np.load(one), np.load(other)
    assert a["frames"].shape == b["frames"].shape == (9, 64, 128, 3)
    levels = np.abs(a["frames"].astype(int) - b["frames"].astype(int)).max()
    return float(np.abs(a["latents"] - b["latents"]).max()), int(levels)


def test_one_thread_and_two(scenario: Path, checkpoints: Path, tmp_path: Path) -> None:
    latents, levels = farthest(*make(scenario, checkpoints, tmp_path, "cpu-1", "cpu-2"))
    assert latents <= THREADS_TOLERANCE[0] and levels <= THREADS_TOLERANCE[1], (latents, levels)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device on this machine")
def test_cpu_and_gpu(scenario: Path, checkpoints: Path, tmp_path: Path) -> None:
    latents, levels = farthest(*make(scenario, checkpoints, tmp_path, "cpu-1", "cuda-1"))
    assert latents <= DEVICE_TOLERANCE[0] and levels <= DEVICE_TOLERANCE[1], (latents, levels)
