"""Who is where in every frame of one future, from traffic and roadside alone: what the networks are shown, and what labels say.

A moment is named by its tick, the number of its frame at the highest rate: a key frame is every sixteenth.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import replace
from fractions import Fraction
from functools import lru_cache

import numpy as np

from drivesim.engine.timeline import MAX_SECONDS
from drivesim.layout.preview.drive import CommonScene
from drivesim.layout.scene_at import SceneAt
from drivesim.scenario.scenario import Scenario
from drivesim.scene.geometry import Pose
from drivesim.traffic.simulation import Snapshot
from drivesim.video_format import FRAME_RATES, INTERPOLATION_FACTOR, KEY_FPS, WINDOW

TICKS = Fraction(FRAME_RATES[-1])  # a second
KEY_TICKS = int(TICKS / KEY_FPS)
_KEPT = 2 * WINDOW * KEY_TICKS  # a window looks ahead to its end, and what is finished lags behind it by little
_LAST = 2 * int(MAX_SECONDS * TICKS)


def ticks(frames: range, level: int) -> range:
    """The ticks of frames at the rate to which `level` interpolations lead."""
    step = KEY_TICKS // INTERPOLATION_FACTOR**level
    return range(frames.start * step, frames.stop * step, frames.step * step)


class Moments:
    """The moments of a future, in any order; memory is flat and the cost of each is small where they are asked for about in turn.

    The first one is kept; who asks for another that is long past has them all made again. With a photo, drawn vehicles that were
    ahead in its first frame are left out of all: the photo does not show them.
    """

    def __init__(self, scenario: Scenario, seed: int, future: int) -> None:
        self.common = CommonScene.of(scenario, seed, future)
        self._moment = lru_cache(maxsize=WINDOW)(self._draw)
        self._scenario = scenario
        self._start()

    def _start(self) -> None:
        self._coming = enumerate(self.common.states(self._scenario, _LAST, float(TICKS)))
        self._first = next(self._coming)[1]
        self._kept: OrderedDict[int, Snapshot] = OrderedDict()
        self._next = 1
        photo, named = self._scenario.photo is not None, len(self._scenario.vehicles)
        ahead = self._first.s > self._first.s[0]
        self._left_out = self._first.track[ahead & (self._first.track >= named) & photo]

    def state(self, tick: int) -> Snapshot:
        """The traffic at a tick, from 0."""
        if tick == 0:
            return self._first
        if tick < self._next and tick not in self._kept:
            self._start()
        while self._next <= tick:
            number, state = next(self._coming)
            self._kept[number], self._next = state, number + 1
            if len(self._kept) > _KEPT:
                self._kept.popitem(last=False)
        return self._kept[tick]

    def pose(self, tick: int) -> Pose[np.ndarray]:
        """The ego's pose at a tick, from 0, as its moment has it."""
        return self.common.pose(self.state(tick))

    def __getitem__(self, tick: int) -> SceneAt:
        """The moment of a tick, from 0."""
        return self._moment(tick)

    def _draw(self, tick: int) -> SceneAt:
        moment = self.common.moment(self.state(tick), float(tick / TICKS))
        if not len(self._left_out):
            return moment
        return replace(moment, vehicles=moment.vehicles.take(~np.isin(moment.vehicles.track, self._left_out)))
