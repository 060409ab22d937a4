"""Every number option of every command: what is no number, or none that makes sense, is told before any work."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import get_args, get_type_hints

import pytest
import typer
from tiny_cascade import SCENARIO
from typer.testing import CliRunner

from drivesim.cli.main import app
from drivesim.cli.numbers import parse_pixels
from drivesim.config import InputError
from drivesim.dataset import synthesis
from drivesim.engine.cascade import Cascade
from drivesim.video_format import TRAINED_NAMES

MAY_BE_ZERO = ("seed", "only", "workers", "worlds", "min-visible", "score", "upscaler-level")
ARGUMENTS = {
    "compose": ("SCENARIO", "--out", "out.png"),
    "rollout": ("SCENARIO", "--out", "out"),
    "layout": ("SCENARIO", "--out", "out"),
    "sweep": ("SCENARIO", "--out", "out"),
    "data generate": ("out.h5",),
    "data import": ("film.mp4", "--out", "out.h5"),
    "data show": ("--world",),
    "train dreambooth": ("pictures", "--run", "run", "--backbone", "sd", "--kind", "car"),
    "text-to-video": ("a car", "--backbone", "sd", "--temporal", "video-ldm", "--out", "out.mp4"),
    "evaluate motion": ("FOLDER",),
    "evaluate ablation": ("video", "--out", "out"),
    "evaluate convolution": ("--out", "out"),
    "export": ("coco", "FOLDER", "--out", "out"),
    "test-perception": ("FOLDER", "--detector", "module:function", "--out", "out"),
} | {f"train {stage}": ("--run", "run") for stage in TRAINED_NAMES}


def commands(group: typer.Typer, name: str = "") -> Iterator[tuple[str, Callable[..., None]]]:
    """The function of every command below a group, by the words that call it."""
    for command in group.registered_commands:
        assert command.callback is not None
        yield f"{name}{command.name or command.callback.__name__}", command.callback
    for below in group.registered_groups:
        assert below.typer_instance is not None
        yield from commands(below.typer_instance, f"{name}{below.name} ")


def number_options() -> list[tuple[str, str, bool]]:
    """Command, option, and whether it is a float, of every option that takes a number."""
    found = []
    for name, function in commands(app):
        for option, hint in get_type_hints(function).items():
            kinds = {kind for part in (hint, *get_args(hint)) for kind in (part, *get_args(part))} & {int, float}
            found += [(name, f"--{option.replace('_', '-')}", float in kinds)] if kinds else []
    return found


OPTIONS = number_options()


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder to work in; loading networks or rendering there is a failure."""

    def work(*_: object, **__: object) -> None:
        raise AssertionError("work began before the number was looked at")

    (scenario := tmp_path / "tiny.yaml").write_text(SCENARIO)
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    monkeypatch.setattr(Cascade, "load", work)
    monkeypatch.setattr(synthesis, "in_order", work)
    return scenario


def test_the_options_are_found() -> None:
    some = {("rollout", "--seconds", True), ("data generate", "--fps", True), ("train image-ldm", "--minutes", True)}
    assert some | {("evaluate motion", "--worlds", False)} <= set(OPTIONS) and len(OPTIONS) >= 30


@pytest.mark.parametrize(("command", "option", "real"), OPTIONS)
def test_what_is_no_number_is_refused_at_once(command: str, option: str, real: bool, place: Path) -> None:
    arguments = [str(place) if word == "SCENARIO" else word for word in ARGUMENTS.get(command, ())]
    values = ["nan", "inf", "-inf", "-1", "1e400", "twelve", "1,5", *([] if option[2:] in MAY_BE_ZERO else ["0"])]
    for value in values + ([] if real else ["1.5"]):
        done = CliRunner().invoke(app, [*command.split(), *arguments, f"{option}={value}"])
        assert done.exit_code == 2, (value, done.output, done.exception)
        assert option.lstrip("-") in done.output and "Traceback" not in done.output, value
        assert not list(Path().iterdir()), value


@pytest.mark.parametrize("option", ["--minutes=nan", "--minutes=-1", "--workers=-1"])
def test_the_module_that_torchrun_starts_refuses_them_too(
    option: str, place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from drivesim.training.__main__ import main

    monkeypatch.setattr(sys, "argv", ["drivesim.training", "autoencoder", "--run-folder", "run", "--preset", "tiny", option])
    assert main() == 2 and capsys.readouterr().err.startswith(option.partition("=")[0])
    assert not list(Path().iterdir())


def test_pixels_are_two_whole_numbers() -> None:
    assert parse_pixels("--size", "256x512") == (256, 512)
    for wrong in ("256", "x512", "4x512", "-8x16", "256x512x3", ""):
        with pytest.raises(InputError, match="give HEIGHTxWIDTH"):
            parse_pixels("--size", wrong)
