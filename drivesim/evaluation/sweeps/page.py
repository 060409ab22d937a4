"""A sweep as one page: what `drivesim report` writes for the folder of one."""

from __future__ import annotations

import shlex
from base64 import b64encode
from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import Any

import cv2

from drivesim.checksums import unwritable
from drivesim.config import InputError, write_atomic
from drivesim.evaluation.html_page import html_page
from drivesim.evaluation.rollout_report.page import write_rollout_report
from drivesim.evaluation.sweeps.carry_out import summary
from drivesim.evaluation.sweeps.scatter import scatter
from drivesim.evaluation.sweeps.sweep_folder import SWEEP_TEXT, RunState, SweepFolder
from drivesim.evaluation.sweeps.sweep_index import CSV, index_rows
from drivesim.rollout.folder import FIRST_FRAME, REPORT
from drivesim.video_io import read_image

THUMBNAIL_WIDTH, THUMBNAILS = 224, 200  # px; at most so many, spread over all runs: each is some 6 kB of the page
_STYLE = """
.tiles { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 14rem), 1fr)); gap: .8rem }
.tiles figure { margin: 0; min-width: 0 } .tiles img { width: 100%; margin: 0 }
.tiles figcaption { font-size: .8rem; overflow-wrap: anywhere }
th button { all: unset; cursor: pointer; font-weight: 600 } th button:focus-visible { outline: 2px solid var(--bar) }
th[aria-sort=ascending] button::after { content: " ▲" } th[aria-sort=descending] button::after { content: " ▼" }
td.failed, td.invalid { color: var(--bad) }
td.fault { text-align: left; max-width: 24rem; overflow: hidden; text-overflow: ellipsis }
"""
_SORT = """
for (const table of document.querySelectorAll("table.sortable"))
  table.tHead.addEventListener("click", event => {
    const head = event.target.closest("th")
    if (!head) return
    const falling = head.ariaSort === "ascending"
    for (const other of table.tHead.rows[0].cells) other.ariaSort = other === head ? falling ? "descending" : "ascending" : "none"
    const value = row => row.cells[head.cellIndex].dataset.value, last = value => value === ""
    const compare = (a, b) => last(a) - last(b) || (falling ? -1 : 1) * (
      a !== "" && b !== "" && !isNaN(a) && !isNaN(b) ? a - b : a.localeCompare(b))
    table.tBodies[0].append(...[...table.tBodies[0].rows].sort((a, b) => compare(value(a), value(b))))
  })
"""


def write_sweep_report(folder: Path) -> Path:
    """Writes report.html into the folder of a sweep, and into those of its complete runs that have none: its path.

    InputError if it is no sweep, nothing of it is complete, or read-only.
    """
    sweep = SweepFolder.open(folder)
    states = sweep.states()
    complete = [state for state in states if state.state == "complete"]
    if not complete:
        raise InputError(f"{folder}: no run is complete ({summary(states)}); give the same drivesim sweep again, it goes on")
    for state in complete:
        if not (folder / state.run.name / REPORT).is_file():
            write_rollout_report(folder / state.run.name)
    path = folder / REPORT
    text = html_page(sweep.record.name, _body(sweep, states, complete), _STYLE)
    try:
        write_atomic(path, text)
    except PermissionError as error:
        raise unwritable(path, error) from error
    return path


def command(sweep: SweepFolder) -> str:
    """The command that makes the sweep again, given in its folder."""
    words = ["drivesim", "sweep", SWEEP_TEXT, "--out", "again"]
    for name in ("seconds", "fps", "futures", "device", "quality", "checkpoints"):
        value = sweep.record.options.get(name)
        words += [] if value is None else [f"--{name}", f"{value:g}" if isinstance(value, float) else str(value)]
    return shlex.join(words)


def _body(sweep: SweepFolder, states: Sequence[RunState], complete: Sequence[RunState]) -> str:
    columns, rows = index_rows(states)
    count = f"{len(states)} run{'s' * (len(states) != 1)}: {summary(states)}"
    lead = f'<p>{escape(count)}. <a href="{CSV}">{CSV}</a> has the table.</p>'
    failures = [f'<p class="finding">{s.run.name}: {escape(s.fault)}</p>' for s in states if s.state in ("failed", "invalid")]
    failed = f"<h2>Not made</h2>{''.join(failures)}" if failures else ""
    parts = [lead, _table(columns, rows), _charts(columns, rows), _pictures(sweep, complete), failed, _making(sweep)]
    return "".join(parts) + f"<script>{_SORT}</script>"


def _table(columns: Sequence[str], rows: Sequence[dict[str, Any]]) -> str:
    """All runs; a click on a head sorts them."""
    heads = "".join(f'<th aria-sort="none"><button>{escape(_title(name))}</button></th>' for name in columns)
    lines = "".join(f"<tr>{''.join(_cell(name, row) for name in columns)}</tr>" for row in rows)
    table = f'<table class="sortable"><thead><tr>{heads}</tr></thead><tbody>{lines}</tbody></table>'
    return f'<h2>Runs</h2><div class="wide">{table}</div>'


def _cell(name: str, row: dict[str, Any]) -> str:
    value = row[name]
    words = "–" if value is None else f"{value:.4g}" if isinstance(value, float) else str(value)
    shown = escape(words)
    if name == "run" and row["state"] == "complete":
        shown = f'<a href="{value}/{REPORT}">{shown}</a>'
    kind = f' class="{value}"' if name == "state" else ' class="fault"' if name == "fault" else ""
    return f'<td{kind} data-value="{escape("" if value is None else str(value))}">{shown}</td>'


def _charts(columns: Sequence[str], rows: Sequence[dict[str, Any]]) -> str:
    """Every parameter against every figure, where either of them varies."""
    first, last = columns.index("state") + 1, columns.index("futures")
    figures = [name for name in columns if name.startswith("figures.")]
    sections = []
    for parameter in columns[first:last]:
        charts = []
        for figure in figures:
            known = [row for row in rows if row["state"] == "complete" and None not in (row[figure], row[parameter])]
            if len({row[figure] for row in known}) > 1 and len({row[parameter] for row in known}) > 1:
                drawn = scatter(*([row[name] for row in known] for name in (parameter, figure, "run")))
                charts.append(f"<figure>{drawn}<figcaption>{escape(_title(figure))}</figcaption></figure>")
        if charts:
            sections.append(f'<h2>By {escape(parameter)}</h2><div class="tiles">{"".join(charts)}</div>')
    return "".join(sections)


def _pictures(sweep: SweepFolder, complete: Sequence[RunState]) -> str:
    """The first frames of runs, each a link to the run's own page."""
    step = -(-len(complete) // THUMBNAILS)
    shown = complete[::step]
    tiles = "".join(_tile(sweep.path, state) for state in shown)
    left = len(complete) - len(shown)
    note = f"<p>{left} more runs are complete, which the table leads to.</p>" if left else ""
    return f'<h2>First frames</h2><div class="tiles">{tiles}</div>{note}'


def _tile(folder: Path, state: RunState) -> str:
    name = state.run.name
    words = ", ".join(f"{path.rpartition('.')[2]} {value}" for path, value in state.run.parameters.items())
    caption = f'{escape(words)} · <a href="{name}/future-00/video.mp4">film</a>'
    source = folder / name / FIRST_FRAME
    picture = f'<img src="{_thumbnail(source)}" alt="first frame of {name}">' if source.is_file() else ""
    return f'<figure><a href="{name}/{REPORT}">{picture}{name}</a><figcaption>{caption}</figcaption></figure>'


def _thumbnail(path: Path) -> str:
    """A picture, made small, within the page."""
    picture = read_image(path)
    height = round(picture.shape[0] * THUMBNAIL_WIDTH / picture.shape[1])
    small = cv2.resize(picture, (THUMBNAIL_WIDTH, height), interpolation=cv2.INTER_AREA)
    _, jpeg = cv2.imencode(".jpg", small[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 80])
    return f"data:image/jpeg;base64,{b64encode(jpeg.tobytes()).decode()}"


def _making(sweep: SweepFolder) -> str:
    path = sweep.path / SWEEP_TEXT
    text = path.read_text(encoding="utf-8", errors="replace") if path.is_file() else f"{SWEEP_TEXT} is missing\n"
    again = f"<h2>Make it again</h2><p>In this folder, with drivesim {escape(sweep.record.version)} and the same weights:</p>"
    return f"{again}<pre>{escape(command(sweep))}</pre><h2>Sweep</h2><pre>{escape(text)}</pre>"


def _title(name: str) -> str:
    return name.removeprefix("figures.").replace("_", " ") if not name.count(".") or name.startswith("figures.") else name
