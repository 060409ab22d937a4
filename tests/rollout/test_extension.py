"""A rollout that is made longer can be interrupted at any moment, and its finished films stay until the longer ones are whole."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from outcome import results
from rollouts import Crash, crash_at
from tiny_cascade import SCENARIO, SETTINGS

from drivesim.config import InputError, read_json
from drivesim.engine.progress import Progress
from drivesim.rollout.doctor.examination import examine
from drivesim.rollout.future_folder import FutureFolder
from drivesim.rollout.manifest import Manifest
from drivesim.rollout.request import Request
from drivesim.rollout.run import roll_out
from drivesim.rollout.windows import Windows

SHORT, LONG = 6.0, 10.0  # two windows, three, of key frames alone


class Killed(BaseException):
    """The process ends there and then."""


def killed(*_: object, **__: object) -> None:
    raise Killed


@pytest.fixture(scope="module")
def made(checkpoints: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Request, Path]:
    """A request for the long rollout, and a folder with it (`whole`) and with the `short` one, two futures each."""
    ((folder := tmp_path_factory.mktemp("made")) / "tiny.yaml").write_text(SCENARIO)
    asked = Request(folder / "tiny.yaml", LONG, 1.875, device="cpu", settings=SETTINGS, checkpoints=checkpoints)
    roll_out(asked, folder / "whole")
    roll_out(Request(**{**vars(asked), "seconds": SHORT}), folder / "short")
    return asked, folder


@pytest.mark.parametrize("moment", ["commit", "begin", "finish", "predict 1", "write 3"])
def test_interrupted_at_any_moment_it_goes_on(
    made: tuple[Request, Path], tmp_path: Path, moment: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, folder = made
    shutil.copytree(folder / "short", out := tmp_path / "out")
    film = (out / "future-00" / "video.mp4").read_bytes()

    def stop(progress: Progress) -> None:
        phase, _, unit = moment.partition(" ")
        if unit and progress.units[phase] >= int(unit):  # type: ignore[index]
            raise Killed

    with monkeypatch.context() as patch, pytest.raises(Killed):
        if " " not in moment:
            patch.setattr(Windows if moment == "commit" else FutureFolder, moment, killed)
        roll_out(asked, out, on_change=stop)
    assert (out / "future-00" / "video.mp4").read_bytes() == film
    assert not examine(out).faults
    roll_out(asked, out)
    assert results(out) == results(folder / "whole")


def test_with_the_last_key_frame_alone_it_goes_on_with_that(made: tuple[Request, Path], tmp_path: Path) -> None:
    """Made longer, and cut short on the way; older manifests, which do not say how many are given, mean two."""
    alone = SETTINGS.prediction.model_copy(update={"context": 1})
    changes = {"futures": 1, "settings": SETTINGS.model_copy(update={"prediction": alone})}
    asked = Request(**{**vars(made[0]), **changes})
    roll_out(asked, tmp_path / "whole")
    roll_out(Request(**{**vars(asked), "seconds": 7.0}), out := tmp_path / "out")
    with pytest.raises(Crash):
        roll_out(asked, out, on_change=crash_at("predict", 1))
    roll_out(asked, out)
    assert results(out) == results(tmp_path / "whole")
    with pytest.raises(InputError, match=r"sampling\.prediction\.context was 1, is 2"):
        roll_out(Request(**{**vars(asked), "settings": SETTINGS}), out)
    del (older := read_json(out / "manifest.json"))["job"]["sampling"]["prediction"]["context"]
    assert Manifest.parse(older, out).job.timeline.context == 2


def test_only_the_last_window_is_predicted_anew(made: tuple[Request, Path], tmp_path: Path) -> None:
    asked, folder = made
    shutil.copytree(folder / "short", out := tmp_path / "out")
    _, work = roll_out(asked, out)
    assert work.units["predict"] == 2 * 2 * SETTINGS.prediction.steps and not work.units["compose"]
    assert results(out) == results(folder / "whole")
