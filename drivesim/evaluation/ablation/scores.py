"""What an arm of one seed scores, part by part of what is held out; a file keeps it."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from drivesim.config import write_atomic
from drivesim.evaluation.ablation.sampled import clip_distance, clip_frechet
from drivesim.metrics.intervals import Interval
from drivesim.tensors import numpy_stream

_DRAWS = 400


class Distance(NamedTuple):
    """A figure that is a distance of clips: between features of which name, see SampledPart and held_out_films, and its measure."""

    of: str
    to: str
    measure: Callable[[np.ndarray, np.ndarray], float]


DISTANCES = {
    "clip_distance": Distance("made", "rendered", clip_distance),
    "clip_distance_small": Distance("made_small", "rendered_small", clip_distance),
    "clip_frechet": Distance("made", "rendered", clip_frechet),
    "clip_frechet_clean": Distance("made_clean", "rendered", clip_frechet),
}


@dataclass(frozen=True)
class ArmScores:
    """`asked`: what it was measured on. `figures`: by name, a value a part. `features` [clips d] of sampled clips, of all parts
    (see SampledPart), where clips are sampled. `cpu_seconds` of training, over all cores."""

    asked: dict[str, Any]
    figures: dict[str, list[float]]
    features: dict[str, list[list[float]]] = field(default_factory=dict)
    cpu_seconds: float = 0.0

    @property
    def seed(self) -> int:
        """Of its weights and batches."""
        return int(self.asked["recipe"]["seed"])

    def has(self, figure: str) -> bool:
        """Whether it says anything of this figure."""
        return figure in self.figures or (figure in DISTANCES and DISTANCES[figure].of in self.features)

    def write(self, file: Path) -> None:
        """As JSON."""
        write_atomic(file, json.dumps(asdict(self)) + "\n")


def read_scores(file: Path, asked: dict[str, Any]) -> ArmScores | None:
    """The scores of a file; None where it is not there or was measured on something else."""
    if not file.is_file():
        return None
    found = json.loads(file.read_text(encoding="utf-8"))
    return ArmScores(**found) if found["asked"] == asked else None


@dataclass(frozen=True)
class Drawn:
    """A figure of an arm: its `value`, and those [draws] of seeds and parts drawn with replacement, the same ones for all arms."""

    value: float
    draws: np.ndarray

    @property
    def interval(self) -> Interval:
        """The value with its 95 % interval."""
        return _interval(self.value, self.draws)

    @property
    def distance_from_one(self) -> Drawn:
        """How far it is from 1."""
        return Drawn(abs(self.value - 1), np.abs(self.draws - 1))

    def difference(self, other: Drawn) -> Interval:
        """How much higher it is than `other`, in pairs of draws."""
        return _interval(self.value - other.value, self.draws - other.draws)


def _interval(value: float, draws: np.ndarray) -> Interval:
    known = draws[np.isfinite(draws)]
    varied = len(known) > 1 and np.ptp(known) > 0  # one seed and part say nothing of others
    low, high = np.quantile(known, [0.025, 0.975]) if varied else (np.nan, np.nan)
    return Interval(value, float(low), float(high))


def drawn(figure: str, seeds: Sequence[ArmScores]) -> Drawn:
    """A figure of an arm by the scores of its seeds."""
    if figure in DISTANCES:
        return _drawn_distance(seeds, DISTANCES[figure])
    table = np.array([scores.figures[figure] for scores in seeds])
    rng = numpy_stream(0, "draws")
    draws = [table[_rows(rng, len(table))][:, _rows(rng, table.shape[1])].mean() for _ in range(_DRAWS)]
    return Drawn(float(table.mean()), np.array(draws))


def _drawn_distance(seeds: Sequence[ArmScores], kind: Distance) -> Drawn:
    made, rendered = np.array([scores.features[kind.of] for scores in seeds]), np.array(seeds[0].features[kind.to])
    rng, draws = numpy_stream(0, "clips"), []

    def distance(rows: np.ndarray, clips: np.ndarray) -> float:
        return float(np.mean([kind.measure(made[row][clips], rendered[clips]) for row in rows]))

    for _ in range(_DRAWS // 4):
        rows, clips = _rows(rng, len(made)), np.unique(_rows(rng, len(rendered)))  # a clip twice is nearer to itself than clips are
        draws.append(distance(rows, clips))
    return Drawn(distance(np.arange(len(made)), np.arange(len(rendered))), np.array(draws))


def _rows(rng: np.random.Generator, count: int) -> np.ndarray:
    return rng.integers(count, size=count)
