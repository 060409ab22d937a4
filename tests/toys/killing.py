"""A program that kills rollouts: python killing.py POINTS FOLDER, with a job in FOLDER/job.json.

Every point is a random moment of the work, measured in processor time, at which a rollout in a fresh folder gets SIGKILL.
Run again it must end with the same HDF5 datasets and decoded frames as one that was never interrupted. The rollouts
are forked from this process, which has imported everything, read the networks and computed nothing.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
import traceback
from pathlib import Path

import cv2
import torch
from outcome import results

from drivesim.engine.cascade import Cascade
from drivesim.engine.settings import SamplingSettings
from drivesim.rollout.request import Request
from drivesim.rollout.run import roll_out


def start(request: Request, out: Path) -> int:
    """Starts a rollout in a process of its own: the number of the process."""
    child = os.fork()
    if child:
        return child
    try:
        roll_out(request, out)
    except BaseException:
        traceback.print_exc()
        os._exit(1)
    os._exit(0)


def seconds_of(process: int) -> float:
    """Processor time of another process."""
    return time.clock_gettime((~process << 3) | 2)


def run(request: Request, out: Path) -> float:
    """A whole rollout: the processor time it took."""
    process, before = start(request, out), os.times()
    assert os.waitpid(process, 0)[1] == 0, f"{out}: failed"
    after = os.times()
    return after.children_user - before.children_user + after.children_system - before.children_system


def kill_at(request: Request, out: Path, moment: float) -> bool:
    """Kills a rollout after `moment` seconds of its work; False if it had ended by then."""
    process = start(request, out)
    while True:
        if os.waitpid(process, os.WNOHANG)[0]:
            return False
        if seconds_of(process) >= moment:
            os.kill(process, signal.SIGKILL)
            return os.WIFSIGNALED(os.waitpid(process, 0)[1])
        time.sleep(0.001)


def main(points: int, folder: Path) -> None:
    torch.set_num_threads(1)
    cv2.setNumThreads(0)
    os.fsync = lambda _: None  # what a killed process has written is there without it
    job = json.loads((folder / "job.json").read_text())
    settings = SamplingSettings.model_validate(job.pop("settings"))
    paths = {name: Path(job.pop(name)) for name in ("scenario", "checkpoints")}
    request = Request(**paths, **job, device="cpu", settings=settings)
    cascade = Cascade.load(paths["checkpoints"], torch.device("cpu"))
    Cascade.load = lambda *_: cascade  # type: ignore[method-assign]
    whole = run(request, folder / "whole")
    expected = results(folder / "whole", decoded=True)
    rng = random.Random(0)
    states: dict[str, int] = {}
    killed = 0
    while killed < points:
        out = folder / "cut"
        if kill_at(request, out, rng.uniform(0, whole)):
            killed += 1
            state = "nothing"
            if (out / "manifest.json").is_file():
                futures = json.loads((out / "manifest.json").read_text())["futures"].values()
                state = f"{sum(f['windows'] for f in futures)} windows, {sum(f['state'] == 'complete' for f in futures)} futures"
            states[state] = states.get(state, 0) + 1
            run(request, out)
            assert results(out, decoded=True) == expected, f"killed with {state}"
            subprocess.run(["sha256sum", "--quiet", "--strict", "-c", "SHA256SUMS"], cwd=out, check=True)
        shutil.rmtree(out)
    print(json.dumps({"killed": killed, "states": states}))


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]))
