"""The report of a trial as one page of HTML with its pictures in it, and the folder of all three."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Callable
from html import escape
from pathlib import Path
from typing import Any

from drivesim.evaluation.html_page import html_page
from drivesim.evaluation.perception.report import markdown, picture_name, report_values, share, summary, tables
from drivesim.evaluation.perception.trial import TrialPlan, TrialSettings, run
from drivesim.labels.new_folder import new_folder
from drivesim.labels.selection import ExportProgress

_KEY = (
    ("#46dc5a", "found"), ("#ff3c3c", "overlooked"), ("#ffbe28", "found, not labelled"), ("#969696", "does not count"),
    ("#fff", "what it is about"),
)  # fmt: skip


def write_report(
    folder: Path, out: Path, settings: TrialSettings, on_change: Callable[[ExportProgress], None] = lambda _: None
) -> dict[str, Any]:
    """Runs a detector over a rollout, or all rollouts in a folder, and writes report.json, report.md, report.html and pictures into
    the new folder `out`: the values of report.json. InputError and MachineError as in trial; then `out` is not there."""
    plan = TrialPlan.of(folder, settings)
    with new_folder(out) as scratch:
        trial = run(plan, on_change)
        values, pictures = report_values(trial), [moment.jpeg for moment in trial.moments.ordered()]
        (scratch / "report.json").write_text(json.dumps(values, indent=1, allow_nan=False) + "\n", encoding="utf-8")
        (scratch / "report.md").write_text(markdown(values), encoding="utf-8")
        (scratch / "report.html").write_text(html(values, pictures), encoding="utf-8")
        (scratch / "moments").mkdir()
        for number, jpeg in enumerate(pictures):
            (scratch / picture_name(number)).write_bytes(jpeg)
    return values


def html(values: dict[str, Any], pictures: list[bytes]) -> str:
    """The page; nothing in it is fetched from elsewhere."""
    shown = {title: _section(title, *table) for title, table in tables(values).items()}
    recalls = "".join(part for title, part in shown.items() if title.startswith("Recall"))
    rest = [part for title, part in shown.items() if not title.startswith("Recall")]
    findings = "".join(f'<p class="finding">{escape(line)}</p>' for line in values["findings"])
    notes = "".join(f"<p>{escape(line)}</p>" for line in values["notes"])
    key = "".join(f'<span style="background:{colour}">{words}</span>' for colour, words in _KEY)
    figures = "".join(_figure(values, moment, jpeg) for moment, jpeg in zip(values["worst_moments"], pictures, strict=True))
    moments = f'<h2>Worst moments</h2><p class="key">{key}</p><div class=grid>{figures}</div>' if figures else ""
    return html_page(
        values["detector"],
        f"<p>{escape(summary(values))}.</p>{findings}{notes}<div class=grid>{rest[0]}{recalls}</div>{moments}{''.join(rest[1:])}",
    )


def _section(title: str, heads: list[str], rows: list[list[str]]) -> str:
    head = "".join(f"<th>{escape(name)}</th>" for name in heads)
    lines = "".join(f"<tr>{''.join(_cell(heads[k], cell) for k, cell in enumerate(row))}</tr>" for row in rows)
    return f'<section><h2>{escape(title)}</h2><div class="wide"><table><tr>{head}</tr>{lines}</table></div></section>'


def _cell(head: str, text: str) -> str:
    bar = f' class="bar" style="--share:{text.replace(" ", "")}"' if head == "recall" and text != share(None) else ""
    return f"<td{bar}>{escape(text)}</td>"


def _figure(values: dict[str, Any], moment: dict[str, Any], jpeg: bytes) -> str:
    future = values["futures"][moment["future"]]
    words = f"{future['rollout']}/{future['name']}, frame {moment['frame']}, {moment['time_s']:.2f} s: {moment['words']}"
    picture = f'<img src="data:image/jpeg;base64,{b64encode(jpeg).decode()}" alt="{escape(words)}">'
    return f"<figure>{picture}<figcaption>{escape(words)}</figcaption></figure>"
