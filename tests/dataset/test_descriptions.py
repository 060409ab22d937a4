"""A stranger with h5py alone, or pandas, understands a clip store."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest

from drivesim.dataset.clips import ClipStore, ClipWriter
from drivesim.dataset.descriptions import TABLES
from drivesim.scene.clip import Clip
from drivesim.tables import create_file
from drivesim.world.generator import generate_clip


@pytest.fixture(scope="module")
def clip() -> Clip:
    return generate_clip(3, 3, 7.5, 32, 64, depth=True)


@pytest.fixture
def store(tmp_path: Path, clip: Clip) -> Path:
    with ClipWriter(tmp_path / "clips.h5", {"seed": 3}) as writer:
        writer.append(clip)
        writer.append(clip)
    return tmp_path / "clips.h5"


def test_everything_in_it_says_what_it_is(store: Path) -> None:
    with h5py.File(store) as file:
        assert "FRACTIONS of the frame" in file.attrs["about"] and file.attrs["written_by"].startswith("drivesim ")
        assert (file.attrs["kind"], file.attrs["version"]) == ("drivesim clips", 3)
        assert set(file) == set(TABLES) | {"committed"}
        assert list(file["committed"].attrs["columns"]) == sorted(TABLES)
        for name, data in file.items():
            assert data.attrs["description"].endswith("."), name
            if data.dtype.names:
                assert list(data.attrs["columns"]) == list(data.dtype.names), name
            elif data.ndim == 2:
                assert len(data.attrs["columns"]) == data.shape[1], name
            if name != "committed" and "columns" in data.attrs:
                assert len(data.attrs["units"]) == len(data.attrs["columns"]) and all(data.attrs["units"]), name
        units = dict(zip(file["boxes"].attrs["columns"], file["boxes"].attrs["units"], strict=True))
        assert units["x1"].startswith("fraction of the frame's width") and units["yaw"] == "rad" and units["length"] == "m"


def test_labels_are_found_with_h5py_alone(store: Path, clip: Clip) -> None:
    with h5py.File(store) as file:
        kinds = json.loads(file.attrs["kinds"])
        start, stop = file["clips"][0]["end"], file["clips"][1]["end"]
        times_of_day = json.loads(file.attrs["times_of_day"])
        assert stop - start == 3 and times_of_day[file["clips"][0]["time_of_day"]] == clip.labels.time_of_day
        speed = list(file["ego"].attrs["columns"]).index("speed")
        np.testing.assert_array_equal(file["ego"][start:stop, speed], clip.labels.ego.speed)
        np.testing.assert_array_equal(file["frames"][start:stop], clip.frames)
        frame = start + 1
        rows, truth = file["boxes"][file["box_end"][frame - 1] : file["box_end"][frame]], clip.labels.boxes[1]
        assert truth is not None and len(truth)
        for name, column in zip(("x1", "y1", "x2", "y2"), truth.box.T, strict=True):
            np.testing.assert_array_equal(rows[name], column)
        for name, column in zip(("x", "y", "z", "length", "width", "height", "yaw"), truth.cuboid.T, strict=True):
            np.testing.assert_array_equal(rows[name], column)
        for name, column in zip(("red", "green", "blue"), truth.paint.T, strict=True):
            np.testing.assert_array_equal(rows[name], column)
        assert [kinds[k] for k in rows["kind"]] and np.array_equal(rows["lamps"], truth.lamps)


def test_pandas_opens_what_is_a_table(store: Path) -> None:
    pandas = pytest.importorskip("pandas")
    with h5py.File(store) as file:
        for name in ("boxes", "labels", "clips", "roadsides"):
            table = pandas.DataFrame(file[name][:])
            assert list(table.columns) == list(file[name].attrs["columns"]) and len(table) == len(file[name])
        for name in ("ego", "pose"):
            table = pandas.DataFrame(file[name][:], columns=file[name].attrs["columns"])
            assert len(table) == 6


def test_stores_whose_boxes_are_in_one_piece_are_read_and_go_on(
    tmp_path: Path, clip: Clip, monkeypatch: pytest.MonkeyPatch, make_clip: Callable[..., Clip]
) -> None:
    from drivesim.dataset import clips, label_tables

    path = tmp_path / "older.h5"
    monkeypatch.setattr(clips, "BOX_COLUMNS", label_tables.BOX_ROW)
    monkeypatch.setattr(clips, "describe", lambda file: None)
    with ClipWriter(path) as writer:
        writer.append(clip)
    monkeypatch.undo()
    with ClipWriter(path) as writer:
        writer.append(clip)
    for i in (0, 1):
        table, truth = ClipStore(path).read(i).labels.boxes[0], clip.labels.boxes[0]
        assert table is not None and truth is not None
        np.testing.assert_array_equal(table.box, truth.box)
        np.testing.assert_array_equal(table.lamps, truth.lamps)


def test_any_file_of_tables_names_what_its_lengths_are_of(tmp_path: Path) -> None:
    create_file(tmp_path / "f.h5", "x", 1, lambda file: None)
    with h5py.File(tmp_path / "f.h5") as file:
        assert list(file["committed"].attrs["columns"]) == []
