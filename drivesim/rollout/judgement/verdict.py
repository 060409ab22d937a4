"""The labels of a future with the trust that its film earns them, and the figures that the manifest has of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace

import numpy as np

from drivesim.metrics.drift import drift, first_beyond, time_windows
from drivesim.metrics.label_trust import SURE, Trust, agreement
from drivesim.rollout.judgement.watch import Watched
from drivesim.rollout.labels.rows import DETECTED_ROW, FrameLabels, detected_rows

_FIGURES = ("vehicles_shown", "vehicles_doubtful", "vehicles_not_shown", "frames_with_unlabelled", "flicker", "sharpness",
            "sharpness_drift", "drift", "left_range_s")  # fmt: skip


class Verdict:
    """The verdict on one future, from what was seen in its film (`watched`) and the gradient energy that rendered frames of its
    time of day usually have. Thresholds of trust: metrics/label_trust.py.
    """

    def __init__(self, watched: Watched, fps: float, usual_energy: float) -> None:
        self.watched, self.fps, self.usual_energy = watched, fps, usual_energy
        self.detected: list[np.ndarray] = []
        """Rows of DETECTED_ROW, a frame that was looked at each; filled by `trusted`."""
        self._trusts: Counter[int] = Counter()
        self._unlabelled = 0

    def trusted(self, labels: Iterable[FrameLabels]) -> Iterator[FrameLabels]:
        """The labels of all frames with their trust; between frames that were looked at a vehicle has that of the nearer one in
        which it is."""
        rows = {int(number): row for row, number in enumerate(self.watched.numbers)}
        waiting: list[FrameLabels] = []
        before: dict[int, int] = {}
        for number, frame in enumerate(labels):
            if number not in rows:
                waiting.append(frame)
                continue
            judged = self._judged(number, frame, rows[number])
            now = dict(zip(frame.boxes.track.tolist(), np.asarray(judged.trust).tolist(), strict=True))
            for place, other in enumerate(waiting, 1):
                nearer, farther = (before, now) if 2 * place <= len(waiting) else (now, before)
                yield _with_trust(other, farther | nearer)
            yield judged
            waiting, before = [], now
        yield from (_with_trust(other, before) for other in waiting)

    def _judged(self, number: int, frame: FrameLabels, row: int) -> FrameLabels:
        """The labels of a frame that was looked at, with their trust; notes what was found."""
        found = self.watched.found[row]
        agreed = agreement(found.box, found.score, frame.boxes)
        self._trusts.update(agreed.trust.tolist())
        self._unlabelled += bool(len(agreed.unlabelled))
        track = np.full(len(found), -1, np.int64)
        track[agreed.found[agreed.found >= 0]] = frame.boxes.track[agreed.found >= 0]
        kept = np.flatnonzero((found.score >= SURE) | (track >= 0))
        boxes = replace(found.take(kept).boxes(0.0), track=track[kept])
        self.detected.append(detected_rows(number, boxes, found.score[kept]))
        return replace(frame, trust=agreed.trust)

    def found_rows(self) -> np.ndarray:
        """All rows of DETECTED_ROW so far."""
        return np.concatenate([np.zeros(0, DETECTED_ROW), *self.detected])

    def figures(self) -> dict[str, float | None]:
        """What the manifest says, once all labels have been given out; None where something could not be measured.

        Shares of vehicles are of those that are large and open enough to be looked for; `sharpness` and `drift` are shares of what
        rendered frames of the time of day have, and of the first four seconds; `left_range_s` is the second from which on the
        film is stranger than rendered ones.
        """
        watched = self.watched
        rate = self.fps * len(watched.numbers) / max(int(watched.numbers[-1]) + 1, 1)
        told = sum(self._trusts[trust] for trust in (Trust.SHOWN, Trust.DOUBTFUL, Trust.NOT_SHOWN))
        shares = [self._trusts[trust] / told if told else np.nan for trust in (Trust.SHOWN, Trust.DOUBTFUL, Trust.NOT_SHOWN)]
        sharpness = float(watched.energy.mean()) / self.usual_energy if self.usual_energy else np.nan
        enough = len(time_windows(len(watched.numbers), rate)) > 1
        left = first_beyond(watched.strangeness, 1.0)
        values = (
            *shares,
            self._unlabelled / max(len(watched.numbers), 1),
            watched.flicker,
            sharpness,
            drift(watched.energy, rate) if enough else np.nan,
            drift(watched.strangeness, rate) if enough else np.nan,
            np.nan if left is None else float(watched.numbers[left]) / self.fps,
        )
        return {name: round(float(x), 4) if np.isfinite(x) else None for name, x in zip(_FIGURES, values, strict=True)}


def summary(figures: dict[str, float | None]) -> str:
    """The figures that a glance is for, in one line; empty where there are none."""
    words = []
    if (shown := figures.get("vehicles_shown")) is not None:
        words.append(f"shown {shown:.0%}")
    for name in ("flicker", "sharpness", "drift"):
        if (value := figures.get(name)) is not None:
            words.append(f"{name} {value:.2f}")
    if (left := figures.get("left_range_s")) is not None:
        words.append(f"UNLIKE RENDERS FROM {left:.1f} s")
    return ", ".join(words)


def _with_trust(frame: FrameLabels, trust: dict[int, int]) -> FrameLabels:
    tracks = frame.boxes.track.tolist()
    return replace(frame, trust=np.array([trust.get(track, Trust.UNKNOWN) for track in tracks], np.int64))
