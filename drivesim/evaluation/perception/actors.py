"""When a detector first finds each vehicle: how far it is then, and how long until the ego would meet it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from drivesim.metrics.time_to_collision import times_to_collision
from drivesim.scenario.rules_of_placement import EGO_CUBOID
from drivesim.scene.vehicles import KINDS

IN_THE_WAY = 1.85
"""m to either side within which the middle of a vehicle is in the ego's way: only then is there a time to collision."""
_FRONT = float(EGO_CUBOID[0] + EGO_CUBOID[3] / 2)  # m of the ego before its camera


@dataclass(frozen=True)
class ActorRecord:
    """A vehicle of one future: labelled in `labels` frames, `found` in so many of them.

    `first_labelled_s`, `first_found_s`: time in the film, None if it is never found; `distance_m` and `time_to_collision_s` when
    it is first found, None where they are not known, or the ego does not come nearer to it in its own way; `nearest_m` it ever is;
    `least_time_to_collision_s` at any time.
    """

    future: int
    track: int
    kind: str
    labels: int
    found: int
    first_labelled_s: float
    first_found_s: float | None
    distance_m: float | None
    time_to_collision_s: float | None
    nearest_m: float | None
    least_time_to_collision_s: float | None


def actor_records(labels: np.ndarray) -> list[ActorRecord]:
    """The vehicles of rows of LABEL_ROW [n], the most urgent first: those that are overlooked, by how near they come."""
    made = [_record(rows) for rows in _by_actor(labels)]
    far = float("inf")
    return sorted(made, key=lambda a: (a.first_found_s is not None, a.nearest_m if a.nearest_m is not None else far))


def _by_actor(labels: np.ndarray) -> Iterator[np.ndarray]:
    order = np.lexsort((labels["frame"], labels["track"], labels["future"]))
    rows = labels[order]
    edges = np.flatnonzero((np.diff(rows["future"]) != 0) | (np.diff(rows["track"]) != 0)) + 1
    yield from (part for part in np.split(rows, edges) if len(part))


def _record(rows: np.ndarray) -> ActorRecord:
    times = _times_to_collision(rows)
    first = int(np.argmax(rows["found"])) if rows["found"].any() else None
    least = times.min(initial=np.inf, where=~np.isnan(times))
    nearest = np.nanmin(rows["distance"]) if not np.isnan(rows["distance"]).all() else np.nan
    return ActorRecord(
        int(rows["future"][0]), int(rows["track"][0]), KINDS[rows["kind"][0]], len(rows), int(rows["found"].sum()),
        round(float(rows["time"][0]), 3), None if first is None else round(float(rows["time"][first]), 3),
        None if first is None else _known(rows["distance"][first]), None if first is None else _known(times[first]),
        _known(nearest), _known(least),
    )  # fmt: skip


def _times_to_collision(rows: np.ndarray) -> np.ndarray:
    """Seconds [n] until the ego meets a vehicle that is in its way; infinite where it is not, or does not come nearer."""
    if len(rows) < 2 or np.isnan(rows["cuboid"]).any():
        return np.full(len(rows), np.inf)
    times = times_to_collision(rows["cuboid"], rows["time"], _FRONT)
    return np.where(np.abs(rows["cuboid"][:, 1]) < IN_THE_WAY, times, np.inf)


def _known(value: float) -> float | None:
    return round(float(value), 2) if np.isfinite(value) else None
