"""COCO: one JSON file of images, annotations and categories, and the pictures in a folder beside it."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

from pydantic import Field

from drivesim.config import InputError, Real
from drivesim.dataset.importers.foreign_json import Row, read_foreign
from drivesim.dataset.importers.labelled import LabelledObject, LabelledPicture

PLACES = ("annotations.json", "annotations/instances*.json", "annotations/*.json", "*.json")
"""Where the file of annotations is looked for: the first of these that is there."""


class CocoImage(Row):
    """A picture."""

    id: int
    file_name: str
    width: int = Field(gt=0)
    height: int = Field(gt=0)


class CocoAnnotation(Row):
    """An object in a picture: x, y, width, height in pixels, counted from the edge of the first one."""

    image_id: int
    category_id: int
    bbox: tuple[Real, Real, Real, Real]
    iscrowd: int = 0


class CocoCategory(Row):
    """A class."""

    id: int
    name: str


class CocoFile(Row):
    """What is read of the file."""

    images: list[CocoImage]
    annotations: list[CocoAnnotation]
    categories: list[CocoCategory]


def read_coco(folder: Path) -> list[LabelledPicture]:
    """The pictures of a folder with a file of annotations, or of such a file; all of them are labelled.

    Crowds, which have one box for many, are passed over. InputError names the file and entry of what is wrong.
    """
    file = _annotations_file(folder)
    data = read_foreign(file, CocoFile)
    names, numbers = {category.id: category.name for category in data.categories}, {image.id for image in data.images}
    things: dict[int, list[LabelledObject]] = defaultdict(list)
    for row, annotation in enumerate(data.annotations):
        for number, known, what in ((annotation.image_id, numbers, "image"), (annotation.category_id, names, "category")):
            if number not in known:
                raise InputError(f"{file}: annotations.{row}.{what}_id: there is no {what} {number}; correct the file")
        if not annotation.iscrowd:
            x, y, width, height = annotation.bbox
            things[annotation.image_id].append(LabelledObject(names[annotation.category_id], (x, y, x + width, y + height)))
    base = file.parent.parent if file.parent.name == "annotations" else file.parent
    return [
        LabelledPicture(_picture(file, base, row, image), tuple(things[image.id]), (image.height, image.width))
        for row, image in enumerate(data.images)
    ]


def _annotations_file(folder: Path) -> Path:
    if folder.is_file():
        return folder
    found = next((files for place in PLACES if (files := sorted(folder.glob(place)))), [])
    if len(found) == 1:
        return found[0]
    if found:
        raise InputError(f"{folder}: {', '.join(str(file.relative_to(folder)) for file in found)}: give the one that is meant")
    raise InputError(f"{folder}: holds no annotations.json, nor annotations/instances_NAME.json; give the file itself")


def _picture(file: Path, base: Path, row: int, image: CocoImage) -> Path:
    """Where the picture is: in images/, beside the file, or in a folder of the name of its part, such as train2017/."""
    part = file.stem.removeprefix("instances_")
    places = [base / "images", base, base / part, base / "images" / part, file.parent]
    for place in places:
        if (place / image.file_name).is_file():
            return place / image.file_name
    raise InputError(f"{file}: images.{row}.file_name {image.file_name}: not in {places[0]}, nor {base}; put it there")
