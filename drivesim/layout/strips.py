"""The cross-section of the road as strips along it, tabulated by d so that a pixel's share of paint is two look-ups."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from drivesim.scene.classes import SceneClass
from drivesim.scene.road import DASHES, Road

D_FROM, D_TO, D_STEP = -64.0, 96.0, 0.025  # m left of the ego's lane centre: extent and resolution of the tables
_MARKINGS = (SceneClass.WHITE_MARKING, SceneClass.YELLOW_MARKING)
_LINE = 0.15  # m, width of a line


@dataclass(frozen=True, eq=False)
class Strips:
    """n strips along the road, later ones over earlier ones; beside them is ground.

    low, high float [n] (d in m, positive left of the line d = 0); what int [n] (SceneClass); dashed bool [n]. Dashes are
    `dash` m long and lie in the middle of each `period` (m), counted from the s at which EgoMotion.along is 0.
    """

    low: np.ndarray
    high: np.ndarray
    what: np.ndarray
    dashed: np.ndarray
    dash: float
    period: float

    @classmethod
    def of(cls, rows: list[tuple[float, float, SceneClass, bool]], dash: float, period: float) -> Strips:
        """From rows low, high, class, dashed."""
        low, high, what, dashed = (np.array(column) for column in zip(*rows, strict=True))
        return cls(
            low.astype(np.float64), high.astype(np.float64), what.astype(np.uint8), dashed.astype(bool), dash, period
        )

    @classmethod
    def plain(cls, road: Road, oncoming: int = 0) -> Strips:
        """What a scenario says of its road and no more: the lanes with dashes between them, a white line on the right, and a
        yellow one on the left or before `oncoming` lanes."""
        width = road.lane_width
        left = (road.ego_lane - 0.5) * width
        right = left - road.lanes * width
        white, yellow, half = SceneClass.WHITE_MARKING, SceneClass.YELLOW_MARKING, _LINE / 2
        rows = [(right - 0.6, left + oncoming * width + 0.6, SceneClass.ROAD, False)]
        inner = [left - lane * width for lane in range(1, road.lanes)]
        inner += [left + lane * width for lane in range(1, oncoming)]
        rows += [(d - half, d + half, white, True) for d in inner]
        rows += [(d - half, d + half, white, False) for d in [right, *([left + oncoming * width] if oncoming else [])]]
        rows += [(left - half, left + half, yellow, False)]
        return cls.of(rows, *DASHES[road.setting])

    @cached_property
    def surface(self) -> np.ndarray:
        """Class of what lies under the markings, uint8 [bins]."""
        d = D_FROM + (np.arange(round((D_TO - D_FROM) / D_STEP)) + 0.5) * D_STEP
        table = np.full(len(d), SceneClass.GROUND, np.uint8)
        for low, high, what in zip(self.low, self.high, self.what, strict=True):
            if what not in _MARKINGS:
                table[(d > low) & (d < high)] = what
        return table

    @cached_property
    def paint(self) -> np.ndarray:
        """Metres of paint from D_FROM to each bin's lower end: white, dashed white, yellow, dashed yellow, float32 [bins + 1 4]."""
        ends = D_FROM + np.arange(round((D_TO - D_FROM) / D_STEP) + 1) * D_STEP
        table = np.zeros((len(ends), 4))
        for low, high, what, dashed in zip(self.low, self.high, self.what, self.dashed, strict=True):
            if what in _MARKINGS:
                table[:, 2 * _MARKINGS.index(what) + dashed] += np.clip(ends, low, high) - low
        return table.astype(np.float32)

    @cached_property
    def any_paint(self) -> np.ndarray:
        """The sum of `paint` over its kinds, float32 [1 bins + 1]."""
        return self.paint.sum(axis=1)[None]

    @cached_property
    def paint_distance(self) -> np.ndarray:
        """Bins from each bin to the nearest that has paint, float32 [bins]."""
        painted = np.flatnonzero(np.diff(self.any_paint[0]) > 0)
        if not len(painted):
            return np.full(self.any_paint.shape[1] - 1, np.inf, np.float32)
        bins = np.arange(self.any_paint.shape[1] - 1)
        after = np.searchsorted(painted, bins)
        ends = painted.take(after, mode="clip"), painted.take(after - 1, mode="clip")
        return np.minimum(*(np.abs(end - bins) for end in ends)).astype(np.float32)
