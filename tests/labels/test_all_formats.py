"""A second of video has thirty labelled frames in every format, all tell of the same vehicles, and their clients read them."""

from __future__ import annotations

import json
import os
import subprocess
import venv
from pathlib import Path

import numpy as np
import pytest
from mcap.reader import make_reader
from mcap_protobuf.decoder import DecoderFactory
from tiny_cascade import SCENARIO as TINY
from tiny_cascade import SETTINGS
from tiny_rollout import drivesim
from toy_rollout import SCENARIO, write_toy

from drivesim.engine.future import FutureSpec, Prompt
from drivesim.engine.settings import SamplingSettings
from drivesim.engine.timeline import Timeline
from drivesim.labels.export import FORMATS
from drivesim.labels.finished_rollout import FinishedRollout
from drivesim.rollout.labels.frames import future_labels
from drivesim.scenario.file import load_scenario
from drivesim.video_io import read_image


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


@pytest.mark.slow
def test_every_client_reads_a_rollout(tmp_path: Path, checkpoints: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A rollout as commands make it, of two futures, is exported in all formats, each read by the library its users have."""
    coco_library, jsonschema = pytest.importorskip("pycocotools.coco"), pytest.importorskip("jsonschema")
    monkeypatch.setattr(SamplingSettings, "preset", classmethod(lambda cls, quality: SETTINGS))
    (tmp_path / "scenario.yaml").write_text(TINY)
    options = ("--seconds", "1", "--fps", "30", "--device", "cpu", "--checkpoints", checkpoints)
    code, text = drivesim("rollout", tmp_path / "scenario.yaml", "--out", tmp_path / "rollout", *options)
    assert code == 0, text
    for name in FORMATS:
        code, text = drivesim("export", name, tmp_path / "rollout", "--out", tmp_path / name, "--min-visible", "0")
        assert code == 0, text
    coco = coco_library.COCO(str(tmp_path / "coco" / "annotations.json"))
    frames = 2 * 30
    assert len(coco.getImgIds()) == frames and coco.getAnnIds()
    lines = [np.loadtxt(file, dtype=str, ndmin=2) for file in (tmp_path / "kitti/object/training/label_2").glob("*.txt")]
    assert len(lines) == frames and {rows.shape[1] for rows in lines if rows.size} == {15}
    part = json.loads((Path(__file__).parent / "formats" / "openlabel_part.json").read_text())
    for future in ("future-00", "future-01"):
        jsonschema.validate(json.loads((tmp_path / "openlabel" / future / "labels.json").read_text()), part)
        with (tmp_path / "mcap" / f"{future}.mcap").open("rb") as file:
            reader = make_reader(file, decoder_factories=[DecoderFactory()])
            pictures = list(reader.iter_decoded_messages(["/camera/image"]))
        assert len(pictures) == 30 and pictures[0].decoded_message.data
        assert read_image(sorted((tmp_path / "maps" / future / "instance").iterdir())[29]).shape[:2] == (64, 128)
    venv.create(tmp_path / "kit", with_pip=True)
    python = tmp_path / "kit" / "bin" / "python"
    subprocess.run([python, "-m", "pip", "install", "--quiet", "nuscenes-devkit==1.2.0"], check=True)
    script = Path(__file__).parent / "formats" / "read_nuscenes.py"
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"} | {"MPLBACKEND": "agg"}
    done = subprocess.run([python, script, tmp_path / "nuscenes"], capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr[-2000:]
    seen = json.loads(done.stdout.partition("RESULT")[2])
    assert len(seen) == frames and 0 < sum(len(frame["boxes"]) for frame in seen) <= len(coco.getAnnIds())
