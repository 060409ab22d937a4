"""COCO: our own exports come back, and faults are named."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import toy_rollout

from drivesim.config import InputError
from drivesim.dataset.clips import ClipStore
from drivesim.dataset.importers.coco import read_coco
from drivesim.labels.export import write_export
from drivesim.video_io import write_image


def test_an_export_comes_back(toy: Path, tmp_path: Path, imported: Callable[..., ClipStore]) -> None:
    store = imported("coco", write_export("coco", toy, tmp_path / "coco", min_visible=0.0))
    assert len(store) == 2 and (store.height, store.width) == (32, 64)
    for frame in range(2):
        found, boxes = store.labels(frame).boxes[0], toy_rollout.boxes(forward=0.5 * frame)
        assert found is not None and found.kind.tolist() == toy_rollout.KINDS.tolist()
        np.testing.assert_allclose(found.box, boxes.box, atol=1e-5)
        assert abs(int(store.pictures(frame).mean()) - (40 + 20 * frame)) <= 1


def data(**changes: object) -> dict[str, object]:
    return {
        "images": [{"id": 7, "file_name": "a.png", "width": 64, "height": 32, "licence": 1}],
        "annotations": [
            {"image_id": 7, "category_id": 3, "bbox": [8, 4, 16, 8]},
            {"image_id": 7, "category_id": 3, "bbox": [0, 0, 64, 32], "iscrowd": 1, "segmentation": {}},
        ],
        "categories": [{"id": 3, "name": "car"}],
        **changes,
    }


def folder(base: Path, values: object, name: str = "annotations/instances_val.json") -> Path:
    (base / name).parent.mkdir(parents=True, exist_ok=True)
    (base / name).write_text(values if isinstance(values, str) else json.dumps(values))
    (base / "val").mkdir(exist_ok=True)
    write_image(base / "val" / "a.png", np.zeros((32, 64, 3), np.uint8))
    return base


def test_the_official_folders_are_found_and_crowds_passed_over(tmp_path: Path) -> None:
    (only,) = read_coco(folder(tmp_path, data()))
    assert only.path == tmp_path / "val" / "a.png" and only.size == (32, 64)
    assert only.objects is not None and [thing.box for thing in only.objects] == [(8, 4, 24, 12)]
    assert read_coco(tmp_path / "annotations" / "instances_val.json") == [only]
    folder(tmp_path, data(), "annotations/instances_train.json")
    with pytest.raises(InputError, match=r"instances_train\.json, .*instances_val\.json: give the one that is meant"):
        read_coco(tmp_path)


@pytest.mark.parametrize(
    ("values", "fault"),
    [
        ("{", r"instances_val\.json: not valid JSON"),
        ([], "Input should be a valid dictionary"),
        (data(categories=[]), r"annotations\.0\.category_id: there is no category 3"),
        (data(images=[]), r"annotations\.0\.image_id: there is no image 7"),
        (data(annotations=[{"image_id": 7, "category_id": 3}]), r"annotations\.0\.bbox: Field required"),
        (data(images=[{"id": 7, "file_name": "b.png", "width": 64, "height": 32}]), r"images\.0\.file_name b\.png: not in"),
    ],
)
def test_faults_are_named_with_their_place(tmp_path: Path, values: object, fault: str) -> None:
    with pytest.raises(InputError, match=fault):
        read_coco(folder(tmp_path, values))


def test_a_folder_without_annotations_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"holds no annotations\.json"):
        read_coco(tmp_path)
