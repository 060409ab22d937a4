"""Nothing is removed before its replacement can be made, and a folder needs nothing from outside."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import h5py
import numpy as np
import pytest

from tiny_rollout import drivesim  # isort: skip  (finds the two below)
from outcome import results
from tiny_cascade import SCENARIO, SETTINGS, write_cascade

from drivesim.checksums import SUMS, file_hash, write_sums
from drivesim.engine.settings import SamplingSettings
from drivesim.rollout import disk
from drivesim.rollout.future_folder import FutureFolder
from drivesim.video_io import write_image

Roll = Callable[..., tuple[int, str]]
Change = Callable[[Path, Path], None]
pytestmark = pytest.mark.usefixtures("tiny_presets")


def everything(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def damage(file: Path) -> None:
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 255
    file.write_bytes(data)


def write_scenario(folder: Path) -> Path:
    """A scenario that starts from a photo, in a folder of its own."""
    folder.mkdir()
    write_image(folder / "street.PNG", np.random.default_rng(0).integers(0, 255, (60, 140, 3), np.uint8))
    (folder / "photo.yaml").write_text(SCENARIO + "photo: street.PNG\n")
    return folder / "photo.yaml"


@pytest.fixture(scope="module")
def rolled(checkpoints: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A rollout of it, one future of 1 s; what it was made from, `scenarios` beside it, is gone."""
    out = (folder := tmp_path_factory.mktemp("rolled")) / "out"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(SamplingSettings, "preset", classmethod(lambda cls, quality: SETTINGS))
        options = ("--seconds", "1", "--futures", "1", "--checkpoints", checkpoints, "--device", "cpu")
        code, said = drivesim("rollout", write_scenario(folder / "scenarios"), "--out", out, *options)
    assert code == 0, said
    shutil.rmtree(folder / "scenarios")
    return out


@pytest.fixture
def scenario(rolled: Path) -> Iterator[Path]:
    """The scenario where that rollout found it."""
    yield write_scenario(folder := rolled.parent / "scenarios")
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def out(rolled: Path, tmp_path: Path) -> Path:
    """A folder of one's own with it."""
    return Path(shutil.copytree(rolled, tmp_path / "out"))


# What --fresh and --repair do not take before there is something better.

def weights_damaged(weights: Path, scenario: Path) -> None:
    damage(weights / "video-ldm" / "weights.safetensors")


def weights_gone(weights: Path, scenario: Path) -> None:
    shutil.rmtree(weights / "super-resolution")


def photo_gone(weights: Path, scenario: Path) -> None:
    (scenario.parent / "street.PNG").unlink()


@pytest.mark.parametrize(
    ("change", "options", "words"),
    [
        (weights_damaged, (), "weights.safetensors: is not what was written"),
        (weights_gone, (), "super-resolution: no checkpoint"),
        (photo_gone, (), "street.PNG"),
        (None, ("--device", "mps"), "--device mps"),
        (None, ("--seconds", "nan"), "seconds: nan"),
        (None, ("--seconds", "80000"), "are free; free some"),
    ],
)
def test_fresh_tries_everything_before_the_old_rollout_goes(
    roll_one: Roll, scenario: Path, tmp_path: Path, out: Path, checkpoints: Path, change: Change | None, options: tuple[str, ...],
    words: str, monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    shutil.copytree(checkpoints, weights := tmp_path / "weights")
    before = everything(out)
    if change is not None:
        change(weights, scenario)
    monkeypatch.setattr(disk, "BYTES_A_PIXEL", 1e6 if "80000" in options else disk.BYTES_A_PIXEL)
    code, said = roll_one(scenario, out, "--fresh", *options, weights=weights)
    assert code == 2 and words in said, said
    assert everything(out) == before


def other_weights(tmp_path: Path) -> tuple[str, ...]:
    return ("--checkpoints", str(write_cascade(tmp_path / "others", seed=3)))


def no_weights(tmp_path: Path) -> tuple[str, ...]:
    return ("--checkpoints", str(tmp_path / "nowhere"))


@pytest.mark.parametrize("weights", [other_weights, no_weights])
@pytest.mark.parametrize("name", ["future-00/video.mp4", "future-00/rollout.h5", "initial.png"])
def test_repair_keeps_what_it_cannot_make_and_makes_the_rest(
    scenario: Path, out: Path, tmp_path: Path, weights: Callable[[Path], tuple[str, ...]], name: str, checkpoints: Path
) -> None:
    whole = everything(out)
    for damaged in (name, "scenario.yaml", SUMS):
        damage(out / damaged)
    before = everything(out)
    code, said = drivesim("doctor", out, "--repair", *weights(tmp_path))
    assert code == 2 and f"{name}: cannot be made again, what is there stays" in said, said
    after = everything(out)
    assert after[name] == before[name] and after["scenario.yaml"] == whole["scenario.yaml"]
    assert {file for file in whole if after[file] != whole[file]} == {name}
    code, said = drivesim("doctor", out, "--repair", "--checkpoints", checkpoints)
    assert code == 0 and everything(out)[name] == whole[name], said


def test_repair_says_that_a_device_is_not_here(scenario: Path, out: Path, checkpoints: Path) -> None:
    text = (out / "manifest.json").read_text().replace('"device": "cpu"', '"device": "mps"', 1)
    (out / "manifest.json").write_text(text)
    sums = json.loads(text)["files"] | {"manifest.json": file_hash(out / "manifest.json")}
    write_sums(out / SUMS, sums)
    damage(out / "future-00" / "video.mp4")
    before = everything(out)
    code, said = drivesim("doctor", out, "--repair", "--checkpoints", checkpoints)
    assert code == 2 and "future-00/video.mp4: cannot be made again" in said and "mps" in said, said
    assert everything(out) == before


# A folder that stands alone.

@pytest.mark.parametrize("name", ["future-00/video.mp4", "initial.png", "scenario.yaml", "photo.png"])
def test_a_finished_folder_is_mended_without_what_it_was_made_from(
    scenario: Path, out: Path, tmp_path: Path, checkpoints: Path, name: str
) -> None:
    assert (out / "photo.png").read_bytes() == (scenario.parent / "street.PNG").read_bytes()
    out = out.rename(tmp_path / "elsewhere")
    made = results(out)
    damage(out / name)
    if name != "photo.png":
        shutil.rmtree(scenario.parent)
    code, said = drivesim("doctor", out, "--repair", "--checkpoints", checkpoints)
    assert code == 0, said
    if name == "scenario.yaml":  # its words are lost, not what it means
        assert "photo: " in (out / name).read_text() and "ahead: 14" in (out / name).read_text()
        made.pop(name)
    assert made.items() <= results(out).items()


@pytest.mark.parametrize("source", ["the scenario, moved", "the folder's own"])
def test_an_unfinished_folder_goes_on_elsewhere(
    roll_one: Roll, scenario: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: str
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("the end")

    keys = ("--fps", "1.875")
    roll_one(scenario, tmp_path / "whole", *keys, seconds="6")
    with monkeypatch.context() as patch, pytest.raises(RuntimeError):
        patch.setattr(FutureFolder, "finish", broken)
        roll_one(scenario, tmp_path / "out", *keys, seconds="6")
    out = (tmp_path / "out").rename(tmp_path / "elsewhere")
    shutil.move(scenario.parent, away := tmp_path / "away")
    code, said = roll_one(out / "scenario.yaml" if "own" in source else away / scenario.name, out, *keys, seconds="6")
    assert code == 0 and results(out) == results(tmp_path / "whole"), said
    assert drivesim("doctor", out)[0] == 0


def test_what_a_folder_keeps_can_be_used_for_another(
    roll_one: Roll, scenario: Path, out: Path, tmp_path: Path, checkpoints: Path
) -> None:
    shutil.rmtree(scenario.parent)
    assert roll_one(out / "scenario.yaml", tmp_path / "again")[0] == 0
    assert results(tmp_path / "again") == results(out)
    options = ("--checkpoints", checkpoints, "--device", "cpu")
    assert drivesim("compose", out / "scenario.yaml", "--out", tmp_path / "frame.png", *options)[0] == 0
    assert (tmp_path / "frame.png").read_bytes() == (out / "initial.png").read_bytes()


def test_a_lost_photo_is_said_and_costs_nothing(scenario: Path, out: Path, checkpoints: Path) -> None:
    (out / "photo.png").unlink()
    damage(out / "future-00" / "video.mp4")
    shutil.rmtree(scenario.parent)
    before = everything(out)
    code, said = drivesim("doctor", out, "--repair", "--checkpoints", checkpoints)
    assert code == 2 and "photo.png, future-00/video.mp4: cannot be made again" in said and "street.PNG" in said
    assert everything(out) == before


def test_vehicles_of_a_photo_are_no_evidence(rolled: Path) -> None:
    with h5py.File(rolled / "future-00" / "rollout.h5") as file:
        rows = file["boxes"][:]
        names = {number: name for name, number in h5py.check_enum_dtype(file["boxes"].dtype["source"]).items()}
        sources = np.array([names[number] for number in rows["source"]])
        assert (np.isnan(rows["score"]) == (sources == "stated")).all()
        first = sources[rows["frame"] == 0]
        assert first.tolist() == ["stated"], "the photo shows nobody whom traffic draws"
        assert any("3 stated" in text and "photo" in text for text in file["boxes"].attrs["units"])
