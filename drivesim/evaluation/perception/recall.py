"""Where a detector finds vehicles and where it does not: recall in bins, and the sizes and distances at which it is blind."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from drivesim.labels.attributes import LARGELY, PARTLY
from drivesim.metrics.intervals import bootstrap
from drivesim.metrics.label_trust import Trust
from drivesim.scene.vehicles import KINDS

HEIGHTS = (0, 10, 20, 30, 40, 60, 80, 120, 200, 10_000)  # px of the film
DISTANCES = (0, 10, 20, 30, 40, 60, 80, 120, 10_000)  # m
BLIND = 0.02  # share of labels found up to which a detector is blind to them
_LEAST = 10  # labels that it takes to say so
_DRAWS = 200


@dataclass(frozen=True)
class RecallBin:
    """Of the labels in one bin: `name` for people; how many there are, of how many `vehicles`, and how many are found; recall, with
    the ends of its 95 % interval over vehicles (frames of one are alike), NaN where there is none."""

    name: str
    labels: int
    vehicles: int
    found: int
    recall: float
    low: float
    high: float


def recall_bins(labels: np.ndarray) -> dict[str, list[RecallBin]]:
    """Recall of rows of LABEL_ROW [n] by what may matter; bins without a label are left out, and what is not known has its own."""
    shown = {Trust.SHOWN: "shown", Trust.DOUBTFUL: "doubtful", Trust.NOT_SHOWN: "not shown", Trust.UNKNOWN: "not known"}
    sides = np.digitize(labels["middle"], [1 / 3, 2 / 3])
    groups: dict[str, dict[str, np.ndarray]] = {
        "height of the box": _ranges(labels["height"], HEIGHTS, "px"),
        "distance": _ranges(labels["distance"], DISTANCES, "m"),
        "share in sight": _ranges(labels["visible"], (0, LARGELY, PARTLY, 1.001), ""),
        "place in the frame": {name: sides == k for k, name in enumerate(("left third", "middle third", "right third"))},
        "time of day": {"day": ~labels["night"], "night": labels["night"]},
        "kind": {kind: labels["kind"] == k for k, kind in enumerate(KINDS)},
        "what the film shows": {name: labels["trust"] == trust for trust, name in shown.items()},
    }
    return {
        group: [recall_of(name, labels[here]) for name, here in bins.items() if here.any()] for group, bins in groups.items()
    }


def recall_of(name: str, labels: np.ndarray) -> RecallBin:
    """Recall of these labels."""
    _, track = np.unique(np.stack([labels["future"], labels["track"]], axis=1), axis=0, return_inverse=True)
    count, found = np.bincount(track.ravel()), np.bincount(track.ravel(), weights=labels["found"])
    value, low, high = (float("nan"),) * 3
    if len(labels):
        value, low, high = bootstrap(lambda rows: float(found[rows].sum() / count[rows].sum()), len(count), draws=_DRAWS)
    return RecallBin(name, len(labels), len(count), int(found.sum()), value, low, high)


def _ranges(values: np.ndarray, edges: tuple[float, ...], unit: str) -> dict[str, np.ndarray]:
    bins = {}
    for low, high in pairwise(edges):
        if high > 1000:
            name = f"from {low:g} {unit}"
        elif unit:
            name = f"{low:g} to {high:g} {unit}"
        else:
            name = f"{low:.0%} to {min(high, 1):.0%}"
        bins[name] = (values >= low) & (values < high)
    return bins | {"not known": np.isnan(values)}


@dataclass(frozen=True)
class BlindSpot:
    """Up to BLIND of the `labels` lower than `limit` px (or farther than `limit` m) are found, `found` of them; of the others the
    share `beyond`."""

    limit: float
    labels: int
    found: int
    beyond: float


def blind_below(labels: np.ndarray) -> BlindSpot | None:
    """The height up to which a detector is blind, if it is."""
    return _blind(labels["height"], labels["found"], 1)


def blind_from(labels: np.ndarray) -> BlindSpot | None:
    """The distance from which on a detector is blind, if it is."""
    known = ~np.isnan(labels["distance"])
    return _blind(labels["distance"][known], labels["found"][known], -1)


def _blind(values: np.ndarray, found: np.ndarray, sign: int) -> BlindSpot | None:
    """The beginning of the values in order (of `sign` -1: from the largest on) of which hardly any is found.

    It ends where one is found, so that the limit is the value of the first that is not overlooked; one that is found by chance
    before that is worth 1 / BLIND overlooked ones.
    """
    order = np.argsort(sign * values, kind="stable")
    values, found = values[order], found[order]
    before = np.cumsum(found) - found  # found among those before each
    worth = np.where(found, np.arange(len(found)) - before - before / BLIND, -1.0)
    end = int(np.argmax(worth)) if len(worth) else 0
    if not found.any() or end < _LEAST or worth[end] <= 0:
        return None
    beyond = float(found[end:].mean())
    return BlindSpot(float(values[end]), end, int(before[end]), beyond) if beyond > 5 * BLIND else None
