"""A parameter against a figure, a dot a run, as a small SVG."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape
from typing import Any

_WIDTH, _HEIGHT = 260, 150
_LEFT, _RIGHT, _TOP, _BOTTOM = 44, 8, 8, 20  # px round the dots
_DOTS = 2000  # at most, spread over all runs


def scatter(parameters: Sequence[Any], figures: Sequence[float], names: Sequence[str]) -> str:
    """The SVG: numbers from left to right, anything else in columns in the order in which it comes first; a line joins the means of
    what there are at most a dozen of. `names` of the runs are shown under the pointer."""
    columns = list(dict.fromkeys(map(_word, parameters)))
    numeric = all(type(value) in (int, float) for value in parameters)
    places = [float(value) if numeric else float(columns.index(_word(value))) for value in parameters]
    ends = min(places), max(places)
    low, high = _padded(*ends) if numeric else (-0.5, len(columns) - 0.5)
    bottom, top = _padded(min(figures), max(figures))

    def x(place: float) -> float:
        return _LEFT + (_WIDTH - _LEFT - _RIGHT) * (place - low) / (high - low)

    def y(figure: float) -> float:
        return _HEIGHT - _BOTTOM - (_HEIGHT - _TOP - _BOTTOM) * (figure - bottom) / (top - bottom)

    step = math.ceil(len(figures) / _DOTS)
    dots = "".join(
        f'<circle cx="{x(place):.1f}" cy="{y(figure):.1f}" r="3" fill="#4a90d9" fill-opacity="0.7">'
        f"<title>{escape(f'{name}: {_word(value)}, {figure:.4g}')}</title></circle>"
        for place, figure, name, value in list(zip(places, figures, names, parameters, strict=True))[::step]
    )
    floor = _HEIGHT - _BOTTOM
    frame = f'<path d="M{_LEFT} {_TOP}V{floor}H{_WIDTH - _RIGHT}" fill="none" stroke="#8888"/>'
    ticks = "".join(_text(_LEFT - 4, y(figure) + 4, f"{figure:.3g}", "end") for figure in (min(figures), max(figures)))
    if numeric:
        ticks += "".join(_text(x(place), _HEIGHT - 6, f"{place:.4g}", "middle") for place in dict.fromkeys(ends))
    else:
        room = (_WIDTH - _LEFT - _RIGHT) / len(columns) / 6  # px a letter
        ticks += "".join(_text(x(k), _HEIGHT - 6, _cut(word, room), "middle") for k, word in enumerate(columns) if room >= 3)
    size = f'viewBox="0 0 {_WIDTH} {_HEIGHT}" width="{_WIDTH}" height="{_HEIGHT}"'
    line = _means(places, figures, x, y)
    return f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img">{frame}{line}{dots}{ticks}</svg>'


def _means(places: Sequence[float], figures: Sequence[float], x: Any, y: Any) -> str:
    """A line through the mean figure at each place, where there are few places."""
    found: dict[float, list[float]] = {}
    for place, figure in zip(places, figures, strict=True):
        found.setdefault(place, []).append(figure)
    if not 2 <= len(found) <= 12 or len(found) == len(places):
        return ""
    points = " ".join(f"{x(place):.1f},{y(sum(known) / len(known)):.1f}" for place, known in sorted(found.items()))
    return f'<polyline points="{points}" fill="none" stroke="#d9534f" stroke-width="1.5"/>'


def _padded(low: float, high: float) -> tuple[float, float]:
    margin = 0.08 * (high - low) or max(abs(high), 1.0) * 0.5
    return low - margin, high + margin


def _text(x: float, y: float, words: str, anchor: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(words)}</text>'


def _cut(word: str, room: float) -> str:
    return word if len(word) <= room else f"{word[: max(1, int(room) - 1)]}…"


def _word(value: Any) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)
