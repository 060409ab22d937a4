"""What becomes of a film over time: figures of its windows beside those of the first one."""

from __future__ import annotations

import numpy as np


def time_windows(frames: int, fps: float, seconds: float = 4.0) -> list[slice]:
    """The frames of each whole window of so many seconds, and of the last one, which ends with the film."""
    length = max(1, round(seconds * fps))
    whole = [slice(start, start + length) for start in range(0, frames - length + 1, length)]
    ends = whole[-1].stop if whole else 0
    return whole if ends == frames else [*whole, slice(max(0, frames - length), frames)]


def drift(values: np.ndarray, fps: float, seconds: float = 4.0) -> float:
    """The last window's mean of a figure of every frame [f], NaN left out, over the first window's; 1 is no drift.

    NaN if the film has but one window.
    """
    windows = time_windows(len(values), fps, seconds)
    if len(windows) < 2:
        return float("nan")
    first, last = (float(np.nanmean(values[window])) for window in (windows[0], windows[-1]))
    return last / first if first else float("nan")


def first_beyond(values: np.ndarray, largest: float, run: int = 3) -> int | None:
    """The first frame from which on so many in a row are larger than `largest`; None if there is none."""
    beyond = values > largest
    for frame in range(len(values) - run + 1):
        if beyond[frame : frame + run].all():
            return frame
    return None
