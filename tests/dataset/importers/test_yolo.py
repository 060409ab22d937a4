"""YOLO folders as they are found: texts beside pictures, or labels/ beside images/."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from drivesim.config import InputError
from drivesim.dataset.clips import ClipStore
from drivesim.dataset.importers.yolo import read_yolo
from drivesim.video_io import write_image


def folder(base: Path, texts: dict[str, str | None], names: str = "car\nlight\nbus") -> Path:
    """Pictures of 64x32, of which those with a text have labels."""
    for place in ("train/images", "train/labels"):
        (base / place).mkdir(parents=True, exist_ok=True)
    (base / "classes.txt").write_text(names)
    for name, text in texts.items():
        write_image(base / "train" / "images" / f"{name}.png", np.full((32, 64, 3), 90, np.uint8))
        if text is not None:
            (base / "train" / "labels" / f"{name}.txt").write_text(text)
    return base / "train"


def test_boxes_are_those_of_the_text(tmp_path: Path, imported: Callable[..., ClipStore]) -> None:
    texts = {"a": "2 0.5 0.5 0.5 0.25\n1 0.1 0.1 0.1 0.1\n0 0 0.5 0.5 0.5\n", "b": "", "c": None}
    store = imported("yolo", folder(tmp_path, texts))
    boxes = [store.labels(i).boxes[0] for i in range(3)]
    assert boxes[0] is not None and boxes[0].kind.tolist() == [5, 0]
    np.testing.assert_allclose(boxes[0].box, [[0.25, 0.375, 0.75, 0.625], [0, 0.25, 0.25, 0.75]])
    assert boxes[1] is not None and len(boxes[1]) == 0 and boxes[2] is None
    assert [store.labels(i).source for i in range(3)] == ["images/a.png", "images/b.png", "images/c.png"]


def test_names_stand_in_yaml_too_and_texts_beside_pictures(tmp_path: Path) -> None:
    for text in ("names: [car, bus]", "names:\n  0: car\n  1: bus\n"):
        (tmp_path / "data.yaml").write_text(text)
        write_image(tmp_path / "a.jpg", np.zeros((32, 64, 3), np.uint8))
        (tmp_path / "a.txt").write_text("1 0.5 0.5 0.5 0.5")
        (only,) = read_yolo(tmp_path)
        assert only.objects is not None and [thing.name for thing in only.objects] == ["bus"]
    (tmp_path / "data.yaml").write_text("names: car")
    with pytest.raises(InputError, match="names: give the names"):
        read_yolo(tmp_path)



def test_a_class_is_numbered_by_its_line(tmp_path: Path) -> None:
    place = folder(tmp_path, {"a": "2 0.5 0.5 0.5 0.5"})
    (tmp_path / "classes.txt").replace(place / "labels" / "classes.txt")
    (place / "labels" / "classes.txt").write_text("car\n\nfire engine\n")
    (only,) = read_yolo(place)
    assert only.objects is not None and only.objects[0].name == "fire engine"

@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ("0 0.5 0.5 0.5", r"a\.txt:2: '0 0\.5 0\.5 0\.5': expected five numbers"),
        ("car 0.5 0.5 0.5 0.5", "expected five numbers"),
        ("3 0.5 0.5 0.5 0.5", "class 3: there is no such class; there are 0 to 2"),
        ("0 320 0.5 0.5 0.5", "cx 320: not a fraction of the picture; divide pixels"),
        ("0 0.5 nan 0.5 0.5", "cy nan"),
    ],
)
def test_a_wrong_line_is_named(tmp_path: Path, line: str, fault: str) -> None:
    with pytest.raises(InputError, match=fault):
        read_yolo(folder(tmp_path, {"a": f"0 0.5 0.5 0.5 0.5\n{line}\n"}))


def test_what_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"looked for where .*labels/a\.txt would be"):
        read_yolo(folder(tmp_path, {"a": None}))
    (tmp_path / "classes.txt").unlink()
    with pytest.raises(InputError, match=r"add a classes\.txt"):
        read_yolo(tmp_path / "train")
