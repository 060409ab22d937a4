"""nuScenes exports: all tokens and links lead somewhere, values are those computed by hand, and nuscenes-devkit loads them."""

from __future__ import annotations

import json
import os
import subprocess
import venv
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rotation import matrix_of

from drivesim.labels.export import write_export
from drivesim.video_io import read_image

TABLES = (
    "attribute", "calibrated_sensor", "category", "ego_pose", "instance", "log", "map", "sample", "sample_annotation",
    "sample_data", "scene", "sensor", "visibility",
)  # fmt: skip
Tables = dict[str, dict[str, dict[str, Any]]]


@pytest.fixture(scope="module")
def folder(toy: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_export("nuscenes", toy, tmp_path_factory.mktemp("nuscenes") / "out", min_visible=0.0)


def read(folder: Path) -> Tables:
    """Rows by token by table."""
    tables: Tables = {}
    for name in TABLES:
        rows = json.loads((folder / "v1.0-drivesim" / f"{name}.json").read_text())
        tables[name] = {row["token"]: row for row in rows}
        assert len(tables[name]) == len(rows), f"{name}: a token twice"
    return tables


@pytest.fixture(scope="module")
def tables(folder: Path) -> Tables:
    return read(folder)


def test_every_token_leads_to_its_row(tables: Tables, folder: Path) -> None:
    for rows in tables.values():
        for row in rows.values():
            for key, value in row.items():
                if key.endswith("_token"):
                    table = key.removesuffix("_token").removeprefix("first_").removeprefix("last_")
                    table = {"annotation": "sample_annotation"}.get(table, table)
                    assert value in tables[table], key
    for row in tables["map"].values():
        assert set(row["log_tokens"]) == set(tables["log"]) and (folder / row["filename"]).is_file()
    for row in tables["sample_annotation"].values():
        assert set(row["attribute_tokens"]) <= set(tables["attribute"])
    for row in tables["sample_data"].values():
        assert read_image(folder / row["filename"]).shape == (row["height"], row["width"], 3)
        assert tables["ego_pose"][row["ego_pose_token"]]["timestamp"] == row["timestamp"]


@pytest.mark.parametrize("name", ["sample", "sample_data", "sample_annotation"])
def test_links_are_chains_both_ways(tables: Tables, name: str) -> None:
    rows = tables[name]
    for row in rows.values():
        assert not row["next"] or rows[row["next"]]["prev"] == row["token"]
        assert not row["prev"] or rows[row["prev"]]["next"] == row["token"]
    starts = [row for row in rows.values() if not row["prev"]]
    assert len(starts) == {"sample": 2, "sample_data": 2, "sample_annotation": 6}[name]


def chain(rows: dict[str, dict[str, Any]], first: str) -> list[dict[str, Any]]:
    found = [rows[first]]
    while found[-1]["next"]:
        found.append(rows[found[-1]["next"]])
    return found


def test_scenes_and_instances_know_their_ends(tables: Tables) -> None:
    for scene in tables["scene"].values():
        samples = chain(tables["sample"], scene["first_sample_token"])
        assert len(samples) == scene["nbr_samples"] == 4 and samples[-1]["token"] == scene["last_sample_token"]
        day = 86_400_000_000 * int(scene["name"][-1])
        assert [sample["timestamp"] - day for sample in samples] == [0, 133333, 266667, 400000]
    counts = []
    for instance in tables["instance"].values():
        rows = chain(tables["sample_annotation"], instance["first_annotation_token"])
        counts.append(len(rows))
        assert len(rows) == instance["nbr_annotations"] and rows[-1]["token"] == instance["last_annotation_token"]
        assert {row["instance_token"] for row in rows} == {instance["token"]}
    assert sorted(counts) == [3, 3, 4, 4, 4, 4]


def annotations(tables: Tables, category: str) -> list[dict[str, Any]]:
    """Those of the first scene's first vehicle of a category."""
    scene = next(iter(tables["scene"].values()))
    sample = scene["first_sample_token"]
    for row in tables["sample_annotation"].values():
        instance = tables["instance"][row["instance_token"]]
        if row["sample_token"] == sample and tables["category"][instance["category_token"]]["name"] == category:
            return chain(tables["sample_annotation"], row["token"])
    raise AssertionError(category)


def test_values_are_those_computed_by_hand(tables: Tables) -> None:
    """The ego drives 2 m a frame; the sedan is 20 m ahead, and half a metre nearer each frame: it drives 1.5 m a frame."""
    sedan, truck = annotations(tables, "vehicle.car"), annotations(tables, "vehicle.truck")
    assert [row["translation"] for row in sedan] == [[20 + 1.5 * frame, 0, 0.75] for frame in range(4)]
    assert sedan[0]["size"] == [2, 4, 1.5] and sedan[0]["rotation"] == [1, 0, 0, 0]  # width before length
    assert truck[0]["translation"] == [4, 4, 1.5] and len(truck) == 3
    levels = [tables["visibility"][row[0]["visibility_token"]]["level"] for row in (sedan, truck)]
    assert levels == ["v80-100", "v0-40"], "half of the truck is hidden, and more than half is outside of the frame"
    names = {tables["attribute"][name]["name"] for row in sedan for name in row["attribute_tokens"]}
    assert names == {"vehicle.moving"} and all(row["attribute_tokens"] for row in sedan)


def test_the_sensor_sees_the_vehicle_where_it_is(tables: Tables) -> None:
    (sensor, *_) = tables["calibrated_sensor"].values()
    np.testing.assert_allclose(sensor["camera_intrinsic"], [[128, 0, 127.5], [0, 128, 63.5], [0, 0, 1]])
    assert sensor["translation"] == [0, 0, 1.5]
    axes = matrix_of(np.array(sensor["rotation"]))
    u, v, w = np.array(sensor["camera_intrinsic"]) @ axes.T @ (np.array([18.0, -1.0, 0.0]) - sensor["translation"])
    np.testing.assert_allclose([u / w, v / w], [127.5 + 128 / 18, 63.5 + 128 * 1.5 / 18])


def test_two_rollouts_do_not_share_tokens(tables: Tables, toy: Path, tmp_path: Path) -> None:
    manifest = json.loads((toy / "manifest.json").read_text())
    manifest["job"]["seed"] = 4
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "manifest.json").write_text(json.dumps(manifest))
    (tmp_path / "other" / "future-00").symlink_to(toy / "future-00")
    (tmp_path / "other" / "future-01").symlink_to(toy / "future-01")
    other = read(write_export("nuscenes", tmp_path / "other", tmp_path / "out"))
    for name in ("scene", "sample", "sample_annotation", "instance", "ego_pose"):
        assert not set(tables[name]) & set(other[name])


@pytest.mark.slow
def test_the_development_kit_loads_it(folder: Path, tmp_path: Path) -> None:
    """In a Python of its own: the kit wants a NumPy before 2."""
    venv.create(tmp_path / "kit", with_pip=True)
    python = tmp_path / "kit" / "bin" / "python"
    subprocess.run([python, "-m", "pip", "install", "--quiet", "nuscenes-devkit==1.2.0"], check=True)
    script = Path(__file__).with_name("read_nuscenes.py")
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"} | {"MPLBACKEND": "agg"}
    done = subprocess.run([python, script, folder], capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr[-2000:]
    frames = json.loads(done.stdout.partition("RESULT")[2])
    assert len(frames) == 8 and [frame["time"] for frame in frames[:4]] == [0, 133333, 266667, 400000]
    sedan = next(box for box in frames[1]["boxes"] if box["name"] == "vehicle.car")
    np.testing.assert_allclose(sedan["centre"], [0, 0.75, 19.5], atol=1e-6)  # right, down, forward of the camera
    np.testing.assert_allclose(sedan["velocity"], [1.5 * 7.5, 0, 0], atol=1e-3)
    left, down = 128 / 17.5, 128 * 1.5 / 17.5
    np.testing.assert_allclose(sedan["corners"], [127.5 - left, 63.5, 127.5 + left, 63.5 + down], atol=2e-3)
