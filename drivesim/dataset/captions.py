"""Captions of clips: one sentence that says what labels know, in the words in which people ask for pictures."""

from __future__ import annotations

import math
from collections import Counter

import numpy as np

from drivesim.scene.boxes import Boxes
from drivesim.scene.clip import ClipLabels
from drivesim.scene.road import Setting
from drivesim.scene.vehicles import KINDS
from drivesim.traffic.paint import nearest_name

_ROADS: dict[Setting, str] = {
    "highway": "a highway",
    "city": "a city street",
    "residential": "a residential street",
    "rural": "a country road",
}
_WORDS = {"sedan": "car", "hatchback": "car", "suv": "car", "van": "van", "truck": "truck", "bus": "bus"}
_PLURALS = {"bus": "buses"}
_NUMBERS = ("no", "a", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")
_MIDDLE = 0.4, 0.6  # of the frame: who is seen there drives ahead of the ego, or comes towards it


def caption_of(labels: ClipLabels) -> str:
    """A caption of what is known of the first frame: road, time of day, vehicles that count, and the nearest one in the middle.

    For example "a dashcam video of a city street at night, four cars, a red bus ahead".
    """
    text = "a dashcam video"
    if labels.road is not None:
        text += f" of {_ROADS[labels.road.setting]}"
    if labels.time_of_day is not None:
        text += " at night" if labels.time_of_day == "night" else " by day"
    boxes = labels.boxes[0]
    return text if boxes is None else ", ".join([text, *_vehicles(boxes.take(boxes.counted))])


def _vehicles(boxes: Boxes) -> list[str]:
    """How many of what there are, but for the nearest one in the middle, who has a phrase of its own."""
    if not len(boxes):
        return ["an empty road"]
    nearest = _nearest_in_the_middle(boxes)
    others = np.arange(len(boxes)) != nearest
    counts = Counter(_WORDS[KINDS[kind]] for kind in boxes.kind[others])
    phrases = [_counted(count, word) for word, count in counts.most_common()]
    return phrases if nearest is None else [*phrases, _ahead(boxes.take(np.array([nearest])))]


def _nearest_in_the_middle(boxes: Boxes) -> int | None:
    """The row of the tallest box that reaches into the middle of the frame; None if there is none."""
    there = (boxes.box[:, 0] < _MIDDLE[1]) & (boxes.box[:, 2] > _MIDDLE[0])
    height = np.where(there, boxes.box[:, 3] - boxes.box[:, 1], 0.0)
    return int(height.argmax()) if there.any() else None


def _counted(count: int, word: str) -> str:
    number = _NUMBERS[count] if count < len(_NUMBERS) else "many"
    return f"{number} {word}" if count == 1 else f"{number} {_PLURALS.get(word, f'{word}s')}"


def _ahead(boxes: Boxes) -> str:
    """The phrase of the one vehicle of `boxes`: "a red bus ahead" where its paint is known, "an oncoming car"."""
    known = np.isfinite(boxes.paint).all()
    words = [*(nearest_name(boxes.paint) if known else []), _WORDS[KINDS[int(boxes.kind[0])]]]
    comes = math.cos(float(boxes.heading[0])) < 0
    first = "oncoming" if comes else words[0]
    article = "an" if first[0] in "aeiou" else "a"
    return f"{article} {' '.join(['oncoming', *words] if comes else [*words, 'ahead'])}"
