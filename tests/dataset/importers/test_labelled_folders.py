"""Folders become stores; what was interrupted goes on."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from drivesim.config import InputError
from drivesim.dataset.clips import ClipStore
from drivesim.dataset.importers.labelled_folders import import_labelled
from drivesim.video_io import write_image


def folder(base: Path, pictures: int = 3) -> Path:
    (base / "classes.txt").write_text("car\ntree")
    for number in range(pictures):
        write_image(base / f"{number}.png", np.full((32, 64, 3), 40 * number, np.uint8))
        (base / f"{number}.txt").write_text("0 0.5 0.5 0.5 0.5\n1 0.5 0.5 0.5 0.5\n")
    return base


def test_what_a_broken_picture_interrupted_goes_on(tmp_path: Path) -> None:
    place, out, said = tmp_path / "pictures", tmp_path / "store.h5", list[str]()
    place.mkdir()
    folder(place)
    whole = (place / "1.png").read_bytes()
    (place / "1.png").write_bytes(whole[:20])
    with pytest.raises(InputError, match=r"1\.png"):
        import_labelled(out, place, "yolo", 16, {}, None, said.append)
    (place / "1.png").write_bytes(whole)
    for _ in range(2):
        assert import_labelled(out, place, "yolo", 16, {}, None, said.append) == 3
    store = ClipStore(out)
    assert [int(store.pictures(i).mean()) for i in range(3)] == [0, 40, 80]
    assert [store.labels(i).crowdedness.tolist() for i in range(3)] == [[1]] * 3
    store.close()
    assert said.count("in the 2 pictures that were still to be read:") == said.count("vehicles: 2") == 1
    assert any("tree (2)" in line for line in said)
    with pytest.raises(InputError, match="was made with"):
        import_labelled(out, place, "yolo", 16, {"car": "bus"}, None, said.append)


def test_what_cannot_be_imported_is_said(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="--labels voc: give yolo, coco, kitti or nuscenes"):
        import_labelled(tmp_path / "a.h5", folder(tmp_path), "voc", 16, {}, None, print)
    with pytest.raises(InputError, match="no such folder"):
        import_labelled(tmp_path / "a.h5", tmp_path / "nowhere", "yolo", 16, {}, None, print)
    assert not (tmp_path / "a.h5").exists()
