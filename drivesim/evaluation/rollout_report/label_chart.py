"""Who is labelled when in a future, and whether the film shows it, as a small SVG."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from html import escape

from drivesim.labels.finished_rollout import FinishedFuture
from drivesim.metrics.label_trust import Trust
from drivesim.scene.boxes import MIN_VISIBLE
from drivesim.scene.vehicles import KINDS

COLOURS = {
    Trust.SHOWN: ("#3aa757", "the film shows it"), Trust.DOUBTFUL: ("#e0a030", "doubtful"),
    Trust.NOT_SHOWN: ("#d9534f", "not shown"), Trust.UNKNOWN: ("#9aa0a6", "not known"),
}  # fmt: skip
_MOST = 20  # rows: the vehicles that become highest in the film
_LEFT, _WIDTH, _ROW = 110, 960, 15  # px: of the names; of the whole; height of a row


@dataclass
class _Span:
    """From frame `first` to before `end` a vehicle is labelled with the same trust, and in sight or hidden all the time."""

    first: int
    end: int
    trust: Trust
    in_sight: bool


@dataclass
class _Row:
    """A vehicle: its kind, the most px it is high, and when it is there."""

    kind: str
    height: float = 0.0
    spans: list[_Span] = field(default_factory=list)


def label_chart(future: FinishedFuture) -> str:
    """The SVG: a row a vehicle, the highest first, from the left (first frame) to the right (last); pale where it is hidden."""
    rows = _rows(future)
    shown = sorted(rows, key=lambda track: -rows[track].height)[:_MOST]
    bars = "".join(_bars(k, track, rows[track], future.frames) for k, track in enumerate(shown))
    bottom = _ROW * len(shown)
    axis = "".join(_tick(second, future, bottom) for second in _seconds(future.frames / future.fps))
    more = f'<text x="0" y="{bottom + 15}">{len(rows) - len(shown)} more</text>' if len(rows) > len(shown) else ""
    size = f'viewBox="0 0 {_WIDTH} {bottom + 20}" width="{_WIDTH}" height="{bottom + 20}"'
    return f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img">{axis}{bars}{more}</svg>'


def _rows(future: FinishedFuture) -> dict[int, _Row]:
    """The vehicles by their tracks; memory grows with how often they change."""
    rows: dict[int, _Row] = {}
    for frame in future.labelled_frames(pictures=False):
        for label in frame.boxes:
            row = rows.setdefault(int(label["track"]), _Row(KINDS[label["kind"]]))
            row.height = max(row.height, float(label["y2"] - label["y1"]))
            trust, in_sight = Trust(int(label["trust"])), not label["visible"] < MIN_VISIBLE
            last = row.spans[-1] if row.spans else None
            if last and (last.end, last.trust, last.in_sight) == (frame.number, trust, in_sight):
                last.end += 1
            else:
                row.spans.append(_Span(frame.number, frame.number + 1, trust, in_sight))
    return rows


def _bars(place: int, track: int, row: _Row, frames: int) -> str:
    top = place * _ROW
    parts = [f'<text x="0" y="{top + 11}">{escape(f"{track} {row.kind}")}</text>']
    for span in row.spans:
        left, right = (_LEFT + (_WIDTH - _LEFT) * end / frames for end in (span.first, span.end))
        pale = "" if span.in_sight else ' opacity="0.35"'
        place_of = f'x="{left:.1f}" y="{top + 2}" width="{right - left:.1f}" height="{_ROW - 4}"'
        parts.append(f'<rect {place_of} fill="{COLOURS[span.trust][0]}"{pale}/>')
    return "".join(parts)


def _seconds(length: float) -> Iterator[int]:
    """Whole seconds that stand at the axis, a dozen at most."""
    yield from range(0, int(length) + 1, max(1, round(length / 12)))


def _tick(second: int, future: FinishedFuture, bottom: int) -> str:
    x = _LEFT + (_WIDTH - _LEFT) * min(1.0, second * future.fps / future.frames)
    line = f'<line x1="{x:.1f}" x2="{x:.1f}" y1="0" y2="{bottom}" stroke="#8884"/>'
    return f'{line}<text x="{min(x, _WIDTH - 24):.1f}" y="{bottom + 15}">{second} s</text>'
