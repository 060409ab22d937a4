"""The user's detector: a function of pictures, or an ONNX file, and what its answers have to be."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from drivesim.config import InputError, shortened
from drivesim.evaluation.perception.classes import ClassNames
from drivesim.evaluation.perception.onnx_file import onnx_function

Detect = Callable[[np.ndarray], Any]
"""Takes a picture, uint8 RGB [h w 3], and returns rows x1, y1, x2, y2 (px, the first pixel ends at 1), score (0 to 1), class."""
_COLUMNS = "x1, y1, x2, y2, score, class"


@dataclass(frozen=True)
class UserDetections:
    """What was found in a picture, n rows each: `box` float64 [n 4], pixels of the picture, clipped to it; `score` float64 [n] in
    [0, 1]; `kinds` bool [n 6], the kinds that its class means."""

    box: np.ndarray
    score: np.ndarray
    kinds: np.ndarray


def load_detector(text: str, size: tuple[int, int]) -> Detect:
    """The detector that `module:function` or a path that ends in .onnx names, for pictures of `size` (height, width).

    Modules are looked for in the working directory, too. InputError if there is none, or it cannot take such pictures.
    """
    if text.lower().endswith(".onnx"):
        return onnx_function(Path(text), size)
    module, colon, name = text.partition(":")
    if not (module and colon and name):
        raise InputError(f"--detector {text}: give module:function, or an ONNX file that ends in .onnx")
    here = str(Path.cwd())
    sys.path.insert(0, here)
    try:
        found = importlib.import_module(module)
    except (Exception, SystemExit) as error:
        raise InputError(f"--detector {text}: {module} cannot be imported ({_words(error)}); check name and folder") from error
    finally:
        sys.path.remove(here)
    for part in name.split("."):
        found = getattr(found, part, None)  # type: ignore[assignment]
    if not callable(found):
        raise InputError(f"--detector {text}: {module} has no function {name}")
    return found


def ask(detect: Detect, picture: np.ndarray, names: ClassNames) -> UserDetections:
    """What a detector finds in a picture uint8 [h w 3], which is its own to change. RuntimeError if it fails, ValueError if its
    answer is none."""
    try:
        answer = detect(picture.copy())
    except Exception as error:
        raise RuntimeError(f"raised {_words(error)}") from error
    return parse_answer(answer, names, picture.shape[0], picture.shape[1])


def parse_answer(answer: Any, names: ClassNames, height: int, width: int) -> UserDetections:
    """The rows of an answer, those of score 0 and of classes that are left out excepted; ValueError if they make no sense."""
    if hasattr(answer, "tolist"):
        answer = answer.tolist()
    if not isinstance(answer, list | tuple):
        raise ValueError(f"returned {type(answer).__name__}, not rows of {_COLUMNS}")
    numbers, kinds = [], []
    for row in answer:
        values = list(row) if isinstance(row, list | tuple | np.ndarray) else []
        if len(values) != 6:
            raise ValueError(f"returned the row {shortened(str(row))}, not {_COLUMNS}")
        checked = _checked(values[:5], row)
        meant = names.kinds(values[5]) if checked[4] > 0 else None
        if meant is not None:
            numbers.append(checked)
            kinds.append(meant)
    table = np.array(numbers, np.float64).reshape(-1, 5)
    if len(table) and table[:, :4].max() <= 1.5:
        raise ValueError("returned boxes of 1.5 px at most; give pixels, not shares of the frame")
    box = np.clip(table[:, :4], 0, [width, height, width, height])
    return UserDetections(box, table[:, 4], np.array(kinds, bool).reshape(-1, len(names.kinds("vehicle"))))  # type: ignore[arg-type]


def _checked(values: list[Any], row: Any) -> list[float]:
    """Box and score of a row as numbers."""
    try:
        numbers = [float(value) for value in values]
    except (TypeError, ValueError):
        raise ValueError(f"returned the row {shortened(str(row), 80)}, in which not all of {_COLUMNS} are numbers") from None
    if not np.isfinite(numbers).all():
        raise ValueError(f"returned the row {shortened(str(row), 80)}, which is not finite")
    x1, y1, x2, y2, score = numbers
    if x2 < x1 or y2 < y1:
        raise ValueError(f"returned a box that ends before it begins, {x1:g} {y1:g} {x2:g} {y2:g}; give {_COLUMNS}")
    if not 0 <= score <= 1:
        raise ValueError(f"returned the score {score:g}; give it from 0 to 1")
    return numbers


def _words(error: BaseException) -> str:
    """An error on one line."""
    return shortened(f"{type(error).__name__}: {' '.join(str(error).split())}", 200)
