"""Files of sweeps: a scenario with the key `sweep`, read with the place of every fault.

    sweep:
      fields:                                # path: what it may be
        look.time_of_day: [day, night]
        vehicles.cutter.ahead: {from: 8, to: 20, steps: 4}
      seeds: [1, 2]                          # left out: the scenario's
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from drivesim.config import InputError, shortened
from drivesim.evaluation.sweeps.spans import ListedValues, Span, parse_span
from drivesim.evaluation.sweeps.swept_field import SweptField
from drivesim.rollout.request import MAX_SEED
from drivesim.scenario.file import read_beside
from drivesim.scenario.rules_of_placement import Location
from drivesim.scenario.scenario import SWEEP, Scenario
from drivesim.scenario.yaml_document import YamlDocument

MAX_RUNS = 10_000
SEED = "rollout.seed"
_KEYS = ("fields", "samples", "sample_seed", "seeds")


@dataclass(frozen=True)
class Sweep:
    """A base scenario, its values as they stand in the file, and what varies: `samples` random draws, or None for the grid.

    Every combination is rolled out with every one of the `seeds`.
    """

    path: Path
    text: bytes
    scenario: Scenario
    values: dict[str, Any]
    fields: tuple[SweptField, ...]
    spans: tuple[Span, ...]
    samples: int | None
    sample_seed: int
    seeds: tuple[int, ...] | None

    @property
    def count(self) -> int:
        """How many runs there are."""
        drawn = math.prod(len(span.grid()) for span in self.spans) if self.samples is None else self.samples
        return drawn * (1 if self.seeds is None else len(self.seeds))

    def parameters(self, number: int) -> dict[str, Any]:
        """The values of run `number`, by path, the seed last. Draws depend on nothing but `sample_seed` and their number."""
        seeds: tuple[int, ...] | tuple[None] = self.seeds or (None,)
        number, place = divmod(number, len(seeds))
        if self.samples is None:
            grids = [span.grid() for span in self.spans]
            picks = np.unravel_index(number, [len(grid) for grid in grids]) if grids else ()
            drawn = [grid[int(pick)] for grid, pick in zip(grids, picks, strict=True)]
        else:
            rng = np.random.default_rng([self.sample_seed, number])
            drawn = [span.draw(rng) for span in self.spans]
        found = {field.path: value for field, value in zip(self.fields, drawn, strict=True)}
        return found if self.seeds is None else found | {SEED: seeds[place]}


def read_sweep(path: Path) -> Sweep:
    """Reads the file of a sweep; InputError that lists every fault, one a line."""
    scenario, document, data = read_beside(path, SWEEP)
    values = dict(document.values)
    if SWEEP not in values:
        raise InputError(f'{path}: has no "sweep", which says what varies, such as sweep: {{fields: {{ego.speed: [10, 20]}}}}')
    sweep = _read_section(values.pop(SWEEP), values, scenario, path, data, document)
    if sweep is None:
        raise InputError("\n".join(map(str, document.faults)))
    return sweep


def _read_section(
    given: Any, values: dict[str, Any], scenario: Scenario, path: Path, data: bytes, document: YamlDocument
) -> Sweep | None:
    """The sweep that the key `sweep` tells of; None, with faults in the document, if it makes no sense."""
    if not isinstance(given, dict):
        document.fault((SWEEP,), f"sweep must be a group of keys ({', '.join(_KEYS)})")
        return None
    for key in given.keys() - set(_KEYS):
        document.fault((SWEEP, key), f'unknown key "{shortened(key)}" in "sweep" (known: {", ".join(_KEYS)})', at_key=True)
    fields, spans = _read_fields({} if given.get("fields") is None else given["fields"], values, document)
    seeds = _read_seeds(given.get("seeds"), document)
    samples = _whole(given.get("samples"), 1, MAX_RUNS, "samples", document)
    sample_seed = _whole(given.get("sample_seed", 0), 0, MAX_SEED, "sample_seed", document)
    if seeds is not None and any(field.location == ("rollout", "seed") for field in fields):
        document.fault((SWEEP, "seeds"), f"the seed is given twice, as seeds and as the field {SEED}; remove one of the two")
    if seeds is None and not fields and not document.faults:
        document.fault((SWEEP,), "nothing varies, which makes 0 runs; give fields or seeds")
    if document.faults:
        return None
    sweep = Sweep(path, data, scenario, values, fields, spans, samples, sample_seed or 0, seeds)
    for field, span in zip(fields, spans, strict=True):
        try:
            if samples is None:
                span.grid()
        except InputError as error:
            document.fault((SWEEP, "fields", field.path), f"{field.path}: {error}")
    if not document.faults and sweep.count > MAX_RUNS:
        document.fault((SWEEP,), f"{sweep.count} runs are more than {MAX_RUNS}; vary less, or give samples", at_key=True)
    return None if document.faults else sweep


def _read_fields(
    given: Any, values: dict[str, Any], document: YamlDocument
) -> tuple[tuple[SweptField, ...], tuple[Span, ...]]:
    if not isinstance(given, dict):
        document.fault((SWEEP, "fields"), "fields must be a group of paths, such as {ego.speed: [10, 20]}")
        return (), ()
    fields: list[SweptField] = []
    spans: list[Span] = []
    taken: dict[Location, str] = {}
    for path, span in given.items():
        place: Location = (SWEEP, "fields", path)
        try:
            field = SweptField.find(path, values)
        except InputError as error:
            document.fault(place, str(error), at_key=True)
            continue
        for location, other in taken.items():
            shared = min(len(location), len(field.location))
            if location[:shared] == field.location[:shared]:
                document.fault(place, f"{path} and {other} are the same field, or one is within the other", at_key=True)
        taken[field.location] = path
        try:
            spans.append(parse_span(span, field.whole))
            fields.append(field)
        except InputError as error:
            document.fault(place, f"{path}: {error}")
    return tuple(fields), tuple(spans)


def _read_seeds(given: Any, document: YamlDocument) -> tuple[int, ...] | None:
    if given is None:
        return None
    seeds = given if isinstance(given, list) else [None]
    if not seeds:
        document.fault((SWEEP, "seeds"), "seeds is empty, which makes 0 runs; give one at least, or leave it out")
    elif not all(type(seed) is int and 0 <= seed <= MAX_SEED for seed in seeds):
        document.fault((SWEEP, "seeds"), f"seeds must be a list of whole numbers from 0 to {MAX_SEED}, such as [1, 2, 3]")
    return ListedValues(tuple(dict.fromkeys(seeds))).values


def _whole(given: Any, low: int, high: int, name: str, document: YamlDocument) -> int | None:
    if given is not None and not (type(given) is int and low <= given <= high):
        zero = ", which makes 0 runs" if given == 0 else ""
        document.fault((SWEEP, name), f"{name} must be a whole number from {low} to {high}, not {shortened(str(given))}{zero}")
    return given if type(given) is int else None
