"""Whether what a film shows moves when and where its label does: how late, and how far off."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

_MOST_LAG = 1.0  # s either way
_LEAST_FOUND = 0.5  # share of the frames below which nothing is said


class Following(NamedTuple):
    """`found`: share of the frames in which there is something to compare; `lag` s by which the picture is late, negative where it
    is early; `offset`, median distance from the label, in the label's unit. NaN where too little is found."""

    found: float
    lag: float
    offset: float


def following(asked: np.ndarray, found: np.ndarray, fps: float) -> Following:
    """How a place `found` in pictures [f] follows the place `asked` for [f] at `fps`; NaN where it is not found, or not asked.

    The lag is the shift in time under which both change most alike, whatever lies between them constantly.
    """
    told = np.isfinite(asked)
    known = np.isfinite(found) & told
    share = float(known.sum() / told.sum()) if told.any() else float("nan")
    if not share >= _LEAST_FOUND:
        return Following(share, float("nan"), float("nan"))
    frame = np.arange(len(asked), dtype=np.float64)
    most = round(_MOST_LAG * fps)
    shifts = np.array(sorted(range(-most, most + 1), key=abs))  # of equally good ones the smallest
    rests = []
    for shift in shifts.tolist():
        apart = (found - np.interp(frame - shift, frame[told], asked[told]))[known]
        rests.append(np.abs(apart - np.median(apart)).mean())
    lag = float(shifts[int(np.argmin(np.round(rests, 9)))] / fps)
    return Following(share, lag, float(np.median(np.abs(found - asked)[known])))
