"""Detectors that are made up, so that what is to be found out about them is known."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tiny_rollout import drivesim
from toy_rollout import CAMERA, FPS, SCENARIO, SPEED, write_toy

from drivesim.evaluation.perception.page import write_report
from drivesim.evaluation.perception.trial import TrialSettings
from drivesim.labels.finished_rollout import FinishedRollout
from drivesim.rollout.labels.rows import FrameLabels
from drivesim.scene.boxes import Boxes, project_cuboids
from drivesim.scene.geometry import Pose

FRAMES, START, STEP = 30, 70.0, 2.0  # the queue of cars ahead comes 2 m nearer every frame
Answer = Callable[[np.ndarray, np.ndarray], Any]


def labels() -> list[FrameLabels]:
    """Three sedans in the ego's lane and beside it, 128/distance px high or so: each passes 20 px at another time."""
    made = []
    for number in range(FRAMES):
        ahead = START - STEP * number + np.array([0.0, 10.0, 20.0])
        cuboids = np.array([[x, y, 0.75, 4.0, 2.0, 1.5, 0.0] for x, y in zip(ahead, (0.0, 4.0, -4.0), strict=True)])
        box, visible = project_cuboids(CAMERA, cuboids)
        known = Boxes(np.arange(3), np.array([0, 1, 4]), box, np.zeros(3, np.float32), visible, cuboids.astype(np.float32))
        pose = Pose(*map(np.asarray, (STEP * number, 0.0, 0.0)))
        made.append(FrameLabels(number / FPS, known, "traffic", 1.0, pose, SPEED, 0.0, 0.0, CAMERA))
    return made


@pytest.fixture(scope="module")
def queue(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A rollout of films of 512x256 in which the queue is approached, and passed."""
    return write_toy(tmp_path_factory.mktemp("queue") / "queue", size=(256, 512), frames=FRAMES, rows=labels())


@pytest.fixture
def use(queue: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[int, str, Path]]:
    """Runs the command with a detector that is given the boxes (px) of the frame it is shown; `answer` makes rows of them."""
    (future,) = FinishedRollout.open(queue).futures
    truth = [(frame.pixels, frame.boxes["kind"]) for frame in future.labelled_frames(pictures=False)]

    def run(answer: Callable[[np.ndarray, np.ndarray], Any], *more: str) -> tuple[int, str, Path]:
        frames = iter(truth)
        monkeypatch.syspath_prepend(tmp_path)
        (tmp_path / "made_up.py").write_text("detect = None\n")
        import importlib

        module = importlib.import_module("made_up")
        monkeypatch.setattr(module, "detect", lambda picture: answer(*next(frames)), raising=False)
        out = tmp_path / "out"
        return *drivesim("test-perception", queue, "--detector", "made_up:detect", "--out", out, *more), out

    return run


def rows(box: np.ndarray, kind: np.ndarray) -> list[list[float]]:
    return [[*one.tolist(), 0.9, int(k)] for one, k in zip(box, kind, strict=True)]


def blind_below_20(box: np.ndarray, kind: np.ndarray) -> list[list[float]]:
    high = box[:, 3] - box[:, 1] >= 20
    return rows(box[high], kind[high])


def test_blind_below_20_px_is_found_blind_below_20_px_and_where(use: Callable[..., tuple[int, str, Path]]) -> None:
    code, text, out = use(blind_below_20)
    report = json.loads((out / "report.json").read_text())
    bins = {one["name"]: one for one in report["recall"]["height of the box"]}
    assert code == 0 and bins["0 to 10 px"]["recall"] == bins["10 to 20 px"]["recall"] == 0
    assert all(one["recall"] == 1 for name, one in bins.items() if not name.startswith(("0 ", "10 ")))
    assert 20 <= report["blind"]["below_height_px"]["limit"] < 22 and report["blind"]["below_height_px"]["found"] == 0
    assert "It is blind below 2" in text and "It is blind below 2" in (out / "report.md").read_text()
    far = {one["name"]: one["recall"] for one in report["recall"]["distance"]}
    assert far["40 to 60 m"] == 0 and far["10 to 20 m"] == 1 and 0 < far["20 to 30 m"] <= 1
    assert 15 < report["blind"]["from_distance_m"]["limit"] < 25, "where: 1.5 m are 20 px high at 19 m or so"


def test_average_precision_recall_and_classes_of_one_that_knows_all(use: Callable[..., tuple[int, str, Path]]) -> None:
    code, text, out = use(rows)
    report = json.loads((out / "report.json").read_text())
    figures = report["figures"]
    assert code == 0 and "AP 1, AP50 1, recall 100%" in text and not report["findings"] and not report["worst_moments"]
    assert figures["ap50_car"] == figures["ap50_truck"] == figures["class_right"] == figures["precision"] == 1
    assert figures["ap50_bus"] is None and figures["false_alarms_a_frame"] == 0 and figures["best_score"] == 0.9


def test_first_detection_has_distance_and_time_to_collision(use: Callable[..., tuple[int, str, Path]]) -> None:
    _, _, out = use(blind_below_20)
    actors = {actor["track"]: actor for actor in json.loads((out / "report.json").read_text())["actors"]}
    ahead, beside = actors[0], actors[1]
    frame = round(ahead["first_found_s"] * FPS)
    assert ahead["distance_m"] == pytest.approx(START - STEP * frame, abs=0.1)
    gap = START - STEP * frame - 2.0 - 1.7  # half its length, and of the ego before its camera
    assert ahead["time_to_collision_s"] == pytest.approx(gap / (STEP * FPS), abs=0.02)
    assert beside["time_to_collision_s"] is None and beside["least_time_to_collision_s"] is None, "it is in another lane"


def test_worst_moments_are_pictures_with_boxes_drawn(use: Callable[..., tuple[int, str, Path]]) -> None:
    from drivesim.video_io import read_image

    code, _, out = use(lambda box, kind: [[300, 20, 400, 120, 0.8, "car"]], "--stride", "1")
    report = json.loads((out / "report.json").read_text())
    words = [moment["words"] for moment in report["worst_moments"]]
    assert code == 0 and any("overlooks" in one for one in words) and any("not labelled, 100 px" in one for one in words)
    picture = read_image(out / report["worst_moments"][0]["picture"])
    assert picture.shape == (256, 512, 3)
    red, green, blue = picture[20, 330].astype(int)
    assert red > 180 and green > 120 and blue < 120, "the false alarm is yellow"
    assert picture[14:16, 330].min() > 180, "and the picture is about it"
    page = (out / "report.html").read_text()
    assert page.count("data:image/jpeg;base64,") == len(words) and "http" not in page


def test_what_does_not_count_is_neither_right_nor_wrong(use: Callable[..., tuple[int, str, Path]]) -> None:
    hidden = use(lambda box, kind: rows(box[:0], kind[:0]), "--min-visible", "1")[2]
    some = json.loads((hidden / "report.json").read_text())["figures"]
    assert some["recall"] == 0 and some["false_alarms_a_frame"] == 0


def failing(box: np.ndarray, kind: np.ndarray) -> Any:
    raise KeyError("weights")


@pytest.mark.parametrize(
    ("answer", "code", "words"),
    [
        (failing, 1, "made_up:detect: raised KeyError: 'weights' at frame 0"),
        (lambda box, kind: None, 2, "returned NoneType, not rows of x1, y1, x2, y2, score, class"),
        (lambda box, kind: [[1, 2, 3]], 2, "returned the row [1, 2, 3], not x1"),
        (lambda box, kind: np.full((2, 6), np.nan), 2, "which is not finite"),
        (lambda box, kind: [[50, 50, 20, 20, 0.5, 0]], 2, "ends before it begins"),
        (lambda box, kind: [[0.1, 0.1, 0.2, 0.2, 0.5, 0]], 2, "not shares of the frame"),
        (lambda box, kind: [[1, 1, 9, 9, 50, 0]], 2, "score 50; give it from 0 to 1"),
        (lambda box, kind: [[1, 1, 9, 9, 0.5, "person"]], 2, "class 'person' is unknown, there are sedan"),
        (lambda box, kind: [[1, 1, 9, 9, 0.5, 7]], 2, "class 7 is unknown, there are 0 sedan"),
    ],
)
def test_what_a_detector_does_wrong_is_one_sentence(
    use: Callable[..., tuple[int, str, Path]], answer: Answer, code: int, words: str
) -> None:
    got, text, out = use(answer)
    assert got == code and words in text and len(text.strip().splitlines()) == 1
    assert not out.exists() and not out.with_name("out.part").exists()


@pytest.mark.parametrize(
    ("folder", "arguments", "words"),
    [
        ("nowhere", [], "no such folder"),
        ("queue/future-00", [], "holds no rollout"),
        ("queue", ["--detector", "nonsense"], "give module:function, or an ONNX file"),
        ("queue", ["--detector", "no_such_module_at_all:f"], "cannot be imported (ModuleNotFoundError"),
        ("queue", ["--detector", "json:nothing"], "json has no function nothing"),
        ("queue", ["--detector", "missing.onnx"], "missing.onnx: no such file"),
        ("queue", ["--classes", "car,persn"], "'persn' is no class"),
        ("queue", ["--stride", "0"], "--stride 0: give a number above 0"),
        ("queue", ["--score", "2"], "--score 2: give a number from 0 to 1"),
        ("queue", ["--trusted-only"], "no detector looked"),
    ],
)
def test_what_the_user_can_mend_is_one_sentence(
    queue: Path, tmp_path: Path, folder: str, arguments: list[str], words: str
) -> None:
    given = ["--detector", "json:loads", *arguments]
    code, text = drivesim("test-perception", queue.parent / folder, *given, "--out", tmp_path / "new" / "out")
    assert code == 2 and words in text and len(text.strip().splitlines()) == 1
    assert not (tmp_path / "new").exists()


def test_a_folder_of_rollouts_has_days_and_nights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("day", "night"):
        write_toy(tmp_path / "sweep" / name, scenario=SCENARIO.replace("time_of_day: day", f"time_of_day: {name}"))
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "empty_handed.py").write_text("def detect(picture):\n    return []\n")
    values = write_report(tmp_path / "sweep", tmp_path / "out", TrialSettings("empty_handed:detect", min_visible=0.0))
    assert [(one["name"], one["labels"], one["recall"]) for one in values["recall"]["time of day"]] == [
        ("day", 11, 0.0), ("night", 11, 0.0)
    ]  # fmt: skip
    assert values["figures"]["recall"] == 0 and len(values["futures"]) == 2
    moments = values["worst_moments"]
    assert len(moments) <= 12 and moments[0]["badness"] >= moments[-1]["badness"]
