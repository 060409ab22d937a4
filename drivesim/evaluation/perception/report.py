"""The report of a trial as values that JSON can hold, and as Markdown."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import numpy as np

import drivesim
from drivesim.evaluation.perception.actors import actor_records
from drivesim.evaluation.perception.recall import BlindSpot, blind_below, blind_from, recall_bins, recall_of
from drivesim.evaluation.perception.scores import LEAST_IOU, Scores
from drivesim.evaluation.perception.trial import Trial
from drivesim.metrics.average_precision import average_precision

_ACTORS = 40  # in Markdown and on the page; JSON has all


def report_values(trial: Trial) -> dict[str, Any]:
    """All that is to be said, None for what could not be measured."""
    labels, settings = trial.scores.labels(), trial.settings
    groups = {group: [asdict(one) for one in bins] for group, bins in recall_bins(labels).items()}
    spots = {"below_height_px": blind_below(labels), "from_distance_m": blind_from(labels)}
    values = {
        "made_by": f"drivesim {drivesim.__version__}",
        "detector": settings.detector,
        "settings": {
            "stride": settings.stride, "min_visible": settings.min_visible, "trusted_only": settings.trusted_only,
            "score": settings.least_score, "iou": LEAST_IOU, "classes": list(settings.classes.names),
        },
        "futures": [asdict(future) for future in trial.futures],
        "notes": trial.notes,
        "figures": _figures(trial, labels),
        "blind": {name: asdict(spot) if spot else None for name, spot in spots.items()},
        "recall": groups,
        "actors": [asdict(actor) for actor in actor_records(labels)],
        "worst_moments": [
            {
                "future": moment.future, "frame": moment.frame, "time_s": moment.time, "words": moment.words,
                "badness": moment.badness, "picture": picture_name(k),
            }
            for k, moment in enumerate(trial.moments.ordered())
        ],
        "findings": _findings(spots["below_height_px"], spots["from_distance_m"]),
    }  # fmt: skip
    return _plain(values)


def picture_name(number: int) -> str:
    """Where the picture of a worst moment is, in the folder of the report."""
    return f"moments/{number:02d}.jpg"


def _figures(trial: Trial, labels: np.ndarray) -> dict[str, Any]:
    scores, whole = trial.scores, recall_of("all", labels)
    found = labels[labels["found"]]
    by_iou = {iou: average_precision(matches) for iou, matches in scores.matches.items()}
    said = whole.found + scores.false_alarms
    return {
        "frames": scores.frames, "labels": whole.labels, "vehicles": whole.vehicles,
        "ap": float(np.mean(list(by_iou.values()))), "ap50": by_iou[0.5], "ap75": by_iou[0.75],
        **{f"ap50_{name}": average_precision(m) if scores.tells_kinds else None for name, m in scores.family_matches.items()},
        "recall": whole.recall, "recall_low": whole.low, "recall_high": whole.high,
        "precision": whole.found / said if said else None,
        "false_alarms_a_frame": scores.false_alarms / max(scores.frames, 1),
        "class_right": float(found["class_right"].mean()) if len(found) else None,
        "best_score": best_score(scores),
        "seconds_a_frame": trial.seconds_a_frame,
    }  # fmt: skip


def best_score(scores: Scores) -> float | None:
    """The score from which on boxes would have to count for the highest F1, None where nothing is found."""
    matches = scores.matches[LEAST_IOU]
    vehicles = sum(match.vehicles for match in matches)
    if not vehicles or not any(match.hit.any() for match in matches):
        return None
    score, hit, ignored = (np.concatenate([getattr(m, name) for m in matches]) for name in ("score", "hit", "ignored"))
    score, hit = score[~ignored], hit[~ignored]
    order = np.argsort(-score, kind="stable")
    hits = np.cumsum(hit[order])
    return float(score[order][np.argmax(2 * hits / (np.arange(1, len(hits) + 1) + vehicles))])


def _findings(low: BlindSpot | None, far: BlindSpot | None) -> list[str]:
    found = []
    for spot, words in ((low, "below {:.0f} px of height"), (far, "from {:.0f} m on")):
        if spot is not None:
            found.append(
                f"It is blind {words.format(spot.limit)}: it finds {spot.found} of {spot.labels} labels there, and "
                f"{spot.beyond:.0%} of the others."
            )
    return found


def _plain(value: Any) -> Any:
    """The same with rounded numbers, None in place of what is not finite."""
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    if isinstance(value, float):
        return round(value, 5) if np.isfinite(value) else None
    return value


def tables(values: dict[str, Any]) -> dict[str, tuple[list[str], list[list[str]]]]:
    """What is shown as tables, by title: the heads of the columns, and the rows."""
    shown: dict[str, tuple[list[str], list[list[str]]]] = {}
    figures = [[name.replace("_", " "), number(value)] for name, value in values["figures"].items() if value is not None]
    shown["Figures"] = (["figure", "value"], figures)
    for group, bins in values["recall"].items():
        rows = [
            [
                one["name"], share(one["recall"]), f"{share(one['low'])} to {share(one['high'])}",
                *(str(one[count]) for count in ("found", "labels", "vehicles")),
            ]
            for one in bins
        ]  # fmt: skip
        shown[f"Recall by {group}"] = (["", "recall", "95 %", "found", "labels", "vehicles"], rows)
    heads = ["future", "vehicle", "found in", "labelled from s", "found from s", "m then", "TTC s then", "nearest m", "least TTC s"]
    names = [f"{future['rollout']}/{future['name']}" for future in values["futures"]]
    rows = [
        [
            names[a["future"]], f"{a['track']} {a['kind']}", f"{a['found']} of {a['labels']}", number(a["first_labelled_s"]),
            "never" if a["first_found_s"] is None else number(a["first_found_s"]), number(a["distance_m"]),
            number(a["time_to_collision_s"]), number(a["nearest_m"]), number(a["least_time_to_collision_s"]),
        ]
        for a in values["actors"][:_ACTORS]
    ]  # fmt: skip
    more = len(values["actors"]) - _ACTORS
    shown["First detection of each vehicle" + (f" ({more} more in report.json)" if more > 0 else "")] = (heads, rows)
    return shown


def share(value: float | None) -> str:
    """A share as people read it."""
    return "–" if value is None else f"{value:.0%}"


def number(value: float | None) -> str:
    """A number as people read it."""
    return "–" if value is None else f"{value:.3g}" if isinstance(value, float) and abs(value) < 100 else f"{value:.0f}"


def summary(values: dict[str, Any]) -> str:
    """One line."""
    f = values["figures"]
    return (
        f"{f['frames']} frames, {f['labels']} labels of {f['vehicles']} vehicles: AP {number(f['ap'])}, AP50 {number(f['ap50'])}, "
        f"recall {share(f['recall'])} and {number(f['false_alarms_a_frame'])} false alarms a frame at score "
        f"{values['settings']['score']:g}"
    )


def markdown(values: dict[str, Any]) -> str:
    """The report as Markdown."""
    lines = [f"# {values['detector']}", "", summary(values) + ".", "", *(f"**{line}**\n" for line in values["findings"])]
    lines += [f"{line}\n" for line in values["notes"]]
    for title, (heads, rows) in tables(values).items():
        lines += [f"## {title}", "", f"| {' | '.join(heads)} |", "|" + "---|" * len(heads)]
        lines += [f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |" for row in rows] + [""]
    lines += ["## Worst moments", ""]
    for moment in values["worst_moments"]:
        future = values["futures"][moment["future"]]
        where = f"{future['rollout']}/{future['name']}, {moment['time_s']:.2f} s"
        lines += [f"{where}: {moment['words']}", "", f"![]({moment['picture']})", ""]
    return "\n".join(lines)
