"""Counting of vehicles that are there and stay the same, in films whose looks are written by hand."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np

from drivesim.evaluation.track_figures import sightings, track_figures
from drivesim.rollout.labels.rows import BOX_ROW, DETECTED_ROW

FRAMES = 10


def film(fading: float = 0.0, lost: int = 0) -> SimpleNamespace:
    """A red vehicle, high enough, whose found paint `fading` away in the second half; not shown in the last `lost` of ten looks.
    Frames that nobody looked at, a lower vehicle and one of which nothing is known are beside it."""
    boxes = np.zeros(5 * FRAMES, BOX_ROW)
    boxes["frame"] = np.repeat(np.arange(FRAMES), 5) * 4
    boxes["track"] = np.tile([7, 8, 9, 7, 7], FRAMES)
    boxes["y2"] = np.tile([100, 40, 100, 100, 100], FRAMES)
    boxes["trust"] = np.tile([1, 3, 0, 3, 3], FRAMES)
    boxes["frame"][np.tile([False, False, False, True, True], FRAMES)] += 1
    boxes["red"] = 1
    first = boxes["frame"] % 4 == 0
    boxes["trust"][first & (boxes["track"] == 7) & (boxes["frame"] >= 4 * (FRAMES - lost))] = 3
    detected = np.zeros(FRAMES, DETECTED_ROW)
    detected["frame"], detected["track"] = 4 * np.arange(FRAMES), 7
    detected["red"] = 1 - fading * (np.arange(FRAMES) >= 5)
    return SimpleNamespace(boxes=boxes, detected=detected)


def figures(*films: SimpleNamespace) -> dict[str, float]:
    return {name: value.value for name, value in track_figures([sightings(each) for each in films]).items()}  # type: ignore[arg-type]


def test_what_is_there_and_keeps_its_paint() -> None:
    assert figures(film()) == {"shown": 1, "doubtful": 0, "not_shown": 0, "paint_kept": 1, "tracks_shown": 1, "tracks_same": 1}


def test_what_goes_away_or_changes_its_paint() -> None:
    assert figures(film(lost=4)) == {
        "shown": 0.6, "doubtful": 0, "not_shown": 0.4, "paint_kept": 1, "tracks_shown": 0, "tracks_same": 1,
    }  # fmt: skip
    faded = figures(film(fading=0.9))
    assert faded["paint_kept"] == 0.5 and faded["tracks_same"] == 0 and faded["shown"] == 1


def test_films_count_by_their_looks_and_without_any_nothing_is_known() -> None:
    assert figures(film(), film(lost=10))["shown"] == 0.5
    alone = film()
    alone.detected = alone.detected[:0]
    assert np.isnan(list(figures(alone).values())).all()
