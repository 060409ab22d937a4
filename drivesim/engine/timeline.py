"""Which frame is made when: integers only.

The rates and lengths themselves stand in video_format.py; this is what follows of them. Prediction works in windows of WINDOW
key frames: the first has 1 as context, every later one has `context`, and the rest is added (Video LDM, section 3.2).
Interpolation turns a link between two neighbours into INTERPOLATION_FACTOR + 1 frames, those two and the ones between; it is
done not at all, once or twice (section 3.3). Decoding and super-resolution work in portions.

What depends on a frame's number alone must not depend on how long the rollout is: windows and batches are always made
whole, and what lies beyond the end is thrown away.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

from drivesim.config import InputError
from drivesim.video_format import CONTEXT, FRAME_RATES, INTERPOLATION_FACTOR, KEY_FPS, WINDOW

LINKS_AT_ONCE = 4  # in a batch of an interpolation
MAX_SECONDS = 86_400.0  # a day
LEVELS: dict[Fraction, int] = {Fraction(rate): level for level, rate in enumerate(FRAME_RATES)}
"""Frame rates that can be asked for, and the number of interpolations that lead there."""


@dataclass(frozen=True)
class Window:
    """One prediction. `keys` are the numbers of its WINDOW key frames, the first `context` of them known already.

    `frames` are the output frames that exist only once this window is made; the last window's are cut at the end.
    """

    index: int
    context: int
    keys: range
    frames: range

    @property
    def added(self) -> range:
        """Numbers of the key frames that this window adds, whether they are needed or not."""
        return self.keys[self.context :]


@dataclass(frozen=True)
class Timeline:
    """`frames` frames at KEY_FPS * INTERPOLATION_FACTOR**level fps. Frame 0 is key frame 0, the first frame of the rollout.

    `context`: key frames that windows but the first are given.
    """

    frames: int
    level: int
    context: int = CONTEXT

    @classmethod
    def of(cls, seconds: float, fps: float, context: int = CONTEXT) -> Timeline:
        """The timeline of `seconds` at `fps`; InputError for another rate, less than 2 frames or more than a day."""
        level = LEVELS.get(Fraction(fps).limit_denominator(1000)) if math.isfinite(fps) else None
        if level is None:
            raise InputError(f"fps: {fps:g} cannot be made; use {', '.join(f'{float(rate):g}' for rate in LEVELS)}")
        if not 0 <= seconds <= MAX_SECONDS:
            raise InputError(f"seconds: {seconds:g} is no length of a video; give a number up to {MAX_SECONDS:g}, a day")
        frames = round(seconds * fps)
        if frames < 2:
            raise InputError(f"seconds: {seconds:g} at {fps:g} fps is less than two frames; ask for more")
        return cls(frames, level, context)

    @property
    def fps(self) -> Fraction:
        """Output frames a second, exact."""
        return KEY_FPS * INTERPOLATION_FACTOR**self.level

    @property
    def stride(self) -> int:
        """Output frames from one key frame to the next."""
        return INTERPOLATION_FACTOR**self.level

    @property
    def keys(self) -> int:
        """Key frames needed: up to the first at or after the last output frame."""
        return -(-(self.frames - 1) // self.stride) + 1

    @property
    def windows(self) -> int:
        """Number of prediction windows."""
        return max(1, -(-(self.keys - self.context) // (WINDOW - self.context)))

    def window(self, index: int) -> Window:
        """Window `index`, from 0."""
        first = (WINDOW - self.context) * index
        context = 1 if index == 0 else self.context
        start = 0 if index == 0 else (first + context - 1) * self.stride + 1
        stop = min((first + WINDOW - 1) * self.stride + 1, self.frames)
        return Window(index, context, range(first, first + WINDOW), range(start, stop))

    def links(self, window: Window, level: int, batch: int = LINKS_AT_ONCE) -> Iterator[range]:
        """Batches of `batch` links that interpolation `level` (from 1) works on for `window`.

        Link i joins frames i and i + 1 at the rate before the interpolation and makes frames 4i to 4i + 4 at the rate
        after it. Batches are whole (but for the window's own last one); those of which the rollout needs no frame are
        left out.
        """
        before = INTERPOLATION_FACTOR ** (level - 1)  # frames of that rate from key frame to key frame
        start, stop = (window.added.start - 1) * before, (window.added.stop - 1) * before
        needed = -(-(self.frames - 1) // INTERPOLATION_FACTOR ** (self.level - level + 1))
        for first in range(start, min(stop, needed), batch):
            yield range(first, min(first + batch, stop))


@dataclass(frozen=True)
class Portions:
    """Overlapping portions of `length` frames over `frames` frames; the last one may reach beyond the end."""

    frames: int
    length: int = 8
    overlap: int = 2

    def __post_init__(self) -> None:
        if not 0 <= self.overlap <= self.length // 2:
            raise ValueError(f"an overlap of {self.overlap} does not fit portions of {self.length}")

    @property
    def step(self) -> int:
        """Frames from the start of one portion to the start of the next."""
        return self.length - self.overlap

    @property
    def count(self) -> int:
        """Number of portions."""
        return max(1, -(-(self.frames - self.overlap) // self.step))

    def portion(self, index: int) -> range:
        """The frames that portion `index` works on."""
        return range(index * self.step, index * self.step + self.length)

    def finished(self, index: int) -> range:
        """The frames that are final once portion `index` is made: no later portion touches them."""
        last = index == self.count - 1
        return range(index * self.step, self.frames if last else (index + 1) * self.step)

    def ready(self, index: int, known: int) -> bool:
        """Whether portion `index` exists and can be made when frames 0 to `known` - 1 are there."""
        return index < self.count and min(self.portion(index).stop, self.frames) <= known
