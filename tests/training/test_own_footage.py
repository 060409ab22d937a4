"""Going on from finished weights with footage of one's own: at one frame rate, and with models that are not the recipe's."""

from __future__ import annotations

import json
import math
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tiny_cascade import UPSAMPLER, write_cascade

from drivesim.config import InputError, read_yaml
from drivesim.dataset.clips import ClipStore, ClipWriter
from drivesim.dataset.importers.unknown import unknown_labels
from drivesim.scene.clip import Clip
from drivesim.training.job import run_training
from drivesim.training.stages import video_ldm
from drivesim.video_format import StageName


@pytest.fixture
def footage(tmp_path: Path, make_clip: Callable[..., Clip]) -> Path:
    """Five seconds at 7.5 fps of which nothing is known."""
    with ClipWriter(tmp_path / "own.h5") as writer:
        writer.append(Clip(make_clip(0, 38, 7.5, 16, 32).frames, unknown_labels(38, 7.5, "own.mp4", None)))
    return tmp_path / "own.h5"


def go_on(name: StageName, run: Path, origin: Path, store: Path, minutes: float = math.inf, **overrides: Any) -> None:
    run_training(name, run, "tiny", [store], [store], checkpoints=origin.parent, init_from=origin, overrides=overrides,
                 minutes=minutes, device_name="cpu", say=lambda _: None)  # fmt: skip


def test_footage_of_one_rate_teaches_what_it_has_frames_for(
    footage: Path, checkpoints: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(video_ldm, "PREVIEW_STEPS", 1)
    go_on("video-ldm", tmp_path / "run", checkpoints / "video-ldm", footage, model={"context_widths": [8, 8]})
    assert capsys.readouterr().out.count("own.h5: no clip has 5 frames at 30 fps; interpolation to 30 fps is left out") == 2
    log = (tmp_path / "run" / "log.jsonl").read_text()
    figures = next(json.loads(line)["held_out"] for line in log.splitlines() if "held_out" in line)
    assert {"predict_2", "interpolate_7.5"} <= figures.keys() and "interpolate_30" not in figures
    assert all(map(math.isfinite, figures.values()))


def test_footage_that_has_frames_for_nothing_is_refused(footage: Path, checkpoints: Path, tmp_path: Path) -> None:
    with ClipWriter(tmp_path / "still.h5") as writer:
        writer.append(ClipStore(footage).read(0, 0, 1))
    with pytest.raises(InputError, match=r"still\.h5: no clip has 10 frames at 1\.875 fps"):
        go_on("video-ldm", tmp_path / "run", checkpoints / "video-ldm", tmp_path / "still.h5", model={"context_widths": [8, 8]})


def test_a_run_has_the_model_of_what_it_goes_on_from_but_for_what_is_said(
    tmp_path: Path, make_clip: Callable[..., Clip]
) -> None:
    """The preset says smaller sizes, and `--set` others; what neither says is as in the checkpoint, in a resumed run, too."""
    with ClipWriter(store := tmp_path / "large.h5") as writer:
        writer.append(Clip(make_clip(0, 1, 7.5, 64, 128).frames, unknown_labels(1, 7.5, "own.mp4", None)))
    chain = write_cascade(tmp_path / "chain", plain=True)
    sizes = {"widths": [8, 8], "blocks": [1, 1], "layout": True}
    for minutes in (0.0, math.inf):
        go_on("super-resolution", tmp_path / "run", chain / "super-resolution", store, minutes, model=sizes, crop=32)
        shutil.rmtree(chain / "super-resolution", ignore_errors=True)
    noted = read_yaml(tmp_path / "run" / "train.yaml")["model"]
    assert noted == UPSAMPLER.model_copy(update={"layout": True}).model_dump(mode="json")
