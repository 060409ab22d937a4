"""COCO exports, read back by pycocotools."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from drivesim.labels.export import write_export
from drivesim.video_io import read_image

COCO = pytest.importorskip("pycocotools.coco").COCO


@pytest.fixture(scope="module")
def folder(toy: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_export("coco", toy, tmp_path_factory.mktemp("coco") / "out", min_visible=0.0)


def test_pycocotools_reads_it_and_finds_its_own_boxes(folder: Path) -> None:
    from pycocotools.cocoeval import COCOeval

    truth = COCO(str(folder / "annotations.json"))
    assert len(truth.getImgIds()) == 8 and len(truth.getAnnIds()) == 2 * (3 * 3 + 2)
    assert [cat["name"] for cat in truth.loadCats(truth.getCatIds())] == ["sedan", "hatchback", "suv", "van", "truck", "bus"]
    found = [{key: ann[key] for key in ("image_id", "category_id", "bbox")} | {"score": 0.9} for ann in truth.anns.values()]
    evaluation = COCOeval(truth, truth.loadRes(found), "bbox")
    evaluation.evaluate()
    evaluation.accumulate()
    evaluation.summarize()
    assert evaluation.stats[0] == pytest.approx(1.0)


def test_values_are_those_computed_by_hand(folder: Path) -> None:
    truth = COCO(str(folder / "annotations.json"))
    image = truth.loadImgs([2])[0]
    assert (image["file_name"], image["width"], image["height"]) == ("future-00/000001.jpg", 256, 128)
    assert image["time_s"] == pytest.approx(1 / 7.5) and image["frame_index"] == 1
    sedan, truck, hidden = truth.loadAnns(truth.getAnnIds(imgIds=[1]))
    # Focal length 128 px; the rear at 18 m, 1 m to each side, from the road (1.5 m below the camera) to the camera's height.
    left, down = 128 * 1 / 18, 128 * 1.5 / 18
    assert sedan["bbox"] == pytest.approx([128 - left, 64, 2 * left, down], abs=2e-3)
    assert sedan["area"] == pytest.approx(2 * left * down, rel=1e-3)
    # The truck's right side, 3 m to the left, is furthest right at its front, 6 m ahead; its box ends at the frame's edges.
    assert truck["bbox"][0] == 0 and truck["bbox"][0] + truck["bbox"][2] == pytest.approx(128 - 128 * 3 / 6, abs=2e-3)
    assert (sedan["category_id"], truck["category_id"], hidden["category_id"]) == (1, 5, 3)
    assert sedan["attributes"]["lamps"] == ["brake", "tail"] and sedan["attributes"]["paint"] == "#ff0033"
    assert "lamps" not in truck["attributes"] and "paint" not in truck["attributes"]
    assert sedan["attributes"]["cuboid"] == [20, 0, 0.75, 4, 2, 1.5, 0]
    assert (sedan["attributes"]["visible"], truck["attributes"]["visible"], hidden["attributes"]["visible"]) == (1, 0.5, 0)
    assert sedan["attributes"]["truncated"] == 0 and 0.5 < truck["attributes"]["truncated"] < 1
    assert (sedan["attributes"]["source"], truck["attributes"]["source"]) == ("asked", "traffic")


def test_tracks_go_through_a_future_and_not_into_another(folder: Path) -> None:
    truth = COCO(str(folder / "annotations.json"))
    by_track: dict[int, set[tuple[int, int]]] = {}
    for ann in truth.dataset["annotations"]:
        assert ann["attributes"]["track_id"] == ann["track_id"]
        image = truth.imgs[ann["image_id"]]
        by_track.setdefault(ann["track_id"], set()).add((image["video_id"], ann["category_id"]))
    assert len(by_track) == 6 and all(len(seen) == 1 for seen in by_track.values())


def test_pictures_are_those_of_the_film(folder: Path) -> None:
    for name, grey in (("future-00/000000", 40), ("future-00/000003", 100), ("future-01/000002", 130)):
        picture = read_image(folder / "images" / f"{name}.jpg")
        assert picture.shape == (128, 256, 3) and np.abs(picture.astype(int) - grey).max() <= 3


def test_stride_futures_and_visibility_select(toy: Path, tmp_path: Path) -> None:
    out = write_export("coco", toy, tmp_path / "out", futures=[1], stride=2, min_visible=0.6)
    truth = json.loads((out / "annotations.json").read_text())
    assert [image["file_name"] for image in truth["images"]] == ["future-01/000000.jpg", "future-01/000002.jpg"]
    assert {ann["category_id"] for ann in truth["annotations"]} == {1}
    about = json.loads((out / "export.json").read_text())
    assert about["futures"] == [1] and about["frames"] == 2 and about["stride"] == 2 and about["seed"] == 3
