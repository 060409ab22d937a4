"""What the training stages read: random frames and windows of stores, with labels and cached latents.

Every draw takes a random generator and depends on nothing else. A training step makes its own from (seed, samples
seen), so that a resumed run sees what an uninterrupted one would have seen.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple, Self

import cv2
import numpy as np

from drivesim.config import InputError
from drivesim.dataset.clips import ClipStore
from drivesim.dataset.latents import FrameLatents
from drivesim.dataset.layouts import LayoutCache
from drivesim.scene.boxes import Boxes
from drivesim.scene.clip import ClipLabels


class ClipWindow(NamedTuple):
    """Every `step`-th frame from `start` to before `stop` of one clip of one store."""

    store: int
    clip: int
    start: int
    stop: int
    step: int


@dataclass(frozen=True)
class WindowBatch:
    """n windows of f frames: their labels, and where asked for pictures uint8 [n f h w 3] and latents float16 [n f c h w].

    `layouts`: for each window the planes uint8 [p h w] of its frames (see layout.planes), None where they are not known;
    `windows` says where they are.
    """

    labels: tuple[ClipLabels, ...]
    frames: np.ndarray | None
    latents: np.ndarray | None
    layouts: tuple[list[np.ndarray | None], ...] | None = None
    windows: tuple[ClipWindow, ...] = ()

    @property
    def fps(self) -> np.ndarray:
        """Frames per second of each window [n]."""
        return np.array([labels.fps for labels in self.labels])


class ClipWindows:
    """Windows of `length` frames at `fps`, all equally likely.

    A faster clip serves a slower rate by leaving frames out where its rate is a multiple (30 serves 7.5 by every
    fourth); `fps` None takes each clip at its own rate. Of equal frame size. `latents`, `layouts`: one cache a store.
    """

    def __init__(
        self,
        stores: Sequence[ClipStore | Path | str],
        length: int,
        fps: float | None = None,
        latents: Sequence[FrameLatents] | None = None,
        layouts: Sequence[LayoutCache] | None = None,
    ) -> None:
        """Raises InputError if a store is broken, the frame sizes differ, or no clip is long enough."""
        self.stores = [store if isinstance(store, ClipStore) else ClipStore(store) for store in stores]
        self.length, self.latents, self.layouts = length, latents, layouts
        names = ", ".join(str(store.path) for store in self.stores)
        if len({(store.height, store.width) for store in self.stores}) > 1:
            raise InputError(f"{names}: have frames of different sizes; train on stores of one size")
        rows = []
        for number, store in enumerate(self.stores):
            for clip in range(len(store)):
                step = 1 if fps is None else round(store.fps(clip) / fps)
                fits = fps is None or abs(store.fps(clip) - step * fps) < 1e-6 * fps
                starts = store.frames(clip) - (length - 1) * step
                if step > 0 and fits and starts > 0:
                    rows.append((number, clip, step, starts))
        if not rows:
            rate = "" if fps is None else f" at {fps:g} fps"
            raise InputError(f"{names or 'no store'}: no clip has {length} frames{rate}; generate longer clips")
        self._rows = np.array(rows)
        self._ends = np.cumsum(self._rows[:, 3])

    def __len__(self) -> int:
        """Number of different windows."""
        return int(self._ends[-1])

    def draw(self, rng: np.random.Generator, n: int) -> list[ClipWindow]:
        """n random windows, with replacement."""
        return [self.window(int(k)) for k in rng.integers(len(self), size=n)]

    def window(self, k: int) -> ClipWindow:
        """ClipWindow number k, 0 <= k < len."""
        row = int(np.searchsorted(self._ends, k, side="right"))
        store, clip, step, starts = (int(value) for value in self._rows[row])
        start = k - (int(self._ends[row]) - starts)
        return ClipWindow(store, clip, start, start + (self.length - 1) * step + 1, step)

    def batch(
        self,
        rng: np.random.Generator,
        n: int,
        pictures: bool = True,
        crop: tuple[int, int] | None = None,
        flip: bool = False,
    ) -> WindowBatch:
        """n random windows with labels; with pictures if asked, with latents and layouts if there are caches.

        `crop` (height, width) and `flip` act on pictures alone: labels and latents stay those of the whole frame.
        """
        windows = self.draw(rng, n)
        latents, layouts = self.latents, self.layouts
        return WindowBatch(
            labels=tuple(self.stores[w.store].labels(*w[1:]) for w in windows),
            frames=self.pictures(rng, windows, crop, flip) if pictures else None,
            latents=None if latents is None else np.stack([latents[w.store].read(*w[1:]) for w in windows]),
            windows=tuple(windows),
            layouts=None if layouts is None else tuple(layouts[w.store].read(*w[1:]) for w in windows),
        )

    def pictures(
        self,
        rng: np.random.Generator,
        windows: Sequence[ClipWindow],
        crop: tuple[int, int] | None = None,
        flip: bool = False,
    ) -> np.ndarray:
        """Pictures uint8 [n f h w 3] of windows, each cropped at a random place and, if asked, flipped with chance 1/2.

        Flip only where no label matters: traffic keeps right. Raises ValueError for a crop larger than the frame.
        """
        cut = []
        for w in windows:
            frames = self.stores[w.store].pictures(*w[1:])
            if crop is not None:
                y = int(rng.integers(frames.shape[1] - crop[0] + 1))
                x = int(rng.integers(frames.shape[2] - crop[1] + 1))
                frames = frames[:, y : y + crop[0], x : x + crop[1]]
            cut.append(frames[:, :, ::-1] if flip and rng.random() < 0.5 else frames)
        return np.stack(cut)


class FrameSource:
    """Single pictures, with the boxes of their vehicles if asked; `preload` keeps all of them in memory."""

    def __init__(self, stores: Sequence[ClipStore | Path | str], preload: bool = False) -> None:
        """Raises InputError as ClipWindows."""
        self._windows = ClipWindows(stores, 1, None)
        for store in self._windows.stores if preload else ():
            store.preload()

    def __len__(self) -> int:
        return len(self._windows)

    def frames(
        self, rng: np.random.Generator, n: int, crop: tuple[int, int] | None = None, flip: bool = False
    ) -> np.ndarray:
        """n random pictures uint8 [n h w 3]; see ClipWindows.pictures for `crop` and `flip`."""
        return self._windows.pictures(rng, self._windows.draw(rng, n), crop, flip)[:, 0]

    def frame_with_boxes(
        self, rng: np.random.Generator, crop: tuple[int, int] | None = None
    ) -> tuple[np.ndarray, Boxes | None]:
        """A random picture uint8 [h w 3], or part of one, and its vehicles: boxes in fractions of that part, which they may leave.

        None where nobody labelled the vehicles.
        """
        (window,) = self._windows.draw(rng, 1)
        store = self._windows.stores[window.store]
        picture, boxes = store.pictures(*window[1:])[0], store.labels(*window[1:]).boxes[0]
        if crop is None:
            return picture, boxes
        height, width = picture.shape[:2]
        y, x = (int(rng.integers(whole - part + 1)) for whole, part in zip((height, width), crop, strict=True))
        if boxes is not None:
            size, corner = np.array([width, height] * 2), np.array([x, y] * 2)
            boxes = replace(boxes, box=((boxes.box * size - corner) / np.array([*crop[::-1], *crop[::-1]])).astype(np.float32))
        return picture[y : y + crop[0], x : x + crop[1]], boxes


class StillMotion(NamedTuple):
    """How a still moves as a clip (LaVie, of video super-resolution): what each frame adds to the one before.

    The view goes `across` and `down`, px, and what it shows grows by the factor `growth` about its middle.
    """

    across: float
    down: float
    growth: float

    @classmethod
    def draw(cls, rng: np.random.Generator) -> Self:
        """A slow one: up to 6 px and 1 %."""
        across, down, growth = rng.uniform(-1, 1, 3)
        return cls(6 * across, 6 * down, 1 + 0.01 * growth)


def clip_patch(frames: np.ndarray, place: tuple[int, int], side: int, motion: StillMotion | None = None) -> np.ndarray:
    """The patch uint8 [f side side 3] that begins at `place` (y, x) of frames [f h w 3]; with a `motion` of the first alone."""
    y, x = place
    if motion is None:
        return frames[:, y : y + side, x : x + side]
    made = []
    for number in range(len(frames)):
        step = motion.growth**-number
        rest = (side - 1) / 2 * (1 - step)
        to_still = np.array([[step, 0, x + rest + number * motion.across], [0, step, y + rest + number * motion.down]])
        flags = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
        made.append(cv2.warpAffine(frames[0], to_still, (side, side), flags=flags, borderMode=cv2.BORDER_REFLECT_101))
    return np.stack(made)
