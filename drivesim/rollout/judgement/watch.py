"""A finished film as the instruments see it: a detector on every fourth frame or so, and the flow of a pair now and then."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import cv2
import numpy as np

from drivesim.engine.future import FutureSpec
from drivesim.engine.moments import ticks
from drivesim.metrics.flicker import steadiness
from drivesim.metrics.reconstruction import gradient_energy
from drivesim.models.detector.detector import Detections, Detector
from drivesim.video_format import FRAME_RATES, NETWORK_HEIGHT, NETWORK_WIDTH
from drivesim.video_io import stream_video, video_info

LOOKS_A_SECOND = 7.5
_BATCH = 16
_PAIR_EVERY = 8  # frames looked at, of which one is compared with the frame before it; more in long films
_MOST_PAIRS = 64
KEPT_ENERGY = 0.66  # share of a small render's gradient energy that the same world has when it is rendered large and scaled down


@dataclass(frozen=True)
class Watched:
    """Of the n frames that were looked at: their `numbers`; what was `found` in each; how strange each is to who knows rendered
    frames (see Looks.strangeness) and its gradient energy, as frames of the networks' size have it, [n] each. `flicker` as in
    metrics.flicker, NaN if not measured."""

    numbers: np.ndarray
    found: list[Detections]
    strangeness: np.ndarray
    energy: np.ndarray
    flicker: float


def step_of(fps: float) -> int:
    """Frames from one that is looked at to the next."""
    return max(1, round(fps / LOOKS_A_SECOND))


def watch(film: Path, future: FutureSpec, detector: Detector) -> Watched:
    """Watches the film of a future; memory grows by some kilobytes for every frame that is looked at."""
    step = step_of(float(future.timeline.fps))
    numbers: list[int] = []
    found, strangeness, energy, pairs = [], [], [], []
    apart = _PAIR_EVERY * step
    scaled = video_info(film).height > NETWORK_HEIGHT
    for batch in _batches(film, step):
        small = np.stack([now for _, now, _ in batch])
        seen, features = detector.see(small)
        found += seen
        strangeness.append(detector.looks.strangeness(features))
        energy.append(gradient_energy(small) / (KEPT_ENERGY if scaled else 1.0))
        numbers += [number for number, _, _ in batch]
        pairs += [row for row in batch if row[0] and row[0] % apart == 0]
        while len(pairs) > _MOST_PAIRS:
            apart *= 2
            pairs = [row for row in pairs if row[0] % apart == 0]
    return Watched(np.array(numbers), found, np.concatenate(strangeness), np.concatenate(energy), _flicker(pairs, future))


def _batches(film: Path, step: int) -> Iterator[list[tuple[int, np.ndarray, np.ndarray]]]:
    """Number, picture at the networks' size, and the picture before it, of every `step`-th frame, some at a time."""
    batch: list[tuple[int, np.ndarray, np.ndarray]] = []
    before: np.ndarray = np.zeros((NETWORK_HEIGHT, NETWORK_WIDTH, 3), np.uint8)

    def counts(number: int) -> bool:
        """Whether it is looked at or before one that is."""
        return number % step == 0 or (number + 1) % step == 0

    for number, picture in zip(filter(counts, count()), stream_video(film, counts), strict=False):
        small = cv2.resize(picture, (NETWORK_WIDTH, NETWORK_HEIGHT), interpolation=cv2.INTER_AREA)
        if number % step == 0:
            batch.append((number, small, before))
        before = small
        if len(batch) == _BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


def _flicker(pairs: list[tuple[int, np.ndarray, np.ndarray]], future: FutureSpec) -> float:
    """NaN where the layout says nothing of the film; by night, when light moves and not what it falls on; below the full rate."""
    prompt, timeline = future.prompt, future.timeline
    unknown = future.is_free or prompt.photo is not None or prompt.scenario.look.time_of_day == "night"
    if unknown or not pairs or float(timeline.fps) != FRAME_RATES[-1]:
        return float("nan")
    layouts = future.layouts((NETWORK_HEIGHT, NETWORK_WIDTH))
    moments = [ticks(range(number - 1, number + 1), timeline.level) for number, _, _ in pairs]
    flows = [layouts.flow(now, before) for before, now in moments]
    return steadiness(np.stack([before for _, _, before in pairs]), np.stack([now for _, now, _ in pairs]), flows).flicker
