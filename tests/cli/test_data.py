"""`drivesim data`: a store from the command line, and a sheet of it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from films import write_video
from typer.testing import CliRunner

from drivesim.cli.data import app
from drivesim.config import InputError
from drivesim.dataset import synthesis
from drivesim.dataset.clips import ClipStore
from drivesim.scene.clip import Clip
from drivesim.video_io import read_image, write_image

SMALL = ["--frames", "3", "--size", "16x32", "--workers", "0"]


@pytest.fixture(autouse=True)
def fake_world(monkeypatch: pytest.MonkeyPatch, make_clip: Callable[..., Clip]) -> None:
    monkeypatch.setattr(synthesis, "_world", lambda: (make_clip, 1))


def run(*arguments: str | Path) -> str:
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    if result.exception is not None:
        raise result.exception
    return result.output


def test_generate_fills_and_extends_a_store(tmp_path: Path) -> None:
    path = tmp_path / "a.h5"
    said = run("generate", path, "--clips", "3", "--fps", "1.875", "--fps", "7.5", *SMALL)
    assert "3 clips, 9 frames of 16x32" in said
    run("generate", path, "--clips", "5", "--fps", "1.875", "--fps", "7.5", *SMALL)
    store = ClipStore(path)
    assert [store.fps(i) for i in range(5)] == [1.875, 7.5, 1.875, 7.5, 1.875]
    store.close()
    with pytest.raises(InputError, match="made with"):
        run("generate", path, "--clips", "5", "--seed", "2", *SMALL)


@pytest.mark.parametrize(
    "wrong", [["--size", "16"], ["--size", "16x16"], ["--time-of-day", "dusk"], ["--setting", "sea"]]
)
def test_wrong_options_are_named(tmp_path: Path, wrong: list[str]) -> None:
    with pytest.raises(InputError, match=wrong[1]):
        run("generate", tmp_path / "a.h5", "--workers", "0", *wrong)


def test_show_lays_store_world_and_footage_on_one_sheet(tmp_path: Path) -> None:
    run("generate", tmp_path / "a.h5", "--clips", "6", *SMALL)
    footage = tmp_path / "footage"
    footage.mkdir()
    grey = np.full((9, 54, 96, 3), 128, np.uint8)
    write_video(footage / "film.mp4", grey, 25)
    write_image(footage / "picture.png", grey[0])
    (footage / "LICENSE").write_text("MIT")
    out = tmp_path / "sheet.png"
    run("show", tmp_path / "a.h5", "--world", "--real", footage, "--boxes", "--size", "16x32", "--width", "64", "--out", out,
        "--clips", "6")  # fmt: skip
    assert read_image(out).shape == (3 * (18 + 2 * 36), 4 * 68, 3)
    run("show", tmp_path / "a.h5", "--frames", "3", "--clips", "2", "--width", "64", "--out", out)
    assert read_image(out).shape == (18 + 2 * 36, 3 * 68, 3)


def test_show_needs_something_to_show(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="nothing to show"):
        run("show", "--out", tmp_path / "sheet.png")
    with pytest.raises(InputError, match="no film"):
        run("show", "--real", tmp_path, "--out", tmp_path / "sheet.png")


def test_the_command_imports_nothing_heavy() -> None:
    code = "import sys, drivesim.cli.data; assert not {'torch', 'numpy', 'cv2', 'h5py'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_import_makes_a_captioned_store_of_films(tmp_path: Path) -> None:
    write_video(tmp_path / "film.mp4", np.zeros((16, 36, 64, 3), np.uint8), 7.5)
    out = tmp_path / "films.h5"
    said = run("import", tmp_path / "film.mp4", "--out", out, "--caption", "a road", "--fps", "7.5", "--seconds", "1",
               "--size", "16x32")  # fmt: skip
    assert said.endswith(f"{out}: 2 clips\n") and ClipStore(out).labels(0).caption == "a road"


def test_import_makes_a_store_of_labelled_pictures(tmp_path: Path) -> None:
    write_image(tmp_path / "a.png", np.zeros((16, 32, 3), np.uint8))
    (tmp_path / "a.txt").write_text("0 0.5 0.5 0.5 0.5\n1 0.5 0.5 0.5 0.5\n")
    (tmp_path / "classes.txt").write_text("tram\ntree\n")
    out = tmp_path / "store.h5"
    options = ("--labels", "yolo", "--kinds", "tram=bus", "--caption", "a tram", "--size", "16x32")
    said = run("import", tmp_path, "--out", out, *options)
    assert "vehicles: 1" in said and "tree (1)" in said and said.endswith(f"{out}: 1 clips\n")
    labels = ClipStore(out).labels(0)
    assert labels.caption == "a tram" and labels.boxes[0] is not None and labels.boxes[0].kind.tolist() == [5]


@pytest.mark.parametrize(
    ("options", "fault"),
    [
        (["--kinds", "tram=bus"], "--kinds: films have no labels"),
        (["--labels", "yolo", "--fps", "7.5"], "--fps and --seconds: pictures have no rate"),
        (["--labels", "yolo", "another"], "give one folder"),
        (["--labels", "yolo", "--kinds", "tram"], "give CLASS=KIND"),
    ],
)
def test_options_that_do_not_go_together_are_named(tmp_path: Path, options: list[str], fault: str) -> None:
    with pytest.raises(InputError, match=fault):
        run("import", tmp_path, "--out", tmp_path / "store.h5", *options)
