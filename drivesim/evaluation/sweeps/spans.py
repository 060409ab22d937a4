"""What a swept field may be: listed values, a range of numbers, or a distribution."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from drivesim.config import InputError, shortened

MAX_STEPS = 10_000
_FORMS = (
    "a list such as [10, 20], a range such as {from: 10, to: 20, steps: 3}, or {uniform: [10, 20]}, {log_uniform: [1, 100]} "
    "or {normal: [20, 3]}, of mean and deviation"
)


class Span(Protocol):
    """What a field may be."""

    def grid(self) -> list[Any]:
        """All its values, in order; InputError if they cannot be counted."""

    def draw(self, rng: np.random.Generator) -> Any:
        """One of them, at random."""


@dataclass(frozen=True)
class ListedValues:
    """These values."""

    values: tuple[Any, ...]

    def grid(self) -> list[Any]:
        return list(self.values)

    def draw(self, rng: np.random.Generator) -> Any:
        return self.values[int(rng.integers(len(self.values)))]


@dataclass(frozen=True)
class NumberRange:
    """Numbers from `low` to `high`, both included: `steps` of them, evenly spaced, or any; `whole` ones alone."""

    low: float
    high: float
    steps: int | None
    whole: bool

    def grid(self) -> list[Any]:
        if self.steps is None:
            raise InputError("a range in a grid needs its steps, as in {from: 10, to: 20, steps: 3}; or give samples")
        return list(dict.fromkeys(_number(value, self.whole) for value in np.linspace(self.low, self.high, self.steps)))

    def draw(self, rng: np.random.Generator) -> Any:
        if self.steps is not None:
            values = self.grid()
            return values[int(rng.integers(len(values)))]
        if self.whole:
            return int(rng.integers(math.ceil(self.low), math.floor(self.high) + 1))
        return _number(rng.uniform(self.low, self.high), False)


@dataclass(frozen=True)
class Distribution:
    """Numbers that are drawn: uniform or log_uniform from `first` to `second`, or normal with this mean and deviation."""

    kind: str
    first: float
    second: float
    whole: bool

    def grid(self) -> list[Any]:
        raise InputError(f"{self.kind} is a distribution, of which a grid cannot be made; give samples, such as samples: 20")

    def draw(self, rng: np.random.Generator) -> Any:
        if self.kind == "normal":
            return _number(rng.normal(self.first, self.second), self.whole)
        if self.kind == "log_uniform":
            return _number(math.exp(rng.uniform(math.log(self.first), math.log(self.second))), self.whole)
        return _number(rng.uniform(self.first, self.second), self.whole)


def parse_span(given: Any, whole: bool) -> Span:
    """What stands in the file for a field; InputError without the field's name for what makes no sense."""
    if isinstance(given, list):
        if not given:
            raise InputError("the list is empty, which makes 0 runs; give one value at least")
        return ListedValues(tuple(given))
    if isinstance(given, dict) and {"from", "to"} <= given.keys() <= {"from", "to", "steps"}:
        low, high = _pair([given["from"], given["to"]], "from and to", ordered=True)
        steps = given.get("steps")
        if steps is not None and not (type(steps) is int and 2 <= steps <= MAX_STEPS):
            raise InputError(f"steps must be a whole number from 2 to {MAX_STEPS}, not {shortened(str(steps))}")
        if whole and math.ceil(low) > math.floor(high):
            raise InputError(f"there is no whole number from {low:g} to {high:g}, which makes 0 runs")
        return NumberRange(low, high, steps, whole)
    if isinstance(given, dict) and len(given) == 1 and (kind := next(iter(given))) in ("uniform", "log_uniform", "normal"):
        first, second = _pair(given[kind], kind, ordered=kind != "normal")
        if kind == "log_uniform" and first <= 0:
            raise InputError(f"log_uniform begins above 0, not at {first:g}")
        if kind == "normal" and second < 0:
            raise InputError(f"the deviation of normal is 0 or more, not {second:g}")
        return Distribution(kind, first, second, whole)
    raise InputError(f"give {_FORMS}")


def _pair(given: Any, name: str, ordered: bool) -> tuple[float, float]:
    numbers = given if isinstance(given, list) else []
    if len(numbers) != 2 or not all(type(number) in (int, float) and math.isfinite(number) for number in numbers):
        raise InputError(f"{name} must be two numbers, not {shortened(str(given))}")
    first, second = map(float, numbers)
    if ordered and first > second:
        raise InputError(f"{name}: {first:g} is above {second:g}; give the smaller number first")
    return first, second


def _number(value: float, whole: bool) -> float | int:
    """As it stands in scenario and index: six digits are enough to tell runs apart."""
    return round(float(value)) if whole else float(f"{float(value):.6g}")
