"""One process at a time, by name; a killed one holds nothing; a folder that is gone is noticed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from drivesim.config import InputError, MachineError
from drivesim.rollout.lock import FolderLock

HOLD = """
import sys, time
from pathlib import Path
from drivesim.rollout.lock import FolderLock
with FolderLock.hold(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(600)
"""


def test_another_process_is_named_until_it_is_killed(tmp_path: Path) -> None:
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}
    process = subprocess.Popen([sys.executable, "-c", HOLD, str(tmp_path)], stdout=subprocess.PIPE, text=True, env=environment)
    try:
        assert process.stdout is not None and process.stdout.readline() == "held\n"
        words = rf"{tmp_path}: another rollout \(process {process.pid} on .+, since 2\d{{3}}-\d\d-\d\d .+\) is working there"
        with pytest.raises(InputError, match=words), FolderLock.hold(tmp_path):
            pass
        assert f"process {process.pid}" in str(FolderLock.holder(tmp_path))
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert FolderLock.holder(tmp_path) is None
    with FolderLock.hold(tmp_path) as lock:
        lock.check()
        assert f"process {os.getpid()}" in str(FolderLock.holder(tmp_path))
    assert not list(tmp_path.iterdir()) and FolderLock.holder(tmp_path) is None


def test_a_folder_that_is_gone(tmp_path: Path) -> None:
    (folder := tmp_path / "out").mkdir()
    with FolderLock.hold(folder) as lock:
        folder.rename(tmp_path / "away")
        with pytest.raises(MachineError, match="out: is gone while a rollout works there"):
            lock.check()
        folder.mkdir()
        (folder / ".lock").touch()
        with pytest.raises(MachineError, match="is gone"):
            lock.check()
        folder.joinpath(".lock").unlink()
        folder.rmdir()
        (tmp_path / "away").rename(folder)
        lock.check()
