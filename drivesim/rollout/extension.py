"""A finished future that is to be longer: back to where its last window began, of which only the beginning was shown.

    future-00/video.mp4   the films of its windows come apart again, without encoding
    future-00/rollout.h5  has the key frames; all else that the next window needs follows from them, to the bit

Nothing is predicted for that, and of each window one portion is upsampled: what takes most of a rollout's time is not done again.
The finished files stay until the longer ones are whole.
"""

from __future__ import annotations

from dataclasses import replace

import torch

from drivesim.engine.engine import Engine
from drivesim.engine.future import FutureSpec
from drivesim.engine.stream import Carry, finished_frames, replayed_windows
from drivesim.rollout.future_folder import DATA, VIDEO, FutureFolder
from drivesim.rollout.labels.file import read_rollout
from drivesim.rollout.segments import split_film


def reopen(engine: Engine, future: FutureSpec, folder: FutureFolder) -> Carry | None:
    """Where to go on to make a future as long as it is asked for; None: from its beginning. Fills its state."""
    assert folder.record is not None
    timeline, settings = future.timeline, engine.settings
    count = replace(timeline, frames=folder.record.frames).windows - 1
    folder.windows.keep(0)
    if count == 0:
        return None
    folder.windows.folder.mkdir(exist_ok=True)
    keys, end = torch.from_numpy(read_rollout(folder.path / DATA).latents), 0
    with split_film(folder.path / VIDEO, timeline.fps) as copy:
        for window in replayed_windows(engine, future, keys, count):
            folder.rollout.check_place()
            begin, end = end, finished_frames(timeline, settings, window.carry)
            if end > begin:
                copy(folder.windows.film_path(window.index), end - begin)
            folder.windows.commit(window)
    return window.carry
