"""Boxes follow the cut and the scale of their picture, and only what is labelled is known."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from drivesim.config import InputError
from drivesim.dataset.importers.labelled import LabelledObject, LabelledPicture, Tally, clip_of, in_frame, lines_of
from drivesim.scene.boxes import Boxes
from drivesim.scene.clip import Clip
from drivesim.scene.vehicles import KINDS
from drivesim.video_io import write_image

RED = (250, 10, 20)


def picture(path: Path, rows: tuple[int, int], columns: tuple[int, int], shape: tuple[int, int]) -> Path:
    """Black, but for a red rectangle."""
    pixels = np.zeros((*shape, 3), np.uint8)
    pixels[slice(*rows), slice(*columns)] = RED
    write_image(path, pixels)
    return path


def clip(thing: LabelledPicture, height: int, tally: Tally | None = None) -> Clip:
    return clip_of(thing, height, {"Car": "sedan", "Bus": "bus"}, "a picture", None, tally or Tally())


def table(made: Clip) -> Boxes:
    (boxes,) = made.labels.boxes
    assert boxes is not None
    return boxes


@pytest.mark.parametrize(
    ("shape", "box", "pixels"),
    [
        ((380, 640), (200, 160, 300, 260), (40, 20, 60, 40)),  # 60 rows above go, five pixels are one
        ((320, 840), (200, 100, 300, 200), (20, 20, 40, 40)),  # 100 columns go on both sides
        ((32, 64), (8, 4, 16, 20), (16, 8, 32, 40)),
    ],
)
def test_a_box_is_round_its_vehicle_after_cut_and_scale(
    tmp_path: Path, shape: tuple[int, int], box: tuple[int, int, int, int], pixels: tuple[int, ...]
) -> None:
    path = picture(tmp_path / "a.png", (box[1], box[3]), (box[0], box[2]), shape)
    made = clip(LabelledPicture(path, (LabelledObject("Car", box),)), 64)
    np.testing.assert_array_equal(table(made).box * [128, 64, 128, 64], [pixels])
    x1, y1, x2, y2 = pixels
    red = (made.frames[0] == RED).all(axis=-1)
    assert red[y1:y2, x1:x2].all() and red.sum() == (y2 - y1) * (x2 - x1)


def test_units_of_boxes_are_those_of_their_size(tmp_path: Path) -> None:
    path = picture(tmp_path / "a.png", (0, 0), (0, 0), (32, 64))
    for size, box in (((1.0, 1.0), (0.25, 0.5, 0.75, 1.0)), ((320, 640), (160, 160, 480, 320)), (None, (16, 16, 48, 32))):
        made = clip(LabelledPicture(path, (LabelledObject("Car", box),), size), 16)  # type: ignore[arg-type]
        np.testing.assert_allclose(table(made).box, [[0.25, 0.5, 0.75, 1.0]])


def test_boxes_are_clipped_and_left_out_where_most_of_them_is_cut_off() -> None:
    corners = np.array([[0, 0, 10, 30], [0, 10, 10, 30], [-30, 40, 10, 60], [0, 100, 10, 110], [5, 50, 5, 60]], np.float64)
    boxes, share = in_frame(corners, 70, 100)  # the rows from 20 on are kept
    np.testing.assert_allclose(share, [1 / 3, 1 / 2, 1, 0, 0])
    np.testing.assert_allclose(boxes[:3], [[0, 0, 0.1, 0.2], [0, 0, 0.1, 0.2], [0, 0.4, 0.1, 0.8]])


def test_what_is_not_labelled_is_unknown(tmp_path: Path) -> None:
    path = picture(tmp_path / "a.png", (0, 0), (0, 0), (32, 64))
    hidden = LabelledObject("Bus", (30, 0, 60, 30), visible=0.2)
    things = (LabelledObject("Car", (0, 0, 20, 20)), hidden, LabelledObject("Tree", (0, 0, 1, 1)))
    tally = Tally()
    labels = clip(LabelledPicture(path, things), 32, tally).labels
    (boxes,) = labels.boxes
    assert boxes is not None and [KINDS[kind] for kind in boxes.kind] == ["sedan", "bus"]
    assert np.isnan(boxes.cuboid).all() and np.isnan(boxes.paint).all() and np.isnan(boxes.heading).all()
    assert np.isnan(boxes.visible[0]) and boxes.visible[1] == np.float32(0.2) and set(boxes.lamps) == {255}
    assert labels.crowdedness.tolist() == [1], "who is mostly hidden does not count, who is not said to be does"
    assert labels.time_of_day is labels.road is labels.camera is labels.pose is labels.roadside is labels.caption is None
    assert clip(LabelledPicture(path, ()), 32, tally).labels.crowdedness.tolist() == [0]
    unlabelled = clip(LabelledPicture(path, None), 32, tally).labels
    assert unlabelled.boxes == (None,) and np.isnan(unlabelled.crowdedness).all()
    assert tally.vehicles == 2 and tally.others == {"Tree": 1} and tally.unlabelled == 1
    assert "Tree (1); give --kinds" in "\n".join(tally.lines())


def test_what_is_no_text_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match=r"a\.txt: cannot be read as text"):
        list(lines_of(tmp_path / "a.txt"))
    (tmp_path / "b.txt").write_text("\n1 2\n")
    assert [words for _, words in lines_of(tmp_path / "b.txt")] == [["1", "2"]]
    assert next(lines_of(tmp_path / "b.txt"))[0].endswith("b.txt:2")
