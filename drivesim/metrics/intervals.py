"""How sure a figure is: its interval over what would have come of other clips of the same kind."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from drivesim.tensors import numpy_stream


class Interval(NamedTuple):
    """A figure, and the ends of its 95 % interval."""

    value: float
    low: float
    high: float


Figures = dict[str, Interval]
"""Figures by their names."""


def flat(figures: Figures) -> dict[str, float | None]:
    """As numbers by name, with _low and _high for the ends of intervals; what could not be measured is None."""
    values: dict[str, float] = {}
    for name, interval in figures.items():
        values |= dict(zip((name, f"{name}_low", f"{name}_high"), interval, strict=True))
    return {name: round(float(value), 6) if np.isfinite(value) else None for name, value in values.items()}


def bootstrap(statistic: Callable[[np.ndarray], float], clips: int, seed: int = 0, draws: int = 500) -> Interval:
    """The figure of all clips, and its percentile interval over clips drawn with replacement.

    `statistic` is told the numbers of the clips, int64 [n]; frames of a clip are alike, so that clips are drawn and not frames.
    Draws of which the figure is NaN are left out; without any the interval is NaN.
    """
    rng = numpy_stream(seed, "bootstrap")
    drawn = np.array([statistic(rng.integers(clips, size=clips)) for _ in range(draws)])
    drawn = drawn[np.isfinite(drawn)]
    low, high = np.quantile(drawn, [0.025, 0.975]) if len(drawn) else (np.nan, np.nan)
    return Interval(statistic(np.arange(clips)), float(low), float(high))


def mean_interval(values: np.ndarray, seed: int = 0) -> Interval:
    """The mean of one value a clip [n], NaN left out."""
    kept = values[np.isfinite(values)]
    return bootstrap(lambda rows: float(kept[rows].mean()), len(kept), seed) if len(kept) else Interval(np.nan, np.nan, np.nan)
