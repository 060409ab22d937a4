"""A second of video has thirty labelled frames in every format, and each format tells of the same vehicles."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from mcap.reader import make_reader
from tiny_rollout import drivesim
from toy_rollout import SCENARIO, write_toy

from drivesim.engine.future import FutureSpec, Prompt
from drivesim.engine.timeline import Timeline
from drivesim.labels.export import FORMATS
from drivesim.labels.finished_rollout import FinishedRollout
from drivesim.rollout.labels.frames import future_labels
from drivesim.scenario.file import load_scenario


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a rollout of 1 s at 30 fps, whose labels are those of its scenario, and its exports."""
    base = tmp_path_factory.mktemp("second")
    (base / "scenario.yaml").write_text(SCENARIO)
    prompt = Prompt.of(load_scenario(base / "scenario.yaml"))
    rows = list(future_labels(FutureSpec(prompt, Timeline.of(1, 30), 3, 0), 1.0))
    write_toy(base / "rollout", frames=30, fps=30, rows=rows, size=(32, 64))
    for name in FORMATS:
        code, text = drivesim("export", name, base / "rollout", "--out", base / name)
        assert code == 0, text
    return base


def test_a_second_has_thirty_labelled_frames(exported: Path) -> None:
    coco = json.loads((exported / "coco" / "annotations.json").read_text())
    assert len(coco["images"]) == 30 and {ann["image_id"] for ann in coco["annotations"]} == set(range(1, 31))
    for place in ("object/training/label_2", "tracking/training/image_02/0000"):
        assert len(list((exported / "kitti" / place).iterdir())) == 30
    assert len(json.loads((exported / "nuscenes" / "v1.0-drivesim" / "sample.json").read_text())) == 30
    assert len(json.loads((exported / "openlabel" / "future-00" / "labels.json").read_text())["openlabel"]["frames"]) == 30
    assert len(list((exported / "maps" / "future-00" / "instance").iterdir())) == 30
    with (exported / "mcap" / "future-00.mcap").open("rb") as file:
        summary = make_reader(file).get_summary()
    assert summary is not None and summary.statistics is not None
    counts = {summary.channels[number].topic: count for number, count in summary.statistics.channel_message_counts.items()}
    assert counts["/camera/image"] == counts["/camera/annotations"] == counts["/vehicles"] == 30


def test_formats_agree_on_how_many_vehicles_there_are(exported: Path) -> None:
    (future,) = FinishedRollout.open(exported / "rollout").futures
    expected = sum(len(frame.boxes) for frame in future.labelled_frames(min_visible=0.1, pictures=False))
    coco = len(json.loads((exported / "coco" / "annotations.json").read_text())["annotations"])
    kitti = len((exported / "kitti" / "tracking" / "training" / "label_02" / "0000.txt").read_text().splitlines())
    nuscenes = len(json.loads((exported / "nuscenes" / "v1.0-drivesim" / "sample_annotation.json").read_text()))
    frames = json.loads((exported / "openlabel" / "future-00" / "labels.json").read_text())["openlabel"]["frames"]
    assert [coco, kitti, nuscenes, sum(len(frame["objects"]) for frame in frames.values())] == [expected] * 4 and expected >= 60
