"""What `import drivesim` gives: quick to import, typed, the same results as the command line, pictures in notebooks."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from base64 import b64decode
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from outcome import results
from tiny_cascade import SETTINGS
from tiny_rollout import drivesim as command

import drivesim
from drivesim.engine.settings import SamplingSettings
from drivesim.rollout.labels.file import read_rollout
from drivesim.video_io import read_image, write_image
from drivesim.video_writer import VideoWriter

PACKAGE = Path(drivesim.__file__).parent


@pytest.fixture(scope="module")
def tiny(checkpoints: Path) -> Iterator[dict[str, Any]]:
    """Options that make small pictures with the tiny cascade."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(SamplingSettings, "preset", classmethod(lambda cls, quality: SETTINGS))
        yield {"checkpoints": checkpoints, "device": "cpu"}


@pytest.fixture(scope="module")
def rollout(tiny: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> drivesim.FinishedRollout:
    """Two futures of two frames."""
    return drivesim.roll_out(build(), tmp_path_factory.mktemp("api") / "out", futures=2, seconds=1, fps=1.875, **tiny)


def build(**changes: Any) -> drivesim.Scenario:
    values = {
        "name": "tiny",
        "look": {"time_of_day": "day", "crowdedness": 1},
        "vehicles": [{"ahead": 14, "left": 0, "kind": "sedan"}],
        "rollout": {"seconds": 3, "fps": 7.5, "futures": 2, "seed": 5},
    }
    return drivesim.build_scenario(**(values | changes))


def test_importing_costs_nothing() -> None:
    program = "import sys, drivesim; print(sorted({'torch', 'numpy', 'cv2', 'pydantic', 'h5py', 'yaml', 'av'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=PACKAGE.parent)
    assert done.stdout.strip() == "[]"


def test_every_name_is_there_and_has_its_type() -> None:
    stub = ast.parse((PACKAGE / "__init__.pyi").read_text())
    homes = {node.names[0].name: node.module for node in stub.body if isinstance(node, ast.ImportFrom)}
    assert {*homes, "__version__"} == set(drivesim.__all__) and set(homes) <= set(dir(drivesim))
    for name, home in homes.items():
        __import__(str(home))
        assert getattr(drivesim, name) is getattr(sys.modules[str(home)], name)
    with pytest.raises(AttributeError, match="no attribute 'rollout_all'"):
        _ = drivesim.rollout_all  # type: ignore[attr-defined]


def test_scenarios_from_values_are_those_from_files(scenario: Path) -> None:
    assert build() == drivesim.load_scenario(scenario) and drivesim.load_scenario("cut_in").name == "cut_in"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"vehicles": [{"ahead": 14, "left": 0, "kind": "sedann"}]}, 'vehicles[0].kind: kind must be .* (did you mean "sedan"?)'),
        ({"lok": {}}, 'lok: unknown key "lok" (did you mean "look"?)'),
        ({"look": object()}, "scenario: takes numbers, text, lists and groups of these alone"),
        ({"name": np.float64(3)}, "scenario: takes numbers, text, lists and groups of these alone"),
        ({"photo": Path("nowhere.png")}, "photo: "),
    ],
)
def test_wrong_values_are_explained(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(drivesim.InputError) as caught:
        build(**changes)
    first, _, rest = words.partition(" .* ")
    assert first in str(caught.value) and rest in str(caught.value) and "Traceback" not in str(caught.value)


def test_a_rollout_from_values_is_that_of_the_command(scenario: Path, tmp_path: Path, tiny: dict[str, Any]) -> None:
    options = ("--futures", "1", "--seconds", "1", "--checkpoints", tiny["checkpoints"], "--device", "cpu")
    assert command("rollout", scenario, "--out", tmp_path / "command", *options)[0] == 0
    rollout = drivesim.roll_out(build(), tmp_path / "python", futures=1, seconds=1, **tiny)
    made, asked = (results(tmp_path / name) for name in ("python", "command"))
    assert made.pop("scenario.yaml") != asked.pop("scenario.yaml") and made == asked
    assert [future.number for future in rollout.futures] == [0] and rollout.futures[0].frames == 8
    again = drivesim.roll_out(build(), tmp_path / "python", futures=1, seconds=1, on_change=lambda _: pytest.fail("work"), **tiny)
    assert again.scenario == build()
    assert command("export", "kitti", tmp_path / "python", "--out", tmp_path / "kitti")[0] == 0


def test_frames_without_a_folder_are_those_of_the_rollout(
    tmp_path: Path, tiny: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    length: dict[str, Any] = {"seconds": 7, "fps": 1.875}
    frames = list(drivesim.generate_frames(build(), future=1, **length, **tiny))
    written: list[np.ndarray] = []
    write = VideoWriter.write
    monkeypatch.setattr(VideoWriter, "write", lambda self, frames: (written.append(frames), write(self, frames)))
    drivesim.roll_out(build(), tmp_path / "out", only=1, **length, **tiny)
    data = read_rollout(tmp_path / "out" / "future-01" / "rollout.h5")
    assert [frame.number for frame in frames] == list(range(13)), "more than a window"
    np.testing.assert_array_equal(np.stack([frame.picture for frame in frames]), np.concatenate(written))
    np.testing.assert_array_equal(np.concatenate([frame.boxes for frame in frames]), data.boxes)
    np.testing.assert_array_equal(np.stack([frame.ego for frame in frames]), data.ego)


def test_what_is_wrong_is_said_before_the_first_frame(tiny: dict[str, Any]) -> None:
    mistakes = {"fps: 8 cannot be made": {"fps": 8}, "numbered from 0": {"future": -1}, "choose one": {"quality": "x"}}
    for words, wrong in mistakes.items():
        with pytest.raises(drivesim.InputError, match=words):
            drivesim.generate_frames(build(), **(tiny | wrong))
    with pytest.raises(drivesim.InputError, match="fps: 8 cannot be made"):
        drivesim.layout_frames(build(), fps=8)


def test_compose_gives_the_first_frame_of_the_rollout(tiny: dict[str, Any], rollout: drivesim.FinishedRollout) -> None:
    pictures = drivesim.compose(build(), variants=2, **tiny)
    np.testing.assert_array_equal(pictures[0], read_image(rollout.folder / "initial.png"))
    assert (pictures[0] != pictures[1]).any()


def test_layout_frames_have_labels_and_maps(scenario: Path, tmp_path: Path) -> None:
    frames = list(drivesim.layout_frames(scenario, seconds=1, height=64))
    assert len(frames) == 8 and frames[7].frame.time == pytest.approx(7 / 7.5)
    for mapped in frames:
        assert mapped.frame.picture is not None and mapped.frame.picture.shape == (64, 128, 3)
        assert mapped.maps.inverse_depth.shape == (64, 128) and 0 in mapped.frame.boxes["track"]
    (film,) = drivesim.write_layout(build(), tmp_path / "layout", futures=1, seconds=1)
    assert film.is_file() and film.with_name("labels.csv").is_file()


def picture_in(html: str) -> np.ndarray:
    """The picture of an HTML text, which must be small."""
    assert len(html) < 300_000
    code = html.partition('src="data:image/jpeg;base64,')[2].partition('"')[0]
    found = cv2.imdecode(np.frombuffer(b64decode(code), np.uint8), cv2.IMREAD_COLOR)
    assert found is not None
    return found


def test_notebooks_show_scenarios_and_rollouts(tmp_path: Path, rollout: drivesim.FinishedRollout) -> None:
    html: str = build()._repr_html_()  # type: ignore[operator]
    assert "<b>tiny</b>: highway, day" in html and picture_in(html).shape == (256, 512, 3)
    write_image(tmp_path / "photo.png", np.random.default_rng(0).integers(256, size=(900, 1800, 3), dtype=np.uint8))
    photo: str = build(photo=tmp_path / "photo.png")._repr_html_()  # type: ignore[operator]
    assert picture_in(photo).shape == (360, 720, 3)
    html = rollout._repr_html_()
    assert "2 futures of 2 frames, 1.875 a second" in html and picture_in(html).shape[1] > 600


def test_exports_take_an_open_rollout_or_its_folder(tmp_path: Path, rollout: drivesim.FinishedRollout) -> None:
    one = drivesim.write_export("coco", rollout, tmp_path / "one", futures=[1])
    assert json.loads((one / "export.json").read_text())["futures"] == [1]
    all_ = drivesim.write_export("coco", rollout.folder, tmp_path / "all")
    assert json.loads((all_ / "export.json").read_text())["frames"] == 4
    assert len(drivesim.open_rollout(rollout.folder, [0]).futures) == 1
