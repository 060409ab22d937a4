"""The report of a study: every figure of every arm with its interval, and how far it is from that of "ours"."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from drivesim.config import write_atomic
from drivesim.evaluation.ablation.sampled import SAMPLED, SMALL
from drivesim.evaluation.ablation.scores import DISTANCES, ArmScores, drawn
from drivesim.evaluation.ablation.studies import OURS, SHARES, Arm, Study
from drivesim.metrics.intervals import Interval, flat

ScoresByArm = Mapping[str, Sequence[ArmScores]]
"""The scores of every arm, a seed each."""
VERDICTS = ("better", "worse", "no difference seen")
_HIGHER = ("psnr",)
_NOT_COMPARED = "-"
_UNKNOWN = Interval(float("nan"), float("nan"), float("nan"))


class Compared(NamedTuple):
    """A figure of an arm over its seeds, and how much higher it is than that of another arm in the same seeds and parts; of SHARES
    how much farther from 1."""

    value: Interval
    difference: Interval


Table = Mapping[str, Mapping[str, Compared]]
"""By arm and figure; without figures that compare with no other arm's."""


def write_report(folder: Path, study: Study, facts: Mapping[str, Any], arms: Mapping[str, Arm], scores: ScoresByArm) -> None:
    """report.json and report.md in `folder`."""
    table = compared(study, arms, scores)
    values = {
        arm: {"about": arms[arm].about, "seeds": _seeds(scores[arm]),
              "cpu_seconds": [round(one.cpu_seconds) for one in scores[arm]],
              **flat({name: figure.value for name, figure in row.items()}),
              **flat({f"{name}_difference": figure.difference for name, figure in row.items()})}
        for arm, row in table.items()
    }  # fmt: skip
    write_atomic(folder / "report.json", json.dumps({**facts, "arms": values}, indent=2) + "\n")
    parts = [_head(study, facts, arms, scores, table), _sentences(study, arms, scores, table), _runs(study, scores)]
    write_atomic(folder / "report.md", "\n".join("\n".join(lines) + "\n" for lines in parts))


def figure_names(study: Study) -> list[str]:
    """The figures of a study's table; those of small frames where an arm has no others."""
    sampled, small = (study.sampled, any(arm.pixels for arm in study.arms.values()))
    distance, small_distance, *reconstruction = DISTANCES
    more = (*SAMPLED, distance) if sampled else reconstruction if study.filmed else ()
    return [*study.figures, *more, *((SMALL, small_distance) if small else ())]


def compared(study: Study, arms: Mapping[str, Arm], scores: ScoresByArm) -> Table:
    """Every figure of every arm, each beside that of the arm that it is compared with, in the seeds that both have."""

    def row(arm: str, seeds: Sequence[ArmScores]) -> dict[str, Compared]:
        others = [one for one in scores.get(arms[arm].against, ()) if one.seed in _seeds(seeds)]
        both = [one for one in seeds if one.seed in _seeds(others)]
        found = {}
        for name in figure_names(study):
            if seeds[0].has(name):
                pair = [drawn(name, each) for each in (both, others)] if both else []
                pair = [each.distance_from_one for each in pair] if name in SHARES else pair
                found[name] = Compared(drawn(name, seeds).interval, pair[0].difference(pair[1]) if pair else _UNKNOWN)
        return found

    return {arm: row(arm, seeds) for arm, seeds in scores.items()}


def _head(study: Study, facts: Mapping[str, Any], arms: Mapping[str, Arm], scores: ScoresByArm, table: Table) -> list[str]:
    names = figure_names(study)
    lines = [
        f"# Ablation: {facts['study']}",
        "",
        f"Stage {facts['stage']}, {facts['samples']} samples an arm, the same data and batches; held out: {facts['parts']} parts "
        f"of {', '.join(facts['held_out'])}. Each figure with the 95 % interval over seeds and parts, and below it how far it is "
        f'from "{OURS}", or from that of the arm that it is against, in pairs of the same seeds and parts; of '
        "figures that are best at 1, how much farther from it. With few seeds intervals are too narrow.",
        *(f"\nFAILED: {line}" for line in facts.get("failed", ())),
        "",
        f"| arm | seeds | {' | '.join(f'{name} ({_wanted(name)})' for name in names)} |",
        f"|{'---|' * (len(names) + 2)}",
    ]
    for arm, row in table.items():
        cells = [_cell(row[name], arm == OURS, name) if name in row else _NOT_COMPARED for name in names]
        against = "" if arms[arm].against == OURS else f", against {arms[arm].against}"
        lines.append(f"| **{arm}**: {arms[arm].about}{against} | {_listed(_seeds(scores[arm]))} | {' | '.join(cells)} |")
    return lines


def _sentences(study: Study, arms: Mapping[str, Arm], scores: ScoresByArm, table: Table) -> list[str]:
    """What each arm shows, in a sentence: which intervals of differences exclude zero, and which do not."""
    lines = ["## In words", ""]
    for arm, row in table.items():
        if arm == OURS:
            continue
        found: dict[str, list[str]] = {word: [] for word in VERDICTS}
        for name, (_, difference) in row.items():
            found[verdict(difference, name)].append(f"{name} {_words(difference, '+')}")
        said = [f"{word}{':' if word == VERDICTS[2] else ' in'} {', '.join(names)}" for word, names in found.items() if names]
        lines.append(f'- **{arm}** against "{arms[arm].against}" (seeds {_listed(_seeds(scores[arm]))}): {"; ".join(said)}.')
    return [*lines, "", "Better and worse: the interval of the difference excludes zero."]


def _runs(study: Study, scores: ScoresByArm) -> list[str]:
    """Every figure of every run, and what its training cost."""
    names = figure_names(study)
    lines = ["## Runs", "", f"| arm | seed | CPU minutes | {' | '.join(names)} |", f"|{'---|' * (len(names) + 3)}"]
    for arm, seeds in scores.items():
        for one in seeds:
            cells = [_number(drawn(name, [one]).value) if one.has(name) else _NOT_COMPARED for name in names]
            lines.append(f"| {arm} | {one.seed} | {one.cpu_seconds / 60:.1f} | {' | '.join(cells)} |")
    return [*lines, "", "CPU minutes are those of training, over all cores; 0.0: trained by another arm, or not at all."]


def verdict(difference: Interval, figure: str) -> str:
    """One of VERDICTS: better or worse where the difference's interval, to the digits that are shown, leaves no doubt."""
    if round(difference.low, 4) > 0 or round(difference.high, 4) < 0:
        return VERDICTS[0] if (difference.value > 0) == (figure in _HIGHER) else VERDICTS[1]
    return VERDICTS[2]


def _cell(figure: Compared, ours: bool, name: str) -> str:
    text, difference = _words(figure.value), figure.difference
    return text if ours else f"{text}<br>{verdict(difference, name)}: {_words(difference, '+')}"


def _wanted(name: str) -> str:
    return "1 is best" if name in SHARES else "higher is better" if name in _HIGHER else "lower is better"


def _words(interval: Interval, sign: str = "") -> str:
    value, low, high = (_number(number, sign) for number in interval)
    return f"{value} ({low} to {high})"


def _number(value: float, sign: str = "") -> str:
    return f"{value:{sign}.4f}" if value == value else "unknown"


def _seeds(scores: Iterable[ArmScores]) -> list[int]:
    return [one.seed for one in scores]


def _listed(numbers: Iterable[int]) -> str:
    return ", ".join(str(number) for number in numbers)
