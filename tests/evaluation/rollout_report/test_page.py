"""The page of a rollout whose labels are known."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from desktop import CHROMIUM, browser
from tiny_rollout import drivesim
from toy_rollout import SCENARIO, write_toy

from drivesim.evaluation.rollout_report.label_chart import label_chart
from drivesim.evaluation.rollout_report.page import command
from drivesim.labels.finished_rollout import FinishedRollout


@pytest.fixture(scope="module")
def toy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_toy(tmp_path_factory.mktemp("toy") / "toy", futures=2, scenario=SCENARIO.replace("name: toy", "# <b>\nname: toy"))


def test_the_page_has_films_labels_scenario_and_the_command(toy: Path) -> None:
    code, text = drivesim("report", toy)
    page = (toy / "report.html").read_text()
    assert code == 0 and text == f"wrote {toy / 'report.html'}\n"
    assert re.findall(r'<video [^>]*src="([^"]*)"', page) == ["future-00/video.mp4", "future-01/video.mp4"]
    assert page.count("<svg") == 2 and "# &lt;b&gt;\nname: toy" in page and "--futures 2 --seed 3 --device cpu" in page
    assert drivesim("report", toy)[0] == 0, "it is written anew"
    assert sorted(re.findall(r'(?:src|href)="([^"]*)"', page)) == ["future-00/video.mp4", "future-01/video.mp4"], "nothing else"


def test_the_chart_says_when_a_vehicle_is_there_and_what_the_film_shows(toy: Path) -> None:
    future = FinishedRollout.open(toy).futures[0]
    chart = label_chart(future)
    truck = chart.index("2 truck")
    spans = re.findall(r'<rect x="([\d.]+)" y="\d+" width="([\d.]+)"[^>]*fill="(#\w+)"', chart[truck:])
    assert spans[0] == ("110.0", "637.5", "#d9534f"), "in three frames of four, and not shown"
    assert chart.index("2 truck") < chart.index("7 sedan") < chart.index("11 suv"), "the highest first"
    assert 'fill="#9aa0a6" opacity="0.35"' in chart, "the one behind is hidden"


def test_the_command_says_what_was_free(tmp_path: Path) -> None:
    free = write_toy(tmp_path / "free", scenario=SCENARIO.replace("traffic: scripted", "traffic: free"))
    assert command(FinishedRollout.open(free)).endswith(" --free")
    assert drivesim("report", free)[0] == 0 and "nobody knows who is there in 3 frames" in (free / "report.html").read_text()


def test_what_is_no_finished_rollout_is_one_sentence(toy: Path) -> None:
    for folder, words in ((toy / "nowhere", "no such folder"), (toy / "future-00", "holds no rollout")):
        code, text = drivesim("report", folder)
        assert code == 2 and words in text and len(text.strip().splitlines()) == 1


@pytest.mark.skipif(CHROMIUM is None, reason="needs chromium")
def test_it_opens_from_disk_and_plays(toy: Path) -> None:
    drivesim("report", toy)
    with browser() as running:
        page, faults = running.new_page(), []
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on("requestfailed", lambda request: faults.append(request.url))
        page.goto((toy / "report.html").as_uri())
        page.wait_for_function("[...document.querySelectorAll('video')].every(film => film.readyState >= 1)", timeout=20_000)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth") and not faults
