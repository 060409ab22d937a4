"""The report of a study: every figure of every arm with its interval, and how far it is from that of "ours"."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from drivesim.config import write_atomic
from drivesim.evaluation.ablation.sampled import SAMPLED
from drivesim.evaluation.ablation.scores import CLIP_DISTANCE, ArmScores, Drawn, drawn
from drivesim.evaluation.ablation.studies import OURS, Arm, Study
from drivesim.metrics.intervals import Interval, flat

ScoresByArm = Mapping[str, Sequence[ArmScores]]
"""The scores of every arm, a seed each."""


def write_report(folder: Path, study: Study, facts: Mapping[str, Any], arms: Mapping[str, Arm], scores: ScoresByArm) -> None:
    """report.json and report.md in `folder`."""
    names = figure_names(study)
    table = {arm: {name: drawn(name, seeds) for name in names} for arm, seeds in scores.items()}
    values = {
        arm: {"about": arms[arm].about, "seeds": len(scores[arm]), **flat({name: figure.interval for name, figure in row.items()}),
              **flat({f"{name}_difference": figure.difference(table[OURS][name]) for name, figure in row.items()})}
        for arm, row in table.items()
    }  # fmt: skip
    write_atomic(folder / "report.json", json.dumps({**facts, "arms": values}, indent=2) + "\n")
    write_atomic(folder / "report.md", _markdown(study, facts, arms, scores, table))


def figure_names(study: Study) -> list[str]:
    """The figures of a study's table."""
    return [*study.figures, *((*SAMPLED, CLIP_DISTANCE) if study.sampled else ())]


def _markdown(
    study: Study, facts: Mapping[str, Any], arms: Mapping[str, Arm], scores: ScoresByArm, table: Mapping[str, Mapping[str, Drawn]]
) -> str:
    names = figure_names(study)
    lines = [
        f"# Ablation: {facts['study']}",
        "",
        f"Stage {facts['stage']}, {facts['samples']} samples an arm, the same data and batches; held out: {facts['parts']} parts "
        f"of {', '.join(facts['held_out'])}. Each figure with the 95 % interval over seeds and parts, and below it how far it is "
        f'from "{OURS}", in pairs of the same seeds and parts. With few seeds intervals are too narrow.',
        "",
        f"| arm | seeds | {' | '.join(f'{name} ({_wanted(study, name)})' for name in names)} |",
        f"|{'---|' * (len(names) + 2)}",
    ]
    for arm, row in table.items():
        cells = [_cell(row[name], None if arm == OURS else table[OURS][name], name in study.higher) for name in names]
        lines.append(f"| **{arm}**: {arms[arm].about} | {len(scores[arm])} | {' | '.join(cells)} |")
    return "\n".join([*lines, *(f"\nFAILED: {line}" for line in facts.get("failed", ()))]) + "\n"


def _wanted(study: Study, name: str) -> str:
    return "higher is better" if name in study.higher else "lower is better"


def _cell(figure: Drawn, ours: Drawn | None, higher: bool) -> str:
    text = _words(figure.interval)
    return text if ours is None else f"{text}<br>{verdict(figure.difference(ours), higher)}"


def verdict(difference: Interval, higher: bool) -> str:
    """A difference in words: better or worse where its interval, to the digits that are shown, leaves no doubt."""
    if round(difference.low, 4) > 0 or round(difference.high, 4) < 0:
        word = "better" if (difference.value > 0) == higher else "worse"
    else:
        word = "no difference seen"
    return f"{word}: {_words(difference, '+')}"


def _words(interval: Interval, sign: str = "") -> str:
    value, low, high = (f"{number:{sign}.4f}" if number == number else "unknown" for number in interval)
    return f"{value} ({low} to {high})"
