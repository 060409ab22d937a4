"""Numbers on the command line: what is none, or none that makes sense, ends a command before any work."""

from __future__ import annotations

import math
from typing import TypeVar

import typer

Number = TypeVar("Number", int, float | None, list[float] | None)

LARGEST_SHEET_CELL = 4096  # px of one picture on a contact sheet


def parse_pixels(option: str, text: str) -> tuple[int, int]:
    """Height and width of "128x256"; InputError for anything else."""
    from drivesim.config import InputError

    height, _, width = text.partition("x")
    if not (height.isdecimal() and width.isdecimal() and min(int(height), int(width)) >= 8):
        raise InputError(f"{option} {text}: give HEIGHTxWIDTH in pixels, such as 256x512")
    return int(height), int(width)


def share(parameter: typer.CallbackParam, value: float) -> float:
    """The value of an option as it is; InputError unless it is a share."""
    from drivesim.config import InputError

    if not 0 <= value <= 1:
        raise InputError(f"{parameter.opts[0]} {value:g}: give a number from 0 to 1")
    return value


def not_negative(parameter: typer.CallbackParam, value: int | None) -> int | None:
    """The value of an option as it is; InputError if it is below 0."""
    from drivesim.config import InputError

    if value is not None and value < 0:
        raise InputError(f"{parameter.opts[0]} {value}: give a whole number, 0 or more")
    return value


def positive(parameter: typer.CallbackParam, value: Number) -> Number:
    """The value or values of an option as they are; InputError unless each is a finite number above 0."""
    from drivesim.config import InputError

    for number in value if isinstance(value, list) else [value]:
        if number is not None and not 0 < number < math.inf:
            raise InputError(f"{parameter.opts[0]} {number:g}: give a number above 0")
    return value
