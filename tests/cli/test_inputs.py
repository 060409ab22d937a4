"""What a rollout is made from: bytes as they are, read once; what they mean decides, not how they are written."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from tiny_rollout import drivesim  # isort: skip  (finds the two below)
from outcome import results
from tiny_cascade import SCENARIO, SETTINGS

from drivesim.engine.settings import SamplingSettings
from drivesim.rollout.future_folder import FutureFolder
from drivesim.rollout.labels.file import read_rollout
from drivesim.rollout.request import Request
from drivesim.rollout.run import roll_out
from drivesim.video_io import read_image, write_image

Roll = Callable[..., tuple[int, str]]


pytestmark = pytest.mark.usefixtures("tiny_presets")


def written(out: Path) -> dict[str, object]:
    values: dict[str, object] = json.loads((out / "manifest.json").read_text())
    return values


@contextmanager
def pipe(text: str, number: int | None = None) -> Iterator[str]:
    """A name under which `text` can be read once, as <(...) gives one; `number` 0 is standard input."""
    end, start = os.pipe()
    os.write(start, text.encode())
    os.close(start)
    before = os.dup(number) if number is not None else None
    if number is not None:
        os.dup2(end, number)
    yield f"/dev/fd/{end}"
    if number is not None and before is not None:
        os.dup2(before, number)
        os.close(before)
    os.close(end)


# What is written is what was read.

@pytest.mark.parametrize(
    "text",
    [
        SCENARIO.replace("\n", "\r\n").encode(),
        b"\xef\xbb\xbf" + SCENARIO.encode(),
        SCENARIO.rstrip("\n").encode(),
        f"# Spur fu\u0308r Z\u00fcrich, \u6e0b\u6ede\n{SCENARIO}\n\n".encode(),
    ],
    ids=["CRLF", "BOM", "no newline at the end", "letters of other languages"],
)
def test_a_scenario_is_kept_byte_by_byte(roll_one: Roll, tmp_path: Path, text: bytes) -> None:
    (file := tmp_path / "s.yaml").write_bytes(text)
    code, said = roll_one(file, out := tmp_path / "out")
    assert code == 0, said
    assert (out / "scenario.yaml").read_bytes() == text
    digest = hashlib.sha256(text).hexdigest()
    assert written(out)["job"]["scenario"] == written(out)["files"]["scenario.yaml"] == digest  # type: ignore[index]
    code, said = drivesim("doctor", out)
    assert code == 0, said


# What can be read once is read once.

@pytest.mark.parametrize("name", ["PIPE", "/dev/stdin", "-"])
def test_pipes_are_read_once_and_kept(roll_one: Roll, tmp_path: Path, name: str) -> None:
    out, number = tmp_path / "out", None if name == "PIPE" else 0
    with pipe(SCENARIO, number) as file:
        code, said = roll_one(file if name == "PIPE" else name, out)
    assert code == 0 and (out / "scenario.yaml").read_text() == SCENARIO, said
    with pipe(SCENARIO, number) as file:
        code, said = roll_one(file if name == "PIPE" else name, out)
    assert code == 0 and "nothing was missing" in said
    with pipe(SCENARIO.replace(": day", ": night"), number) as file:
        code, said = roll_one(file if name == "PIPE" else name, out)
    assert code == 2 and "scenario.look.time_of_day was day, is night" in said
    assert drivesim("doctor", out)[0] == 0


def test_compose_reads_standard_input_and_photos_beside_the_reader(
    checkpoints: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_image(tmp_path / "photo.png", np.full((32, 64, 3), 90, np.uint8))
    monkeypatch.chdir(tmp_path)
    for name, text in (("composed", SCENARIO), ("photo", SCENARIO + "photo: photo.png\n")):
        with pipe(text, 0):
            code, said = drivesim("compose", "-", "--out", f"{name}.png", "--checkpoints", checkpoints, "--device", "cpu")
        assert code == 0 and read_image(tmp_path / f"{name}.png").shape == (64, 128, 3), said


# What a scenario means decides.

SAME = {
    "a comment": SCENARIO + "# note\n",
    "another order of keys": "rollout: {futures: 2, seed: 5, seconds: 3, fps: 7.5}\n" + SCENARIO[: SCENARIO.index("rollout:")],
    "another way to write it": SCENARIO.replace("ahead: 14,", "ahead: 14.0,").replace("name: tiny", 'name: "tiny"'),
    "what is implied": SCENARIO + "guidance: {boxes: 2}\n",
    "a length that an option overrides": SCENARIO.replace("seconds: 3", "seconds: 2"),
    "more futures": SCENARIO.replace("futures: 2", "futures: 7"),
}


@pytest.fixture(scope="module")
def made(checkpoints: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A rollout of SCENARIO, one future of 1 s."""
    ((folder := tmp_path_factory.mktemp("made")) / "s.yaml").write_text(SCENARIO)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(SamplingSettings, "preset", classmethod(lambda cls, quality: SETTINGS))
        options = ("--seconds", "1", "--futures", "1", "--checkpoints", checkpoints, "--device", "cpu")
        assert drivesim("rollout", folder / "s.yaml", "--out", folder / "out", *options)[0] == 0
    return folder


@pytest.mark.parametrize("change", SAME)
def test_a_text_that_means_the_same_goes_on(roll_one: Roll, made: Path, tmp_path: Path, change: str) -> None:
    out = Path(shutil.copytree(made / "out", tmp_path / "out"))
    (file := tmp_path / "s.yaml").write_text(SAME[change])
    code, said = roll_one(file, out)
    assert code == 0 and "nothing was missing" in said, said
    assert "differs from" in said and "in words, not in meaning" in said
    assert (out / "scenario.yaml").read_text() == SCENARIO
    assert drivesim("doctor", out)[0] == 0


def test_the_order_of_vehicles_numbers_their_tracks_and_so_counts(roll_one: Roll, tmp_path: Path) -> None:
    cars = ["  - {ahead: 14, left: 0, kind: sedan}\n", "  - {ahead: 30, left: -3.7, kind: bus}\n"]
    for name, order in (("one", cars), ("other", cars[::-1])):
        (tmp_path / f"{name}.yaml").write_text(SCENARIO.replace(cars[0], "".join(order)).replace("ness: 1", "ness: 2"))
    assert roll_one(tmp_path / "one.yaml", tmp_path / "out")[0] == 0
    before = results(tmp_path / "out")
    code, said = roll_one(tmp_path / "other.yaml", tmp_path / "out")
    assert code == 2 and "scenario.vehicles.0.ahead was 14.0, is 30.0" in said and results(tmp_path / "out") == before, said
    assert roll_one(tmp_path / "other.yaml", tmp_path / "swapped")[0] == 0
    ahead = []
    for name in ("out", "swapped"):
        rows = read_rollout(tmp_path / name / "future-00" / "rollout.h5").boxes
        ahead.append([rows["x"][(rows["frame"] == 0) & (rows["track"] == track)][0] for track in (0, 1)])
    assert ahead[0][0] < ahead[0][1] and ahead[1][0] > ahead[1][1]


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("crowdedness: 1", "crowdedness: 2", "scenario.look.crowdedness was 1, is 2"),
        ("ahead: 14", "ahead: 15", "scenario.vehicles.0.ahead was 14.0, is 15.0"),
        ("seed: 5", "seed: 6", "seed was 5, is 6"),
    ],
)
def test_a_text_that_means_something_else_is_refused(
    roll_one: Roll, made: Path, tmp_path: Path, old: str, new: str, words: str
) -> None:
    out = Path(shutil.copytree(made / "out", tmp_path / "out"))
    before = results(out)
    (file := tmp_path / "s.yaml").write_text(SCENARIO.replace(old, new))
    code, said = roll_one(file, out)
    assert code == 2 and words in said and "--fresh" in said and results(out) == before


def as_the_first_release_wrote_it(out: Path) -> None:
    """Scenarios had neither ego nor traffic then, vehicles no more than a place and a kind, and the batch was a setting."""
    manifest = json.loads((out / "manifest.json").read_text())
    scenario = manifest["scenario"]
    scenario["rollout"]["speed"] = scenario.pop("ego")["speed"]
    scenario.pop("traffic")
    scenario["vehicles"] = [{key: car[key] for key in ("ahead", "left", "heading", "kind")} for car in scenario["vehicles"]]
    sampling = manifest["job"]["sampling"]
    del sampling["first_interpolation"]
    sampling["interpolation"]["batch"] = 4
    (out / "manifest.json").write_text(json.dumps(manifest))
    (out / "SHA256SUMS").unlink()


@pytest.mark.parametrize(
    "text", [SCENARIO, SCENARIO.replace("rollout: {", "rollout: {speed: 20, "), SCENARIO + "ego: {speed: 20}\n"]
)
def test_folders_of_the_first_release_are_gone_on_with(roll_one: Roll, made: Path, tmp_path: Path, text: str) -> None:
    as_the_first_release_wrote_it(out := Path(shutil.copytree(made / "out", tmp_path / "out")))
    (file := tmp_path / "s.yaml").write_text(text)
    code, said = roll_one(file, out)
    assert code == 0 and "nothing was missing" in said, said
    assert roll_one(file, out, seconds="2")[0] == 0
    assert drivesim("doctor", out)[0] == 0


def test_a_format_that_is_not_read_is_said_with_what_to_do(roll_one: Roll, made: Path, tmp_path: Path) -> None:
    out = Path(shutil.copytree(made / "out", tmp_path / "out"))
    (out / "SHA256SUMS").unlink()
    (out / "manifest.json").write_text((out / "manifest.json").read_text().replace('"format": 2', '"format": 1', 1))
    code, said = roll_one(made / "s.yaml", out)
    assert code == 2 and "format 1 is not 2" in said and "use the version that wrote it" in said and "--fresh" in said


# More seconds.

def ending(self: FutureFolder, *_: object) -> None:
    raise RuntimeError("the end")


@pytest.fixture(scope="module")
def in_one_go(checkpoints: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, str], dict[str, object]]:
    """What a rollout of SCENARIO at so many frames per second and so many seconds makes, each made once."""

    @cache
    def make(fps: str, seconds: str) -> dict[str, object]:
        ((folder := tmp_path_factory.mktemp("whole")) / "s.yaml").write_text(SCENARIO)
        request = Request(
            folder / "s.yaml", float(seconds), float(fps), futures=1, device="cpu", settings=SETTINGS, checkpoints=checkpoints
        )
        roll_out(request, folder / "out")
        return results(folder / "out")

    return make


@pytest.mark.parametrize(
    ("fps", "first", "then", "finished"),
    [("7.5", "2", "5", True), ("7.5", "5", "9.5", True), ("7.5", "5", "9.5", False), ("1.875", "12", "17", True),
     ("30", "5", "5.2", True), ("1.875", "12", "17", False)],
)  # fmt: skip
def test_a_longer_rollout_has_the_bits_of_one_made_in_one_go(
    roll_one: Roll,
    in_one_go: Callable[[str, str], dict[str, object]],
    tmp_path: Path,
    fps: str,
    first: str,
    then: str,
    finished: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (file := tmp_path / "s.yaml").write_text(SCENARIO)
    if finished:
        assert roll_one(file, tmp_path / "out", "--fps", fps, seconds=first)[0] == 0
    else:
        with monkeypatch.context() as patch, pytest.raises(RuntimeError):
            patch.setattr(FutureFolder, "finish", ending)
            roll_one(file, tmp_path / "out", "--fps", fps, seconds=first)
    code, said = roll_one(file, tmp_path / "out", "--fps", fps, seconds=then)
    assert code == 0, said
    assert f"is made {then} s long" in said
    assert results(tmp_path / "out") == in_one_go(fps, then)
    assert drivesim("doctor", tmp_path / "out")[0] == 0


def test_a_future_that_is_still_short_is_unfinished_and_a_shorter_rollout_is_refused(
    roll_one: Roll, tmp_path: Path, checkpoints: Path
) -> None:
    (file := tmp_path / "s.yaml").write_text(SCENARIO)
    roll_one(file, out := tmp_path / "out", "--futures", "2", seconds="1")
    short = (out / "future-01" / "video.mp4").read_bytes()
    options = ("--checkpoints", checkpoints, "--device", "cpu", "--out", out)
    assert drivesim("rollout", file, *options, "--seconds", "2", "--only", "0")[0] == 0
    assert (out / "future-01" / "video.mp4").read_bytes() == short
    code, said = drivesim("doctor", out)
    assert code == 1 and "unfinished  future-01: 8 of 15 frames" in said and "DAMAGED" not in said
    code, said = roll_one(file, out, seconds="1")
    assert code == 2 and "holds a longer rollout (2 s, 1 s are asked for)" in said and "--seconds 2" in said
    assert drivesim("rollout", file, *options, "--seconds", "2", "--futures", "2")[0] == 0
    assert drivesim("doctor", out)[0] == 0
