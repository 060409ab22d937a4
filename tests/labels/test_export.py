"""What is refused, what is streamed, and that nothing half-written looks finished."""

from __future__ import annotations

import json
import os
import signal
import time
import tracemalloc
from dataclasses import replace
from pathlib import Path

import h5py
import pytest
from tiny_rollout import drivesim
from toy_rollout import SCENARIO, labels, write_toy

from drivesim.config import InputError
from drivesim.labels.export import FORMATS, parse_futures, write_export
from drivesim.labels.selection import ExportProgress


def test_the_command_writes_a_folder_and_says_so(toy: Path, tmp_path: Path) -> None:
    code, text = drivesim("export", "coco", toy, "--out", tmp_path / "new" / "out", "--futures", "0", "--stride", "2")
    assert code == 0 and f"wrote {tmp_path / 'new' / 'out'}" in text
    assert len(list((tmp_path / "new" / "out" / "images" / "future-00").iterdir())) == 2
    assert not list((tmp_path / "new").glob("*.part"))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["cocoo", "{toy}"], "did you mean coco?"),
        (["COCO", "{toy}"], "did you mean coco?"),
        (["avi", "{toy}"], "there are coco"),
        (["openscenaro", "{toy}"], "did you mean openscenario?"),
        (["coco", "{toy}/nowhere"], "no such folder"),
        (["coco", "{toy}/future-00"], "holds no rollout"),
        (["coco", "{toy}", "--futures", "0,x"], "--futures 0,x: give numbers of futures, as in 0,2-4"),
        (["coco", "{toy}", "--futures", "5"], "has no future 5, but 0, 1"),
        (["coco", "{toy}", "--stride", "0"], "--stride 0: give a number above 0"),
        (["coco", "{toy}", "--min-visible", "30"], "--min-visible 30: give a number from 0 to 1"),
    ],
)
def test_what_is_wrong_is_said_in_one_sentence(toy: Path, tmp_path: Path, arguments: list[str], words: str) -> None:
    code, text = drivesim("export", *(argument.format(toy=toy) for argument in arguments), "--out", tmp_path / "out")
    assert code == 2 and words in text and len(text.strip().splitlines()) == 1
    assert not list(tmp_path.iterdir())


def test_nothing_is_overwritten(toy: Path, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine.txt").write_text("mine")
    code, text = drivesim("export", "coco", toy, "--out", tmp_path / "out")
    assert code == 2 and "is not empty, and nothing is overwritten" in text
    (tmp_path / "out" / "mine.txt").unlink()
    (tmp_path / "out.part").mkdir()
    assert "stands where the export would be written first" in drivesim("export", "coco", toy, "--out", tmp_path / "out")[1]
    (tmp_path / "out.part").rmdir()
    assert drivesim("export", "coco", toy, "--out", tmp_path / "out")[0] == 0


def test_an_unfinished_future_is_named_with_what_can_be_exported(toy: Path, tmp_path: Path) -> None:
    folder = write_toy(tmp_path / "half", futures=2)
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["futures"]["future-01"] |= {"state": "running", "frames": 2}
    (folder / "manifest.json").write_text(json.dumps(manifest))
    code, text = drivesim("export", "coco", folder, "--out", tmp_path / "out")
    assert code == 2 and "future-01: is not finished (2 of 4 frames)" in text and "--futures 0" in text
    assert drivesim("export", "coco", folder, "--out", tmp_path / "out", "--futures", "0")[0] == 0
    (folder / "future-00" / "video.mp4").unlink()
    assert "is missing; make it again" in drivesim("export", "coco", folder, "--out", tmp_path / "b", "--futures", "0")[1]


def test_a_short_film_is_noticed_and_leaves_nothing(toy: Path, tmp_path: Path) -> None:
    folder = write_toy(tmp_path / "toy", frames=3)
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["job"]["seconds"], manifest["futures"]["future-00"]["frames"] = 4 / 7.5, 4
    (folder / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(InputError, match=r"rollout\.h5: 3 of 4 frames"):
        write_export("coco", folder, tmp_path / "out")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["toy"]


def test_what_nobody_labelled_is_left_out_and_said(tmp_path: Path) -> None:
    free = write_toy(tmp_path / "free", scenario=SCENARIO.replace("traffic: scripted", "traffic: free"))
    told: list[str] = []
    out = write_export("coco", free, tmp_path / "out", say=told.append)
    assert len(json.loads((out / "annotations.json").read_text())["images"]) == 1
    assert len(told) == 1 and "3 of 4 frames are left out, traffic was free" in told[0]


def test_trusted_only_keeps_what_the_film_is_known_to_show(toy: Path, tmp_path: Path) -> None:
    code, _ = drivesim("export", "coco", toy, "--out", tmp_path / "out", "--trusted-only", "--min-visible", "0")
    content = json.loads((tmp_path / "out" / "annotations.json").read_text())
    assert code == 0 and {ann["attributes"]["trust"] for ann in content["annotations"]} == {"shown"}
    assert {ann["category_id"] for ann in content["annotations"]} == {1} and len(content["annotations"]) == 8
    unseen = write_toy(tmp_path / "unseen", rows=[replace(frame, trust=0) for frame in labels()])
    code, text = drivesim("export", "coco", unseen, "--out", tmp_path / "none", "--trusted-only")
    assert code == 2 and "no detector looked" in text and not (tmp_path / "none").exists()


def test_rollouts_of_version_2_have_no_trust(tmp_path: Path) -> None:
    toy = write_toy(tmp_path / "toy")
    with h5py.File(toy / "future-00" / "rollout.h5", "r+") as file:
        rows, attributes = file["boxes"][:], dict(file["boxes"].attrs)
        lengths = dict(zip(file["committed"].attrs["columns"], file["committed"][:], strict=True))
        del file["boxes"], file["detected"], file["committed"], lengths["detected"]
        older = rows[[name for name in rows.dtype.names if name != "trust"]]
        file.create_dataset("boxes", data=older, maxshape=(None,), chunks=(64,)).attrs.update(attributes)
        file.create_dataset("committed", data=list(lengths.values())).attrs["columns"] = list(lengths)
        file.attrs["version"] = 2
    out = write_export("coco", toy, tmp_path / "out", min_visible=0.0)
    annotations = json.loads((out / "annotations.json").read_text())["annotations"]
    assert len(annotations) == 11 and {ann["attributes"]["trust"] for ann in annotations} == {"unknown"}
    with pytest.raises(InputError, match="no detector looked"):
        write_export("coco", toy, tmp_path / "trusted", trusted_only=True)


def test_progress_counts_frames_and_tells_the_time_left(toy: Path, tmp_path: Path) -> None:
    seen: list[ExportProgress] = []
    write_export("coco", toy, tmp_path / "out", on_change=seen.append)
    assert [(one.done, one.total) for one in seen] == [(done, 8) for done in range(1, 9)]
    assert seen[-1].remaining == 0 and ExportProgress(2, 8, 1.0).remaining == 3.0


def test_a_killed_export_never_looks_finished_and_is_made_anew(toy: Path, tmp_path: Path) -> None:
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            write_export("coco", toy, tmp_path / "out", on_change=lambda _: (os.write(writer, b"x"), time.sleep(60)))
        finally:
            os._exit(1)
    assert os.read(reader, 1) == b"x"
    with pytest.raises(InputError, match="another process is writing it"):
        write_export("coco", toy, tmp_path / "out")
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out.part"]
    write_export("coco", toy, tmp_path / "out")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out"]


@pytest.fixture(scope="module")
def lengths(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """The same rollout of three lengths; the first is to warm up."""
    base = tmp_path_factory.mktemp("lengths")
    return [write_toy(base / str(frames), frames=frames, size=(32, 64)) for frames in (4, 30, 240)]


@pytest.mark.parametrize("name", sorted(FORMATS.keys() - {"maps"}))
def test_memory_does_not_grow_with_the_length(lengths: list[Path], tmp_path: Path, name: str) -> None:
    peaks = []
    for rollout in lengths:
        tracemalloc.start()
        write_export(name, rollout, tmp_path / rollout.name)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    blocks = 1_250_000 if name == "mcap" else 250_000  # that are read and written at once; the pictures alone are 1,500,000
    assert peaks[2] < peaks[1] + blocks, "eight times the frames"


def test_lists_of_futures() -> None:
    assert parse_futures("0,2-4, 7") == [0, 2, 3, 4, 7]
    for text in ("", "3-1", "-1", "1-", "a", "0,,1", "9999"):
        with pytest.raises(InputError, match="as in 0,2-4"):
            parse_futures(text)


def test_help_names_every_format() -> None:
    assert all(name in drivesim("export", "--help")[1] for name in FORMATS)
