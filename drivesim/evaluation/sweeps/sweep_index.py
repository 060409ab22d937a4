"""The index of a sweep: a row a run, as CSV and as Parquet."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from drivesim.config import write_atomic
from drivesim.evaluation.sweeps.sweep_folder import RunState

CSV, PARQUET = "index.csv", "index.parquet"
_FIRST, _WORK, _LAST = ("run", "state"), ("futures", "frames", "work_s", "peak_memory_mib"), ("fault",)


def run_figures(state: RunState) -> dict[str, float]:
    """The figures of a run: of each the mean over its futures, as far as it could be measured."""
    found: dict[str, list[float]] = {}
    for record in state.manifest.futures.values() if state.manifest else ():
        for name, value in record.figures.items():
            if value is not None:
                found.setdefault(name, []).append(value)
    return {name: sum(values) / len(values) for name, values in found.items()}


def index_rows(states: Sequence[RunState]) -> tuple[list[str], list[dict[str, Any]]]:
    """Names of the columns, and a row a run; None is what is not known. Lists and groups are JSON."""
    figures = [run_figures(state) for state in states]
    parameters = list(dict.fromkeys(name for state in states for name in state.run.parameters))
    names = list(dict.fromkeys(name for known in figures for name in known))
    columns = [*_FIRST, *parameters, *_WORK, *(f"figures.{name}" for name in names), *_LAST]
    rows = []
    for state, known in zip(states, figures, strict=True):
        row: dict[str, Any] = {"run": state.run.name, "state": state.state, "fault": state.fault or None}
        row |= {name: _cell(value) for name, value in state.run.parameters.items()}
        row |= _work(state) | {f"figures.{name}": round(value, 6) for name, value in known.items()}
        rows.append({name: row.get(name) for name in columns})
    return columns, rows


def write_index(folder: Path, states: Sequence[RunState]) -> list[Path]:
    """Writes the index of a sweep anew: the files. Without pyarrow, of the extra `ray`, that is the CSV alone."""
    columns, rows = index_rows(states)
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    write_atomic(folder / CSV, text.getvalue())
    try:
        import pyarrow as arrow
        from pyarrow import parquet
    except ImportError:
        (folder / PARQUET).unlink(missing_ok=True)  # rather none than one that says something else
        return [folder / CSV]
    scratch = folder / f"{PARQUET}.part"
    parquet.write_table(arrow.table({name: _column(arrow, [row[name] for row in rows]) for name in columns}), scratch)
    scratch.replace(folder / PARQUET)
    return [folder / CSV, folder / PARQUET]


def _work(state: RunState) -> dict[str, Any]:
    """What was made, and what it took; of a run that is not begun nothing."""
    manifest = state.manifest
    if manifest is None:
        return {}
    frames = sum(record.frames for record in manifest.futures.values())
    peak = manifest.peak_memory_mib.get("process")
    return {"futures": len(manifest.complete), "frames": frames, "work_s": round(sum(manifest.seconds.values()), 3),
            "peak_memory_mib": peak}  # fmt: skip


def _cell(value: Any) -> Any:
    return json.dumps(value) if isinstance(value, list | dict) else value


def _column(arrow: Any, values: list[Any]) -> Any:
    """Values as a column of numbers or of text, of text where they are of both."""
    kinds = {type(value) for value in values if value is not None}
    if kinds <= {int, float} and kinds:
        return arrow.array(values, arrow.int64() if kinds == {int} else arrow.float64())
    if kinds == {bool}:
        return arrow.array(values, arrow.bool_())
    return arrow.array([None if value is None else str(value) for value in values], arrow.string())
