"""YOLO folders: beside each picture, or in labels/ for those in images/, a text of lines "class cx cy w h" (fractions)."""

from __future__ import annotations

import math
from pathlib import Path

from drivesim.config import InputError, read_yaml
from drivesim.dataset.importers.labelled import LabelledObject, LabelledPicture, lines_of
from drivesim.dataset.sheets import IMAGES

NAME_FILES = ("classes.txt", "obj.names", "data.yaml", "dataset.yaml")
_SLACK = 0.01  # by which what is rounded may lie outside of the picture


def read_yolo(folder: Path) -> list[LabelledPicture]:
    """The pictures below a folder; those without a text are not labelled, an empty text says that nothing is there.

    Names of the classes are found in the folder, its labels/, or the two around it. InputError names file and line of a fault.
    """
    names = _class_names(folder)
    files = [file for file in sorted(folder.rglob("*")) if file.suffix.lower() in IMAGES]
    pictures = []
    for file in files:
        text = _label_file(file)
        pictures.append(LabelledPicture(file, _objects(text, names) if text.is_file() else None, size=(1.0, 1.0)))
    if not any(picture.objects for picture in pictures):
        example = _label_file(files[0]) if files else folder / "labels" / "NAME.txt"
        raise InputError(f"{folder}: no picture with labels there; they are looked for where {example} would be")
    return pictures


def _label_file(picture: Path) -> Path:
    """Where the labels of a picture are: the last folder called images becomes labels."""
    parts = list(picture.with_suffix(".txt").parts)
    for place in reversed(range(len(parts) - 1)):
        if parts[place] == "images":
            parts[place] = "labels"
            break
    return Path(*parts)


def _class_names(folder: Path) -> dict[int, str]:
    """Names of the classes by their numbers."""
    around = [folder, folder / "labels", *list(folder.resolve().parents)[:2]]
    for file in (place / name for place in around for name in NAME_FILES):
        if file.is_file() and file.suffix == ".yaml":
            names = read_yaml(file).get("names")
            if isinstance(names, list):
                return {number: str(name) for number, name in enumerate(names)}
            if isinstance(names, dict) and all(isinstance(number, int) for number in names):
                return {number: str(name) for number, name in names.items()}
            raise InputError(f"{file}: names: give the names of the classes, a list or by their numbers")
        if file.is_file():
            return {int(place.rpartition(":")[2]) - 1: " ".join(words) for place, words in lines_of(file)}
    raise InputError(f"{folder}: nothing says what its classes are; add a classes.txt, with a name a line")


def _objects(file: Path, names: dict[int, str]) -> tuple[LabelledObject, ...]:
    return tuple(_object(place, words, names) for place, words in lines_of(file))


def _object(place: str, words: list[str], names: dict[int, str]) -> LabelledObject:
    try:
        number, (x, y, width, height) = int(words[0]), map(float, words[1:])
    except ValueError as error:
        raise InputError(f"{place}: {' '.join(words)[:60]!r}: expected five numbers, class cx cy w h (no polygons)") from error
    if number not in names:
        raise InputError(f"{place}: class {number}: there is no such class; there are 0 to {max(names, default=0)}")
    for name, value in (("cx", x), ("cy", y), ("w", width), ("h", height)):
        if not (math.isfinite(value) and -_SLACK <= value <= 1 + _SLACK):
            raise InputError(f"{place}: {name} {value:g}: not a fraction of the picture; divide pixels by its width or height")
    return LabelledObject(names[number], (x - width / 2, y - height / 2, x + width / 2, y + height / 2))
