"""Whether vehicles are there and stay the same, counted from the labels of rollouts and what the detector found in their films."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from drivesim.evaluation.track_sheet import LEAST
from drivesim.metrics.intervals import Figures, Interval, bootstrap
from drivesim.metrics.label_trust import SAME_PAINT, Trust
from drivesim.rollout.labels.file import Rollout

MOSTLY = 0.8  # share of its looks in which a vehicle has to be there
_LOOKS = 8  # about a second of films of 7.5 fps and more; a vehicle with fewer is not counted among the tracks


@dataclass(frozen=True)
class Sightings:
    """What was seen of the vehicles of one film that are LEAST px high and open enough to be looked for, a row each look.

    `track`, `trust` (Trust) int64 [n]; `paint`: how far the paint that was found is from that of the label, mean over the channels,
    float [n], and `steady`, from the median of what was found in the track's first _LOOKS; NaN where nothing was found or is known.
    """

    track: np.ndarray
    trust: np.ndarray
    paint: np.ndarray
    steady: np.ndarray


def sightings(rollout: Rollout) -> Sightings:
    """The looks at one future; none where no detector was beside the weights."""
    rows = rollout.boxes[np.isin(rollout.boxes["frame"], rollout.detected["frame"])]
    rows = rows[(rows["y2"] - rows["y1"] >= LEAST) & (rows["trust"] != Trust.UNKNOWN)]
    found = {(int(row["frame"]), int(row["track"])): _paint(row) for row in rollout.detected if row["track"] >= 0}
    nothing = np.full(3, np.nan)
    seen = np.array([found.get((int(row["frame"]), int(row["track"])), nothing) for row in rows]).reshape(-1, 3)
    usual = np.full_like(seen, np.nan)
    for track in np.unique(rows["track"]):
        here = rows["track"] == track
        known = seen[here][np.isfinite(seen[here]).all(axis=1)]
        usual[here] = np.median(known[:_LOOKS], axis=0) if len(known) else np.nan
    told = np.array([_paint(row) for row in rows]).reshape(-1, 3)
    return Sightings(rows["track"].astype(np.int64), rows["trust"].astype(np.int64), np.abs(seen - told).mean(axis=1),
                 np.abs(seen - usual).mean(axis=1))  # fmt: skip


def track_figures(films: Sequence[Sightings]) -> Figures:
    """Shares with their intervals over films; NaN where nothing was looked at.

    Of looks: `shown`, `doubtful`, `not_shown`; `paint_kept`, of those with a paint that was found and is known. Of tracks with
    _LOOKS or more: `tracks_shown`, shown in MOSTLY of them, and `tracks_same`, whose paint was within SAME_PAINT of what it was in
    the first _LOOKS in MOSTLY of those in which one was found.
    """
    names: dict[str, Callable[[Sightings], np.ndarray]] = {
        "shown": lambda film: film.trust == Trust.SHOWN,
        "doubtful": lambda film: film.trust == Trust.DOUBTFUL,
        "not_shown": lambda film: film.trust == Trust.NOT_SHOWN,
        "paint_kept": lambda film: film.paint[np.isfinite(film.paint)] <= SAME_PAINT,
        "tracks_shown": lambda film: _by_track(film, film.trust == Trust.SHOWN, np.ones(len(film.track), bool)),
        "tracks_same": lambda film: _by_track(film, film.steady <= SAME_PAINT, np.isfinite(film.steady)),
    }  # fmt: skip
    return {name: _share([of(film) for film in films]) for name, of in names.items()}


def _by_track(film: Sightings, right: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Of the tracks with enough looks that are `known` bool [n], whether enough of them are `right`: bool [tracks]."""
    tracks, counts = np.unique(film.track[known], return_counts=True)
    return np.array([right[known & (film.track == track)].mean() >= MOSTLY for track in tracks[counts >= _LOOKS]], bool)


def _share(films: Sequence[np.ndarray]) -> Interval:
    def share(rows: np.ndarray) -> float:
        values = np.concatenate([films[row] for row in rows])
        return float(values.mean()) if len(values) else float("nan")

    return bootstrap(share, len(films))


def _paint(row: np.void) -> np.ndarray:
    return np.array([row["red"], row["green"], row["blue"]], np.float64)
